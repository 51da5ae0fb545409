//! Between the words of the model and what a column holds: enums and documents as text, times as UTC.

use chrono::{DateTime, NaiveDateTime, SubsecRound, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::{
    CycleKind, CycleState, Export, FailureClass, JobState, Lifecycle, NestedGroups, PrincipalKind, QuarantineReason,
    RemovalEffect, RemovalState, Round, TargetPath,
};

use super::StoreError;

/// An enum that is stored as one word. The words are part of the schema: the migrations check them.
pub(super) trait Word: Copy + Sized + 'static {
    const COLUMN: &'static str;
    const WORDS: &'static [(Self, &'static str)];

    /// The word that is stored.
    fn word(self) -> &'static str;

    /// The value of a stored word.
    fn read(word: &str) -> Result<Self, StoreError> {
        let found = Self::WORDS.iter().find(|(_, known)| *known == word);
        found.map(|(value, _)| *value).ok_or(StoreError::Corrupt { column: Self::COLUMN, cause: None })
    }
}

macro_rules! words {
    ($($column:literal $name:ident { $($variant:ident = $word:literal),+ $(,)? })+) => {
        $(impl Word for $name {
            const COLUMN: &'static str = $column;
            const WORDS: &'static [(Self, &'static str)] = &[$(($name::$variant, $word)),+];

            fn word(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)+
                }
            }
        })+
    };
}

words! {
    "round" Round { Full = "full", Changes = "changes" }
    "lifecycle" Lifecycle { Present = "present", SoftDeleted = "softDeleted", LeftFeed = "leftFeed", Deleted = "deleted" }
    "nested_groups" NestedGroups { Groups = "groups", Flatten = "flatten", Ignore = "ignore" }
    "kind" PrincipalKind { Person = "person", Group = "group" }
    "export" Export { Never = "never", Unknown = "unknown", Exported = "exported" }
    "state" RemovalState {
        Held = "held",
        Approved = "approved",
        Staged = "staged",
        Released = "released",
        Rejected = "rejected",
    }
    "kind" CycleKind { Initial = "initial", Incremental = "incremental" }
    "state" CycleState {
        Running = "running",
        Succeeded = "succeeded",
        Partial = "partial",
        Failed = "failed",
        Interrupted = "interrupted",
    }
    "state" JobState { Active = "active", Pausing = "pausing", Paused = "paused" }
    "told" QuarantineReason {
        EncounteredBaseEscrowThreshold = "baseEscrowThreshold",
        EncounteredEscrowProportionThreshold = "escrowProportionThreshold",
        EncounteredQuarantineException = "quarantineException",
        IngestionInterrupted = "ingestionInterrupted",
        TooManyDeletes = "tooManyDeletes",
        Unknown = "unknown",
    }
    "class" FailureClass {
        Transient = "transient",
        Conflict = "conflict",
        Object = "object",
        Credentials = "credentials",
        Outage = "outage",
        Resync = "resync",
        Configuration = "configuration",
    }
}

/// The effect that two columns hold.
pub(super) fn read_effect(word: &str, attribute: String) -> Result<RemovalEffect, StoreError> {
    let plain = [RemovalEffect::Disable, RemovalEffect::Delete, RemovalEffect::Edges];
    match plain.into_iter().find(|effect| effect.word() == word) {
        Some(effect) => Ok(effect),
        None if !attribute.is_empty() => Ok(RemovalEffect::Clear(TargetPath::new(attribute))),
        None => Err(StoreError::Corrupt { column: "effect", cause: None }),
    }
}

/// A document as text. Maps are sorted, so equal documents are equal texts.
pub(super) fn to_json<T: Serialize + ?Sized>(document: &T) -> String {
    serde_json::to_string(document).expect("the documents of the model have text keys, so nothing in them can fail")
}

/// The document that `column` holds.
pub(super) fn from_json<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|cause| StoreError::Corrupt { column, cause: Some(cause) })
}

/// A time as both back ends keep it: UTC, whole microseconds.
pub(super) fn to_time(time: DateTime<Utc>) -> NaiveDateTime {
    time.naive_utc().trunc_subsecs(6)
}

/// A count as the model has it; counts are never negative.
pub(super) fn to_count(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// A number as a column holds it; no store has more rows than fit.
pub(super) fn to_amount(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

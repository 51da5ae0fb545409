//! What people ask of a job as a whole: to run, to pause, to begin anew.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Health;

/// Whether a job runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobState {
    /// It runs on its schedule.
    #[default]
    Active,
    /// It was asked to pause, and a cycle is ending: nothing new is sent, what is in flight is waited for.
    Pausing,
    /// It stands still, and goes on from there when it is started.
    Paused,
}

/// How a job stands between cycles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub state: JobState,
    /// How often it was started or restarted: another number than before means that somebody wants a cycle now.
    pub starts: i64,
    pub health: Health,
}

/// One thing that a restart resets. The words are those of `synchronizationJobRestartScope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reset {
    /// Drops the links: every object is matched again.
    ConnectorDataStore,
    /// Forgets failures: their objects are tried again at once, with all attempts before them.
    Escrows,
    /// The source is read in full, and every object evaluated again.
    Watermark,
    /// Lifts the quarantine.
    QuarantineState,
    /// Lets staged removals through.
    ForceDeletes,
}

impl Reset {
    pub const ALL: [Self; 5] =
        [Self::ConnectorDataStore, Self::Escrows, Self::Watermark, Self::QuarantineState, Self::ForceDeletes];

    fn word(self) -> &'static str {
        match self {
            Self::ConnectorDataStore => "ConnectorDataStore",
            Self::Escrows => "Escrows",
            Self::Watermark => "Watermark",
            Self::QuarantineState => "QuarantineState",
            Self::ForceDeletes => "ForceDeletes",
        }
    }
}

/// What a restart resets, together.
///
/// Read from and written as names with commas between: `Watermark, Escrows`. No name at all stands for watermark,
/// escrows and quarantine; `None` for nothing; `Full` for everything but staged removals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetScope(BTreeSet<Reset>);

impl ResetScope {
    pub fn resets(&self, reset: Reset) -> bool {
        self.0.contains(&reset)
    }
}

impl Default for ResetScope {
    fn default() -> Self {
        Self::from_iter([Reset::Watermark, Reset::Escrows, Reset::QuarantineState])
    }
}

impl FromIterator<Reset> for ResetScope {
    fn from_iter<I: IntoIterator<Item = Reset>>(resets: I) -> Self {
        Self(resets.into_iter().collect())
    }
}

/// A name that is no reset scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no reset scope; there are None, Watermark, Escrows, QuarantineState, ConnectorDataStore, Full, ForceDeletes"
)]
pub struct UnknownScope(String);

impl FromStr for ResetScope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut resets = BTreeSet::new();
        for name in text.split(',').map(str::trim) {
            let is = |word: &str| name.eq_ignore_ascii_case(word);
            if let Some(reset) = Reset::ALL.into_iter().find(|reset| is(reset.word())) {
                resets.insert(reset);
            } else if is("Full") {
                resets.extend(Reset::ALL.into_iter().filter(|reset| *reset != Reset::ForceDeletes));
            } else if !is("None") {
                return Err(UnknownScope(name.to_owned()));
            }
        }
        Ok(Self(resets))
    }
}

impl fmt::Display for ResetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("None");
        }
        let words: Vec<&str> = self.0.iter().map(|reset| reset.word()).collect();
        f.write_str(&words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_the_synchronization_api_writes_them() {
        for (text, written) in [
            ("", "Escrows, Watermark, QuarantineState"),
            ("None", "None"),
            ("Watermark, Escrows, QuarantineState", "Escrows, Watermark, QuarantineState"),
            ("full", "ConnectorDataStore, Escrows, Watermark, QuarantineState"),
            ("Full,ForceDeletes", "ConnectorDataStore, Escrows, Watermark, QuarantineState, ForceDeletes"),
            ("ForceDeletes", "ForceDeletes"),
        ] {
            let scope: ResetScope = text.parse().expect("it is one");
            assert_eq!(scope.to_string(), written);
            assert_eq!(written.parse(), Ok(scope), "what is written is read back");
        }
        assert_eq!("Links".parse::<ResetScope>(), Err(UnknownScope("Links".to_owned())));
    }
}

//! Metadata: pairs of a key and a text. What the keys of each kind of object are, the contract says.

use super::given::{Given, List, Scalar};
use super::record::record;
use super::word::{Vocabulary, Word, vocabulary};

record! {
    /// `stringKeyStringValuePair`
    KeyValue ("a pair of key and value") {
        key: String = "key";
        value: Scalar = "value";
    }
}

record! {
    /// An entry of metadata. Services write further keys than the contract has, and some twice.
    MetadataEntry<K> ("a pair of key and value") {
        /// Null where it is not given: a missing key is not the first one.
        key: Word<K> = "key", unset is Given::Null;
        value: Scalar = "value";
    }
}

vocabulary! {
    /// `objectDefinitionMetadata`
    ObjectMetadata {
        /// The attribute that says whether an account is enabled.
        PropertyNameAccountEnabled,
        /// The attribute that says whether an object is deleted for now.
        PropertyNameSoftDeleted,
        IsSoftDeletionSupported,
        IsSynchronizeAllSupported,
        ConnectorDataStorageRequired,
        Extensions,
        BaseObjectName,
    }
}
vocabulary! {
    /// `attributeDefinitionMetadata`
    AttributeMetadata {
        BaseAttributeName,
        ComplexObjectDefinition,
        IsContainer,
        IsCustomerDefined,
        IsDomainQualified,
        LinkPropertyNames,
        LinkTypeName,
        MaximumLength,
        ReferencedProperty,
    }
}
vocabulary! {
    /// `objectMappingMetadata`
    MappingMetadata {
        EscrowBehavior,
        DisableMonitoringForChanges,
        OriginalJoiningProperty,
        /// `Normal`, `Discard` or `Escrow`.
        Disposition,
        IsCustomerDefined,
        ExcludeFromReporting,
        /// Kept only because something else needs it.
        Unsynchronized,
    }
}
vocabulary! {
    /// `synchronizationMetadata`
    TemplateMetadata {
        GalleryApplicationIdentifier,
        GalleryApplicationKey,
        IsOAuthEnabled,
        IsSynchronizationAgentAssignmentRequired,
        IsSynchronizationAgentRequired,
        IsSynchronizationInPreview,
        OAuthSettings,
        SynchronizationLearnMoreIbizaFwLink,
        ConfigurationFields,
    }
}

impl<K: Vocabulary> Given<List<MetadataEntry<K>>> {
    /// The value of a key; a text that is a JSON string itself is unquoted.
    pub(in crate::sync_schema) fn value(&self, key: K) -> Option<&str> {
        let has_key = |entry: &MetadataEntry<K>| entry.key.get().and_then(Word::known) == Some(key);
        let (_, entry) = self.items().find(|(_, entry)| has_key(entry))?;
        Some(unquoted(entry.value.text()?))
    }
}

/// A value without the quotes that it has where it is a JSON string itself.
pub(in crate::sync_schema) fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

//! What an object of the contract is: named members, and whatever else stands there.

/// Defines the type of an object of the contract, which may have a vocabulary as its parameter. A member is `name: Type
/// = "its key"`, followed by `unset is VALUE` where the contract has another default than
/// [`Shape::unset`](super::Shape::unset). `derived by` names what makes members of each other before the object is
/// completed.
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident $(<$parameter:ident>)? ($expected:literal) {
            $($(#[$member_doc:meta])* $member:ident: $type:ty = $key:literal $(, unset is $unset:expr)?;)*
        }
        $(derived by $derive:path)?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name $(<$parameter>)? {
            $($(#[$member_doc])* pub $member: $crate::sync_schema::wire::Given<$type>,)*
            /// Members that have no name here.
            pub other: $crate::sync_schema::wire::Other,
        }

        impl $(<$parameter: $crate::sync_schema::wire::Vocabulary>)? $crate::sync_schema::wire::Shape
            for $name $(<$parameter>)?
        {
            const EXPECTED: &'static str = $expected;

            fn read(json: serde_json::Value) -> Result<Self, serde_json::Value> {
                match json {
                    serde_json::Value::Object(mut other) => Ok(Self {
                        $($member: $crate::sync_schema::wire::Given::take(&mut other, $key),)*
                        other,
                    }),
                    json => Err(json),
                }
            }

            fn write(&self) -> serde_json::Value {
                let mut members = self.other.clone();
                $(self.$member.put(&mut members, $key);)*
                serde_json::Value::Object(members)
            }

            fn oddities(&self, pointer: &str, found: &mut Vec<$crate::sync_schema::wire::Oddity>) {
                $(self.$member.oddities(&[pointer, "/", $key].concat(), found);)*
            }

            fn complete(&mut self) {
                $($derive(self);)?
                $(self.$member.complete($crate::sync_schema::wire::record::unset!($type $(, $unset)?));)*
            }
        }

        impl $(<$parameter: $crate::sync_schema::wire::Vocabulary>)? serde::Serialize for $name $(<$parameter>)? {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::sync_schema::wire::Shape::write(self).serialize(serializer)
            }
        }

        impl<'de $(, $parameter: $crate::sync_schema::wire::Vocabulary)?> serde::Deserialize<'de> for $name $(<$parameter>)? {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let json = serde_json::Value::deserialize(deserializer)?;
                <Self as $crate::sync_schema::wire::Shape>::read(json)
                    .map_err(|_| serde::de::Error::custom(concat!("expected ", $expected, ", a JSON object")))
            }
        }
    };
}

macro_rules! unset {
    ($type:ty) => {
        <$type as $crate::sync_schema::wire::Shape>::unset()
    };
    ($type:ty, $unset:expr) => {
        $unset
    };
}

pub(super) use {record, unset};

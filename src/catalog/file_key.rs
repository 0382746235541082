//! The key of a list's file: columns, or `"record"` for a list whose records have none. It checks nothing beyond that.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor, value::SeqAccessDeserializer};

use super::spec::KeyPart;

/// The text for a list whose records have no key.
pub(super) const RECORD: &str = "record";

pub(super) enum KeyFile {
    Columns(Vec<KeyPart>),
    /// The whole record is its key.
    Record,
}

impl<'de> Deserialize<'de> for KeyFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = KeyFile;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("columns such as [{ column = \"id\" }], or \"record\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<KeyFile, E> {
                if text == RECORD { Ok(KeyFile::Record) } else { Err(E::unknown_variant(text, &[RECORD])) }
            }
            fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<KeyFile, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(parts)).map(KeyFile::Columns)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

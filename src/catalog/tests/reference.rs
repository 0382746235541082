//! The page on lists of your own names every key of a file, and no other.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use crate::catalog::file::{ColumnFile, EndpointFile, FieldFile, TypeFile};
use crate::catalog::file_paging::{OfLastRecord, OutsideTheBody, PagingFile};
use crate::catalog::file_reach::{ParentFile, WindowFile};
use crate::catalog::reach::Memory;
use crate::catalog::services::ServiceFile;
use crate::catalog::spec::{FixedParam, KeyPart, Split};

const PAGE: &str = include_str!("../../../docs/lists-of-your-own.md");

/// Notes the keys that a type asks for, and gives it none.
struct Asked<'a>(&'a mut BTreeSet<&'static str>);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("not a table"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        keys: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.0.extend(keys);
        Err(Error::custom("the keys are noted"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn keys_of<T: for<'de> Deserialize<'de>>() -> BTreeSet<&'static str> {
    let mut keys = BTreeSet::new();
    assert!(T::deserialize(Asked(&mut keys)).is_err());
    keys
}

/// The names in backticks in the first cell of each row, by the table's head.
fn tables() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut tables: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut head = None;
    for line in PAGE.lines() {
        let Some((first, _)) = line.strip_prefix("| ").and_then(|row| row.split_once(" | ")) else {
            head = head.filter(|_| line.starts_with("|--"));
            continue;
        };
        match &head {
            None => head = Some(first.to_owned()).filter(|head| head.starts_with("key")),
            Some(head) => tables.entry(head.clone()).or_default().extend(first.split('`').skip(1).step_by(2)),
        }
    }
    tables
}

#[test]
fn the_page_names_every_key_of_a_file_and_no_other() {
    let mut of_objects = keys_of::<OutsideTheBody>();
    of_objects.extend(keys_of::<OfLastRecord>());
    let wanted = [
        ("key", keys_of::<EndpointFile>()),
        ("key of a part of `key`", keys_of::<KeyPart>()),
        ("key of `fixed`", keys_of::<FixedParam>()),
        ("key of `[paging]`", keys_of::<PagingFile>()),
        ("key of `[split]`", keys_of::<Split>()),
        ("key of `total` or `next`", of_objects),
        ("key of `[[column]]`", keys_of::<ColumnFile>()),
        ("key of a field", keys_of::<FieldFile>()),
        ("key of `item`", keys_of::<TypeFile>()),
        ("key of `[parent]`", keys_of::<ParentFile>()),
        ("key of `[window]`", keys_of::<WindowFile>()),
        ("key of `[memory]`", keys_of::<Memory>()),
        ("key of `[[service]]`", keys_of::<ServiceFile>()),
    ];
    let wanted: BTreeMap<String, BTreeSet<&str>> =
        wanted.into_iter().map(|(head, keys)| (head.to_owned(), keys)).collect();
    assert_eq!(tables(), wanted);
}

//! Rules for every record: the values are stored as given, however they are written, and the hash differs exactly if
//! the stored contents differ.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{CHINA, NOW, column, decode, hashes, list};
use crate::catalog::spec::Endpoint;
use crate::normalize::Decoder;

const COLUMNS: &str = r#"
    [[column]]
    name = "id"
    type = "text"
    about = "Key."
    [[column]]
    name = "flag"
    type = "bool"
    about = "Flag."
    [[column]]
    name = "small"
    path = "meta.small"
    type = "int32"
    about = "Small."
    [[column]]
    name = "large"
    path = "meta.large"
    type = "int64"
    about = "Large."
    [[column]]
    name = "ratio"
    type = "double"
    about = "Ratio."
    [[column]]
    name = "at"
    type = "timestamp"
    format = "epoch_millis"
    about = "When."
    [[column]]
    name = "tags"
    type = "list"
    item = { type = "text" }
    about = "Tags."
    [[column]]
    name = "pair"
    type = "struct"
    fields = [{ name = "l", type = "text", about = "Left." }, { name = "r", type = "int64", about = "Right." }]
    about = "Pair."
    [[column]]
    name = "sizes"
    type = "map"
    item = { type = "int64" }
    about = "Sizes."
"#;

const NAMES: [&str; 9] = ["id", "flag", "small", "large", "ratio", "at", "tags", "pair", "sizes"];

fn things() -> Endpoint {
    list(r#"[{ column = "id" }]"#, COLUMNS)
}

/// The values a record is to hold, by column. NULL is absent.
#[derive(Clone, Debug, PartialEq)]
struct Thing {
    values: BTreeMap<&'static str, Value>,
    unknown: Option<Value>,
}

fn thing() -> impl Strategy<Value = Thing> {
    let text = || prop_oneof!["[a-c]{0,3}", "\\PC{0,6}", "[\"\\\\/\n\t\u{1}é😀]{0,4}"];
    let maybe = |value: BoxedStrategy<Value>| prop::option::weighted(0.8, value);
    let pair = (prop::option::of(text()), prop::option::of(-3i64..3)).prop_map(|(l, r)| json!({"l": l, "r": r}));
    let values = (
        "[a-z]{1,3}".prop_map(Value::from),
        maybe(any::<bool>().prop_map(Value::from).boxed()),
        maybe(any::<i32>().prop_map(Value::from).boxed()),
        maybe(any::<i64>().prop_map(Value::from).boxed()),
        maybe(any::<f64>().prop_filter("JSON has only these", |f| f.is_finite()).prop_map(Value::from).boxed()),
        maybe((-62_135_596_800_000i64..253_402_300_800_000).prop_map(Value::from).boxed()),
        maybe(prop::collection::vec(prop::option::of(text()), 0..4).prop_map(|tags| json!(tags)).boxed()),
        maybe(pair.boxed()),
        maybe(prop::collection::btree_map(text(), prop::option::of(-3i64..3), 0..4).prop_map(|m| json!(m)).boxed()),
    );
    let unknown = prop::option::weighted(0.3, prop::collection::btree_map(text(), any::<i64>(), 0..3));
    (values, unknown).prop_map(|((id, flag, small, large, ratio, at, tags, pair, sizes), unknown)| Thing {
        values: NAMES
            .into_iter()
            .zip([Some(id), flag, small, large, ratio, at, tags, pair, sizes])
            .filter_map(|(name, value)| Some((name, value?)))
            .collect(),
        unknown: unknown.map(|members| json!(members)),
    })
}

/// How a record is written: choices taken one by one, members' order and white space among them.
struct Style {
    choices: Vec<u8>,
    next: usize,
}

impl Style {
    fn choose(&mut self, below: usize) -> usize {
        let choice = self.choices[self.next % self.choices.len()];
        self.next += 1;
        usize::from(choice) % below
    }

    fn space(&mut self) -> &'static str {
        ["", " ", "\n\t", "  \r\n"][self.choose(4)]
    }

    fn text(&mut self, text: &str) -> String {
        let mut out = String::from('"');
        for c in text.chars() {
            if c < ' ' || c == '"' || c == '\\' || self.choose(4) == 0 {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            } else {
                out.push(c);
            }
        }
        out + "\""
    }

    fn object(&mut self, mut members: Vec<(String, String)>) -> String {
        let mut parts = Vec::new();
        while !members.is_empty() {
            let (name, value) = members.swap_remove(self.choose(members.len()));
            let name = self.text(&name);
            parts.push(format!("{}{name}{}:{}{value}", self.space(), self.space(), self.space()));
        }
        format!("{{{}{}}}", parts.join(","), self.space())
    }

    fn value(&mut self, value: &Value) -> String {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| self.value(item) + self.space()).collect();
                format!("[{}]", items.join(","))
            }
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| (name.clone(), self.value(value))).collect();
                self.object(members)
            }
            plain => plain.to_string(),
        }
    }

    fn record(&mut self, thing: &Thing) -> String {
        let (mut outer, mut meta) = (Vec::new(), Vec::new());
        for (name, value) in &thing.values {
            let written = (name.to_string(), self.value(value));
            if ["small", "large"].contains(name) { meta.push(written) } else { outer.push(written) }
        }
        for name in NAMES.iter().filter(|name| !thing.values.contains_key(*name)) {
            if !["small", "large"].contains(name) && self.choose(2) == 0 {
                outer.push((name.to_string(), "null".to_owned()));
            }
        }
        if !meta.is_empty() || self.choose(2) == 0 {
            let meta = self.object(meta);
            outer.push(("meta".to_owned(), meta));
        }
        if let Some(unknown) = &thing.unknown {
            let unknown = self.value(unknown);
            outer.push(("later".to_owned(), unknown));
        }
        self.object(outer)
    }
}

fn style() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..40)
}

fn stored(thing: &Thing, name: &str) -> Value {
    match (name, thing.values.get(name)) {
        (_, None) => Value::Null,
        ("at", Some(millis)) => json!(millis.as_i64().unwrap() * 1000),
        (_, Some(value)) => value.clone(),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_stored(things_written in prop::collection::vec((thing(), style()), 1..6)) {
        let records: Vec<String> =
            things_written.iter().map(|(thing, choices)| Style { choices: choices.clone(), next: 0 }.record(thing)).collect();
        let rows: Vec<&str> = records.iter().map(String::as_str).collect();
        let decoded = decode(&things(), &rows);
        prop_assert_eq!(&decoded.bad, &[], "{:?}", rows);
        for name in NAMES {
            let wanted: Vec<Value> = things_written.iter().map(|(thing, _)| stored(thing, name)).collect();
            prop_assert_eq!(column(&decoded, name), wanted, "{} in {:?}", name, rows);
        }
        for ((thing, _), extra) in things_written.iter().zip(column(&decoded, "extra")) {
            let wanted = thing.unknown.as_ref().map(|value| json!({ "later": value }).to_string());
            prop_assert_eq!(extra, json!(wanted));
        }
    }

    #[test]
    fn a_decoder_reads_each_page_as_a_new_one_would(
        pages in prop::collection::vec(prop::collection::vec((thing(), style(), prop::option::weighted(0.2, Just("}"))), 0..4), 1..6),
    ) {
        let endpoint = things();
        let mut decoder = Decoder::new(&endpoint, CHINA);
        for page in pages {
            let records: Vec<String> = page
                .into_iter()
                .map(|(thing, choices, wrong)| Style { choices, next: 0 }.record(&thing) + wrong.unwrap_or_default())
                .collect();
            let rows: Vec<&str> = records.iter().map(String::as_str).collect();
            let (read, alone) = (decoder.decode(&rows, NOW), decode(&endpoint, &rows));
            prop_assert_eq!(read.bad, alone.bad, "{:?}", rows);
            prop_assert_eq!(read.good, alone.good);
            prop_assert_eq!(read.batch, alone.batch);
            prop_assert_eq!((read.unknown, read.future_instants), (alone.unknown, alone.future_instants));
        }
    }

    #[test]
    fn the_hash_is_of_what_is_stored_and_not_of_how_it_is_written(
        a in thing(), b in thing(), change in 0usize..9, one in style(), two in style(),
    ) {
        let mut near = a.clone();
        match b.values.get(NAMES[change]) {
            Some(value) => near.values.insert(NAMES[change], value.clone()),
            None => near.values.remove(NAMES[change]),
        };
        let write = |thing, choices: &Vec<u8>| Style { choices: choices.clone(), next: 0 }.record(thing);
        let records = [write(&a, &one), write(&a, &two), write(&near, &one), write(&b, &two)];
        let decoded = decode(&things(), &records.each_ref().map(String::as_str));
        let hashes = hashes(&decoded);
        prop_assert_eq!(hashes[0], hashes[1], "{:?}", records);
        prop_assert_eq!(hashes[0] == hashes[2], a == near, "{:?}", records);
        prop_assert_eq!(hashes[0] == hashes[3], a == b, "{:?}", records);
    }

    #[test]
    fn no_text_makes_the_decoder_panic_or_lose_count(
        texts in prop::collection::vec(prop_oneof!["\\PC{0,20}", "[{}\\[\\]\":,0-9a-e\\\\. ]{0,30}"], 0..5),
        (whole, choices, cut) in (thing(), style(), any::<prop::sample::Index>()),
    ) {
        let record = Style { choices, next: 0 }.record(&whole);
        let at = record.floor_char_boundary(cut.index(record.len()));
        let mut rows: Vec<&str> = texts.iter().map(String::as_str).collect();
        rows.extend([&record[..at], record.as_str()]);
        let decoded = decode(&things(), &rows);
        prop_assert_eq!(decoded.good.len() + decoded.bad.len(), rows.len());
        prop_assert_eq!(decoded.batch.num_rows(), decoded.good.len());
        prop_assert_eq!(decoded.good.last(), Some(&(rows.len() as u32 - 1)));
        let alone = decode(&things(), &[record.as_str()]);
        prop_assert_eq!(&decoded.batch.slice(decoded.good.len() - 1, 1), &alone.batch);
    }
}

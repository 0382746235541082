//! Rewrites a record's text before anything else reads it: members are left out, and what is personal is hashed or dropped.
//! It builds no tree of values, and knows nothing of columns beyond their paths and types.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::extra::write_text;
use super::fault::Fault;
use super::raw::{RawMembers, text_of};
use crate::base::privacy::{Personal, PrivacyKey, is_hash};
use crate::catalog::spec::{Column, Endpoint};
use crate::schema::ColumnType;

/// How deep lists and objects may nest on the way to a member.
const DEPTH_MAX: usize = 64;
/// Stands for a text or a number where an object with personal members should be: nobody can say what it holds.
const MASKED: &str = "\"\"";

/// What is not kept of records as it came, by paths. A path goes through each item of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redaction {
    rules: Vec<Rule>,
    key: Option<PrivacyKey>,
}

#[derive(Clone, Debug)]
struct Rule {
    path: Vec<String>,
    action: Action,
}

/// What becomes of a member.
#[derive(Clone, Debug, PartialEq)]
enum Action {
    /// It is left out for another reason than that it is personal.
    LeaveOut,
    /// It is personal, and left out.
    Drop,
    /// A text or a number becomes the hash of its text, but not these texts, which stand for no value.
    Hash { none: Vec<String> },
    /// Each text within becomes its hash, and each number null.
    HashWithin,
}

/// A rule from the place that is read on: the rest of its path.
type Ahead<'r> = (&'r [String], &'r Action);

impl Redaction {
    /// Leaves these members out.
    pub(crate) fn leaving_out<'a>(paths: impl Iterator<Item = &'a Vec<String>>) -> Redaction {
        let rule = |path: &Vec<String>| Rule { path: path.clone(), action: Action::LeaveOut };
        Redaction { rules: paths.map(rule).collect(), key: None }
    }

    /// What nothing may keep of a list's records: members that are never stored, and what is personal as the settings
    /// have it.
    pub(crate) fn of(endpoint: &Endpoint) -> Redaction {
        let mut redaction = Redaction::leaving_out(endpoint.never_stored.iter());
        for column in endpoint.personal_columns() {
            match endpoint.done_with(column) {
                Personal::Keep => {}
                Personal::Drop => redaction.add(&column.path, Action::Drop),
                Personal::Hash => redaction.hash(&column.path, &column.ty, column),
            }
        }
        Redaction { key: endpoint.privacy.key.clone(), ..redaction }
    }

    fn add(&mut self, path: &[String], action: Action) {
        self.rules.push(Rule { path: path.to_vec(), action });
    }

    /// Hashes what a value of this type holds. What is declared as something else than text is dropped: a hash would
    /// not fit.
    fn hash(&mut self, path: &[String], ty: &ColumnType, column: &Column) {
        match ty {
            ColumnType::Text => self.add(path, Action::Hash { none: column.none.clone() }),
            ColumnType::Json => self.add(path, Action::HashWithin),
            ColumnType::List(item) => self.hash(path, item, column),
            ColumnType::Struct(fields) => {
                self.add(path, Action::HashWithin);
                fields.iter().for_each(|field| self.hash(&[path, &field.path].concat(), &field.ty, column));
            }
            _ => self.add(path, Action::Drop),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The record's text as it may be kept; unchanged where nothing is to be changed. It can be applied again, which
    /// changes nothing. Where its names or texts cannot be read, nobody can say what it holds, and that is a fault.
    pub(super) fn applied_to<'a>(&self, record: &'a str) -> Result<Cow<'a, str>, Fault> {
        if self.is_empty() {
            return Ok(Cow::Borrowed(record));
        }
        let rules: Vec<Ahead<'_>> = self.rules.iter().map(|rule| (rule.path.as_slice(), &rule.action)).collect();
        let mut writer =
            Writer { key: self.key.as_ref(), kept: String::with_capacity(record.len()), has_changed: false };
        writer.value(record, &rules, None, 0)?;
        Ok(if writer.has_changed { Cow::Owned(writer.kept) } else { Cow::Borrowed(record) })
    }

    /// As [`Redaction::applied_to`], for readers that have no place for a fault: `None`.
    pub(crate) fn kept_of<'a>(&self, record: &'a str) -> Option<Cow<'a, str>> {
        self.applied_to(record).ok()
    }
}

/// Writes one record as it may be kept.
struct Writer<'k> {
    key: Option<&'k PrivacyKey>,
    kept: String,
    has_changed: bool,
}

impl Writer<'_> {
    /// Appends a value. `inside` is what becomes of every value here.
    fn value(&mut self, raw: &str, rules: &[Ahead<'_>], inside: Option<&Action>, depth: usize) -> Result<(), Fault> {
        let json = |error: serde_json::Error| Fault::Json(error.to_string());
        let raw = raw.trim_ascii();
        if rules.is_empty() && inside.is_none() {
            self.kept.push_str(raw);
            return Ok(());
        }
        match raw.as_bytes().first() {
            Some(b'{' | b'[') if depth == DEPTH_MAX => return Err(Fault::Deep { limit: DEPTH_MAX }),
            Some(b'{') => {
                let members = serde_json::from_str::<RawMembers<'_>>(raw).map_err(json)?.0;
                self.object(&members, rules, inside, depth)?;
            }
            Some(b'[') => {
                self.kept.push('[');
                for (position, item) in serde_json::from_str::<Vec<&RawValue>>(raw).map_err(json)?.iter().enumerate() {
                    if position > 0 {
                        self.kept.push(',');
                    }
                    self.value(item.get(), rules, inside, depth + 1)?;
                }
                self.kept.push(']');
            }
            _ => self.scalar(raw, rules, inside)?,
        }
        Ok(())
    }

    fn object(
        &mut self,
        members: &[(Cow<'_, str>, &str)],
        rules: &[Ahead<'_>],
        inside: Option<&Action>,
        depth: usize,
    ) -> Result<(), Fault> {
        self.kept.push('{');
        let mut is_first = true;
        for (name, value) in members {
            let of_member = rules.iter().filter_map(|(path, action)| {
                path.split_first().filter(|(first, _)| *first == name).map(|(_, rest)| (rest, *action))
            });
            let (here, ahead): (Vec<Ahead<'_>>, Vec<Ahead<'_>>) = of_member.partition(|(rest, _)| rest.is_empty());
            if here.iter().any(|(_, action)| matches!(action, Action::LeaveOut | Action::Drop)) {
                self.has_changed = true;
                continue;
            }
            if !std::mem::take(&mut is_first) {
                self.kept.push(',');
            }
            write_text(name, &mut self.kept);
            self.kept.push(':');
            self.value(value, &ahead, here.first().map(|(_, action)| *action).or(inside), depth + 1)?;
        }
        self.kept.push('}');
        Ok(())
    }

    fn scalar(&mut self, raw: &str, ahead: &[Ahead<'_>], inside: Option<&Action>) -> Result<(), Fault> {
        let is_text = raw.starts_with('"');
        if !is_text && !raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            // True, false and null name nobody.
            self.kept.push_str(raw);
            return Ok(());
        }
        match (inside, self.key) {
            (Some(Action::Hash { none }), Some(key)) => {
                let text = if is_text { text_of(raw)? } else { Cow::Borrowed(raw) };
                self.hashed(raw, &text, none, key);
            }
            (Some(_), Some(key)) if is_text => self.hashed(raw, &text_of(raw)?, &[], key),
            (Some(_), _) => self.changed("null"),
            (None, _) if raw != MASKED && ahead.iter().any(|(_, action)| **action != Action::LeaveOut) => {
                self.changed(MASKED);
            }
            (None, _) => self.kept.push_str(raw),
        }
        Ok(())
    }

    fn hashed(&mut self, raw: &str, text: &str, none: &[String], key: &PrivacyKey) {
        if text.is_empty() || is_hash(text) || none.iter().any(|none| none == text) {
            self.kept.push_str(raw);
        } else {
            self.has_changed = true;
            write_text(&key.hash(text), &mut self.kept);
        }
    }

    fn changed(&mut self, to: &str) {
        self.has_changed = true;
        self.kept.push_str(to);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::base::privacy::Privacy;
    use crate::base::secret::Secret;
    use crate::catalog::{Catalog, member_path};

    fn leaving_out(paths: &[&str]) -> Redaction {
        Redaction::leaving_out(paths.iter().map(|path| member_path::parse(path)).collect::<Vec<_>>().iter())
    }

    fn kept(paths: &[&str], record: &str) -> String {
        leaving_out(paths).applied_to(record).unwrap().into_owned()
    }

    /// A list whose personal columns are treated so.
    fn treated(columns: &str, personal: Personal) -> Redaction {
        let text = format!(
            "name = \"x\"\ntitle = \"x\"\nabout = \"x\"\nservice = \"swr\"\nmethod = \"GET\"\npath = \"/x\"\n\
             scope = \"region\"\ndoc = \"x\"\nkey = [{{ column = \"id\" }}]\nitems = \"items\"\n[paging]\n\
             kind = \"none\"\n[[column]]\nname = \"id\"\ntype = \"text\"\nnullable = false\nabout = \"x\"\n{columns}"
        );
        let key = PrivacyKey::new(Secret::new("0123456789abcdef"));
        let catalog = Catalog::load([("x".to_owned(), text)]).unwrap();
        let catalog = catalog.with_privacy(|_| Privacy { personal, key: key.clone(), drops_unknown: false });
        Redaction::of(&catalog.endpoints()[0])
    }

    fn personal(name: &str, rest: &str) -> String {
        format!("[[column]]\nname = \"{name}\"\npersonal = true\nabout = \"x\"\n{rest}\n")
    }

    fn hash(text: &str) -> String {
        PrivacyKey::new(Secret::new("0123456789abcdef")).unwrap().hash(text)
    }

    /// The same as `HASH(x)` in a text that is expected.
    fn with_hashes(text: &str) -> String {
        let mut parts = text.split("HASH(");
        let first = parts.next().unwrap().to_owned();
        parts.fold(first, |out, part| {
            let (inner, rest) = part.split_once(')').unwrap();
            out + &hash(inner) + rest
        })
    }

    #[track_caller]
    fn assert_kept(redaction: &Redaction, record: &str, expected: &str) {
        let kept = redaction.applied_to(record).unwrap().into_owned();
        assert_eq!(kept, with_hashes(expected), "{record}");
        assert_eq!(redaction.applied_to(&kept).unwrap(), kept, "it can be applied again: {record}");
    }

    #[test]
    fn a_personal_text_becomes_its_hash_and_no_value_stays_none() {
        let columns = personal("who", "path = \"user.name\"\ntype = \"text\"\nnone = [\"-\"]");
        let redaction = treated(&columns, Personal::Hash);
        for (record, kept) in [
            (r#"{"id":"a","user":{"name":"bob","n":1}}"#, r#"{"id":"a","user":{"name":"HASH(bob)","n":1}}"#),
            (r#"{"user":{"\u006eame":"\u0062ob"}}"#, r#"{"user":{"name":"HASH(bob)"}}"#),
            (r#"{"user":{"name":"a\"b"}}"#, r#"{"user":{"name":"HASH(a"b)"}}"#),
            (r#"{"user":{"name":17}}"#, r#"{"user":{"name":"HASH(17)"}}"#),
            (r#"{"user":{"name":"a","name":"b"}}"#, r#"{"user":{"name":"HASH(a)","name":"HASH(b)"}}"#),
            (
                r#"{"user":{"name":["a",{"x":"b","y":2}]}}"#,
                r#"{"user":{"name":["HASH(a)",{"x":"HASH(b)","y":"HASH(2)"}]}}"#,
            ),
        ] {
            assert_kept(&redaction, record, kept);
        }
        for record in [
            r#"{"user":{"name":""}}"#,
            r#"{ "user" : {"name":null} }"#,
            r#"{"user":{"name":"-"}}"#,
            r#"{"user":{"name":true}}"#,
            r#"{"name":"bob","user":{}}"#,
            &format!(r#"{{"user":{{"name":"{}"}}}}"#, hash("bob")),
        ] {
            assert_kept(&redaction, record, record);
        }
    }

    #[test]
    fn a_value_on_the_way_to_a_personal_one_is_not_kept() {
        let columns = personal("who", "path = \"user.name\"\ntype = \"text\"");
        for done in [Personal::Hash, Personal::Drop] {
            let redaction = treated(&columns, done);
            for (record, kept) in [
                (r#"{"id":"a","user":"bob"}"#, r#"{"id":"a","user":""}"#),
                (r#"{"user":[7,"bob",null]}"#, r#"{"user":["","",null]}"#),
                (r#""bob""#, r#""""#),
                (r#"["bob"]"#, r#"[""]"#),
            ] {
                assert_kept(&redaction, record, kept);
            }
        }
    }

    #[test]
    fn what_is_dropped_is_gone_and_a_hash_fits_only_text() {
        let columns = ["text", "int64", "timestamp", "bool", "double", "elapsed", "json"]
            .map(|ty| personal(&format!("c_{ty}"), &format!("type = \"{ty}\"")))
            .concat();
        let record = r#"{"id":"a","c_text":"x","c_int64":1,"c_timestamp":"2026-01-01T00:00:00Z","c_bool":true,
            "c_double":1.5,"c_elapsed":"00:00:01","c_json":{"a":["x",1,true,null,{"b":"y"}]},"n":1}"#;
        assert_kept(&treated(&columns, Personal::Drop), record, r#"{"id":"a","n":1}"#);
        let hashed = r#"{"id":"a","c_text":"HASH(x)","c_json":{"a":["HASH(x)",null,true,null,{"b":"HASH(y)"}]},"n":1}"#;
        assert_kept(&treated(&columns, Personal::Hash), record, hashed);
        assert!(treated(&columns, Personal::Keep).is_empty(), "what is kept costs nothing");
    }

    #[test]
    fn lists_and_structs_keep_their_form_and_only_texts_within_become_hashes() {
        let columns = personal("names", "type = \"list\"\nitem = { type = \"text\" }")
            + &personal("ages", "type = \"list\"\nitem = { type = \"int64\" }")
            + &personal(
                "users",
                "type = \"list\"\nitem = { type = \"struct\", fields = [{ name = \"name\", type = \"text\", about = \"x\" }, \
                 { name = \"since\", type = \"timestamp\", about = \"x\" }, { name = \"raw\", type = \"json\", about = \"x\" }] }",
            )
            + &personal("by_name", "type = \"map\"\nitem = { type = \"text\" }");
        let record = r#"{"names":["a",2,null],"ages":[1],"by_name":{"a":"b"},
            "users":[{"name":"a","since":"2026-01-01","raw":{"k":[1]},"more":{"n":5,"t":"t"}},null,"x"]}"#;
        let kept = r#"{"names":["HASH(a)","HASH(2)",null],"users":[{"name":"HASH(a)","raw":{"k":[null]},"more":{"n":null,"t":"HASH(t)"}},null,"HASH(x)"]}"#;
        assert_kept(&treated(&columns, Personal::Hash), record, kept);
    }

    #[test]
    fn without_a_key_what_was_to_be_hashed_is_dropped() {
        let columns = personal("who", "type = \"text\"");
        let mut redaction = treated(&columns, Personal::Hash);
        redaction.key = None;
        assert_kept(&redaction, r#"{"who":"bob"}"#, r#"{"who":null}"#);
    }

    #[test]
    fn members_are_removed_wherever_the_path_leads() {
        assert_eq!(kept(&["b"], r#"{"a":1,"b":{"c":2},"d":3}"#), r#"{"a":1,"d":3}"#);
        assert_eq!(kept(&["a", "b", "d"], r#"{"a":1,"b":2,"d":3}"#), "{}");
        assert_eq!(kept(&["f.links"], r#"{"links":1,"f":{"id":1,"links":[]}}"#), r#"{"links":1,"f":{"id":1}}"#);
        assert_eq!(kept(&["h.pw"], r#"{"h":[{"pw":"x","n":1},[{"pw":"y"}],"pw"]}"#), r#"{"h":[{"n":1},[{}],"pw"]}"#);
        assert_eq!(kept(&["pw"], r#"{"\u0070w":"x","pw":"y"}"#), "{}", "escaped names, and a member that comes twice");
        assert_eq!(kept(&[r"a\.b"], r#"{"a":{"b":1},"a.b":2}"#), r#"{"a":{"b":1}}"#);
    }

    #[test]
    fn a_record_with_none_of_the_members_stays_as_it_came() {
        for record in [r#"{ "a" : 1.50 , "b":"\u0061" }"#, r#"{"b":{"a":1}}"#, "[]", "null", "\"pw\"", "1e999"] {
            assert_eq!(kept(&["pw", "a.pw"], record), record);
            assert_eq!(kept(&[], record), record);
        }
    }

    #[test]
    fn a_record_whose_names_cannot_be_read_is_refused() {
        for record in [r#"{"\ud800":1,"pw":"x"}"#, r#"{"pw":"x""#, &format!("{}{}", "[".repeat(65), "]".repeat(65))] {
            assert!(leaving_out(&["pw"]).applied_to(record).is_err(), "{record}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::from("canary")), any::<i32>().prop_map(Value::from), Just(Value::Null)];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let member = (prop::sample::select(vec!["a", "b", "pw", "x.y"]), inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::from),
                prop::collection::vec(member, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().map(|(n, v)| (n.to_owned(), v)).collect())),
            ]
        })
    }

    /// The same by another way: on values, not on text.
    fn without(value: Value, path: &[String]) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(|item| without(item, path)).collect(),
            Value::Object(members) => {
                let kept = members.into_iter().filter(|(name, _)| !(path.len() == 1 && *name == path[0]));
                let within = |(name, value): (String, Value)| {
                    let value = if name == path[0] { without(value, &path[1..]) } else { value };
                    (name, value)
                };
                Value::Object(kept.map(within).collect())
            }
            other => other,
        }
    }

    proptest! {
        #[test]
        fn the_text_says_what_is_left_of_the_value(
            value in json(), path in prop::collection::vec(prop::sample::select(vec!["a", "b", "pw", "x.y"]), 1..4),
        ) {
            let path: Vec<String> = path.into_iter().map(str::to_owned).collect();
            let text = value.to_string();
            let redaction = Redaction::leaving_out([path.clone()].iter());
            let kept: Value = serde_json::from_str(&redaction.applied_to(&text).unwrap()).unwrap();
            prop_assert_eq!(kept, without(value, &path));
        }
    }
}

//! Reads `hclake.toml`. The table of settings says which keys there are and which types their values have. It judges
//! no value and resolves nothing.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::choices::CodeartsProjects;
use super::entry::{Entry, Key, Kind, one_of};
use super::settings::{self, CATALOG_DIR};
use super::value::{Origin, Value};
use super::values::Values;
use super::{alert_block, fault, notify_block};
use crate::base::place::Place;
use crate::base::rate::Rate;
use crate::catalog::Services;
use crate::catalog::toml_text::{self, TomlFault};

/// Names of the tables of which there may be several.
const SCOPE: &str = "scope";
const ALERT: &str = "alert";
const NOTIFY: &str = "notify";
const BLOCKS: [&str; 3] = [SCOPE, ALERT, NOTIFY];

/// What a file sets. Each block has only what it says itself.
#[derive(Default)]
pub(super) struct FileValues {
    pub values: Values,
    pub scopes: Vec<Values>,
    pub alerts: Vec<Values>,
    pub notify: Vec<Values>,
}

/// The folder with a person's own lists and services, as the file names it. It is known before all else, since a file
/// may have settings for these services.
pub(super) fn catalog_dir(text: &str, path: &Path) -> Option<PathBuf> {
    let tree = toml_text::parse_tree(text).ok()?;
    let services = Services::built_in();
    let named = tree.get_ref().iter().find(|(name, _)| name.get_ref() == CATALOG_DIR.key())?.1.get_ref().as_str()?;
    Some(Reader { path, services, faults: Vec::new() }.beside_file(named)).filter(|_| !named.is_empty())
}

/// Errors: the first fault in the text.
pub(super) fn read(text: &str, path: &Path, services: &Services) -> Result<FileValues, TomlFault> {
    let tree = toml_text::parse_tree(text)?;
    let mut reader = Reader { path, services, faults: Vec::new() };
    let read = reader.file(tree.get_ref());
    match reader.faults.into_iter().min_by_key(|fault| fault.at) {
        Some(fault) => Err(toml_text::fault_at(text, fault.at, fault.message)),
        None => Ok(read),
    }
}

struct Fault {
    /// Bytes of the text before it.
    at: usize,
    message: String,
}

impl Fault {
    fn of_type(value: &Spanned<DeValue<'_>>, expected: &str) -> Fault {
        let message = format!("invalid type: {}, expected {expected}", found(value.get_ref()));
        Fault { at: value.span().start, message }
    }
}

struct Reader<'a> {
    path: &'a Path,
    services: &'a Services,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn file(&mut self, file: &DeTable<'_>) -> FileValues {
        let mut read = FileValues::default();
        let tables = settings::tables();
        let at_top: Vec<Key> = settings::keys(self.services).filter(|key| key.entry.table().is_none()).collect();
        let beside: Vec<&str> = BLOCKS.into_iter().chain(tables.iter().copied()).collect();
        for (name, value) in file {
            let word: &str = name.get_ref();
            if BLOCKS.contains(&word) {
                let keys = self.keys_of_block(word);
                let blocks = self.blocks(word, &keys, value);
                match word {
                    ALERT => read.alerts = blocks,
                    NOTIFY => read.notify = blocks,
                    _ => read.scopes = blocks,
                }
            } else if tables.contains(&word) {
                let header = format!("[{word}]");
                let Some(table) = value.get_ref().as_table() else {
                    self.faults.push(Fault::of_type(value, &format!("a table {header}")));
                    continue;
                };
                let keys: Vec<Key> =
                    settings::keys(self.services).filter(|key| key.entry.table() == Some(word)).collect();
                self.table(&header, table, &keys, &mut read.values);
            } else {
                self.setting("", (name.span(), word), value, (&at_top, &beside), &mut read.values);
            }
        }
        read
    }

    fn keys_of_block(&self, name: &str) -> Vec<Key> {
        let of =
            |entries: &[&'static Entry]| entries.iter().flat_map(|entry| entry.keys(self.services)).collect::<Vec<_>>();
        match name {
            ALERT => of(alert_block::ALL),
            NOTIFY => of(notify_block::ALL),
            _ => settings::keys(self.services).filter(|key| key.entry.is_scoped).collect(),
        }
    }

    fn blocks(&mut self, name: &str, keys: &[Key], value: &Spanned<DeValue<'_>>) -> Vec<Values> {
        let header = format!("[[{name}]]");
        let items = match value.get_ref() {
            DeValue::Array(items) => items,
            DeValue::Table(_) => {
                let message = format!("write {header}, with two brackets on each side: there may be several");
                self.faults.push(Fault { at: value.span().start, message });
                return Vec::new();
            }
            _ => {
                self.faults.push(Fault::of_type(value, &format!("a table {header}")));
                return Vec::new();
            }
        };
        let mut blocks = Vec::new();
        for item in items.iter() {
            let mut values = Values::default();
            match item.get_ref().as_table() {
                Some(table) => self.table(&header, table, keys, &mut values),
                None => self.faults.push(Fault::of_type(item, &format!("a table {header}"))),
            }
            blocks.push(values);
        }
        blocks
    }

    fn table(&mut self, header: &str, table: &DeTable<'_>, keys: &[Key], values: &mut Values) {
        for (name, value) in table {
            self.setting(header, (name.span(), name.get_ref()), value, (keys, &[]), values);
        }
    }

    /// Reads one line: a name with its place in the text, and a value. `keys` are the settings that may stand here, and
    /// `beside` other names that may.
    fn setting(
        &mut self,
        header: &str,
        (place, name): (Range<usize>, &str),
        value: &Spanned<DeValue<'_>>,
        (keys, beside): (&[Key], &[&str]),
        values: &mut Values,
    ) {
        let Some(key) = keys.iter().find(|key| key.name_in_table() == name) else {
            let own: Vec<String> = keys.iter().map(Key::name_in_table).collect();
            let known: Vec<&str> = own.iter().map(String::as_str).chain(beside.iter().copied()).collect();
            let message = fault::unknown_name(name, header, &known);
            return self.faults.push(Fault { at: place.start, message });
        };
        match self.value(&key.entry.kind, value) {
            Ok(value) => values.set(key.name(), value, Origin::File(self.path.to_owned())),
            Err(fault) => self.faults.push(fault),
        }
    }

    fn value(&self, kind: &Kind, written: &Spanned<DeValue<'_>>) -> Result<Value, Fault> {
        let value = match (kind, written.get_ref()) {
            (Kind::Path, DeValue::String(text)) => Some(Value::Path(self.beside_file(text))),
            (Kind::Place, DeValue::String(text)) if text.is_empty() => {
                Some(Value::Place(Place::Folder(PathBuf::new())))
            }
            (Kind::Place, DeValue::String(text)) => match Place::parse(text) {
                Ok(Place::Folder(_)) => Some(Value::Place(Place::Folder(self.beside_file(text)))),
                Ok(bucket) => Some(Value::Place(bucket)),
                Err(message) => return Err(Fault { at: written.span().start, message }),
            },
            (Kind::Choice(names), DeValue::String(word)) => {
                if !names.contains(&word.as_ref()) {
                    return Err(Fault { at: written.span().start, message: fault::unknown_value(word, names) });
                }
                Some(Value::Text(word.to_string()))
            }
            (
                Kind::Text | Kind::Url(_) | Kind::Zone | Kind::TimeZone | Kind::Age | Kind::Thinning,
                DeValue::String(text),
            ) => Some(Value::Text(text.to_string())),
            (Kind::Switch, DeValue::Boolean(is_on)) => Some(Value::Switch(*is_on)),
            (Kind::Whole(_), DeValue::Integer(number)) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(Value::Whole)
            }
            (Kind::Rate(_), DeValue::Integer(number)) => i64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .map(|number| Value::Rate(Rate::per_second(number as f64))),
            (Kind::Rate(_), DeValue::Float(number)) => {
                number.as_str().parse().ok().map(|rate| Value::Rate(Rate::per_second(rate)))
            }
            (Kind::Rate(_), DeValue::String(text)) => Rate::parse(text).map(Value::Rate),
            (Kind::Texts | Kind::Projects, DeValue::Array(items)) => {
                let text = |item: &Spanned<DeValue<'_>>| match item.get_ref().as_str() {
                    Some(text) => Ok(text.to_owned()),
                    None => Err(Fault::of_type(item, "text")),
                };
                Some(Value::Texts(items.iter().map(text).collect::<Result<_, _>>()?))
            }
            (Kind::ChoiceByTable(names), DeValue::Table(table)) => {
                let word =
                    |(name, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| match value.get_ref().as_str() {
                        Some(word) if names.contains(&word) => Ok((name.get_ref().to_string(), word.to_owned())),
                        Some(word) => Err(Fault { at: value.span().start, message: fault::unknown_value(word, names) }),
                        None => Err(Fault::of_type(value, &one_of(names, "\""))),
                    };
                Some(Value::ByTable(table.iter().map(word).collect::<Result<_, _>>()?))
            }
            (Kind::Projects, DeValue::String(word)) if word != CodeartsProjects::ALL => {
                let message = format!(
                    "`{word}` is neither a list of project ids nor \"all\": write [\"{word}\"] for one project"
                );
                return Err(Fault { at: written.span().start, message });
            }
            (Kind::Projects, DeValue::String(word)) => Some(Value::Text(word.to_string())),
            _ => None,
        };
        value.ok_or_else(|| Fault::of_type(written, &kind.expected()))
    }

    /// A relative path in the file is meant from where the file is.
    fn beside_file(&self, text: &str) -> PathBuf {
        let path = Path::new(text);
        match self.path.parent() {
            Some(folder) if path.is_relative() && !text.is_empty() => folder.join(path),
            _ => path.to_owned(),
        }
    }
}

/// A value by its type, for a message.
fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("string {text:?}"),
        DeValue::Integer(number) => format!("integer `{number}`"),
        DeValue::Float(number) => format!("number `{number}`"),
        DeValue::Boolean(is_on) => format!("boolean `{is_on}`"),
        DeValue::Datetime(at) => format!("date `{at}`"),
        DeValue::Array(_) => "list".to_owned(),
        DeValue::Table(_) => "table".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        read(text, Path::new("hclake.toml"), Services::built_in()).err().expect("it was taken").to_string()
    }

    #[test]
    fn a_setting_of_a_scope_without_its_header_is_shown_its_place() {
        let found = fault("[endpoint]\n#all = \"x\"\n# [[scope]]\n#[[scope]]\ncodearts_projects = [\"a\"]\n");
        assert!(
            found.starts_with("line 5, column 1: `codearts_projects` stands under [endpoint], which has"),
            "{found}"
        );
        assert!(fault("[publish] # for BI\nregion = \"x\"\n").contains("`region` stands under [publish]"));
        assert!(fault("regoin = \"x\"\n").contains("did you mean `region`?"));
    }

    #[test]
    fn one_pair_of_brackets_around_scope_is_a_fault_of_its_own() {
        let found = fault("store = \"x\"\n[scope] # one\nregion = \"cn-north-4\"\n");
        assert!(found.contains("write [[scope]], with two brackets"), "{found}");
    }

    #[test]
    fn keys_in_the_file_are_sent_elsewhere_and_not_repeated() {
        for name in ["ak", "SK", "access_key", "HUAWEICLOUD_SDK_SK", "password", "security_token", "hw_secret_key"] {
            for header in ["", "[credentials]\n", "[[scope]]\n"] {
                let found = fault(&format!("{header}{name} = \"canary\"\n"));
                assert!(found.contains("set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK in the environment"), "{found}");
                assert!(!found.contains("canary"), "{found}");
            }
        }
        assert!(fault("task = 1\n").contains("unknown field `task`"));
    }

    #[test]
    fn a_value_of_another_type_is_refused_in_plain_words_at_its_place() {
        let cases = [
            ("region = 3", "line 1, column 10: invalid type: integer `3`, expected text"),
            ("store = false", "line 1, column 9: invalid type: boolean `false`, expected a path"),
            ("rate = 3", "line 1, column 8: invalid type: integer `3`, expected a table [rate]"),
            ("sync = \"x\"", "line 1, column 8: invalid type: string \"x\", expected a table [sync]"),
            ("scope = 1", "line 1, column 9: invalid type: integer `1`, expected a table [[scope]]"),
            ("scope = [1]", "line 1, column 10: invalid type: integer `1`, expected a table [[scope]]"),
            (
                "[sync]\nmax_bad_percent = 2.5",
                "line 2, column 19: invalid type: number `2.5`, expected a whole number from 0 to 100",
            ),
            (
                "[sync]\nmemory_limit_mb = 99999999999999999999",
                "line 2, column 19: invalid type: integer `99999999999999999999`, expected a whole number of 64 or more",
            ),
            (
                "[rate]\nswr = \"fast\"",
                "line 2, column 7: invalid type: string \"fast\", expected a number, 0 (no limit) or from 0.01 to 10000, \
                 or a text such as \"50/min\" (N/s, N/min or N/h)",
            ),
            (
                "[sync]\nconfirm_gone = \"next_nigth\"",
                "line 2, column 16: unknown value `next_nigth`, expected `again` or `next_night`; did you mean \
                 `next_night`?",
            ),
            ("[publish]\nflat = \"yes\"", "line 2, column 8: invalid type: string \"yes\", expected true or false"),
            (
                "tables = \"apps\"",
                "line 1, column 10: invalid type: string \"apps\", expected a list such as [\"a\", \"b\"]",
            ),
            ("tables = [\"apps\", 3]", "line 1, column 19: invalid type: integer `3`, expected text"),
            (
                "codearts_projects = 3",
                "line 1, column 21: invalid type: integer `3`, expected a list of project ids, or \"all\"",
            ),
            (
                "codearts_projects = \"abc\"",
                "line 1, column 21: `abc` is neither a list of project ids nor \"all\": write [\"abc\"] for one project",
            ),
            (
                "[time]\ncodearts_zone = 2026-01-01",
                "line 2, column 17: invalid type: date `2026-01-01`, expected an \
              offset such as \"+08:00\"",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(fault(text), expected);
        }
    }

    #[test]
    fn the_first_fault_of_the_text_is_the_one_that_is_named() {
        assert!(fault("[sync]\nzzz = 1\n[http]\naaa = 1\n").starts_with("line 2, column 1: unknown field `zzz`"));
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_that_there_are() {
        assert_eq!(
            fault("[rate]\nworkspce = 3\n"),
            "line 2, column 1: unknown field `workspce`, expected one of `workspace`, `appstream`, `codearts_deploy`, \
             `projectman`, `swr`, `iam`, `codearts_build`, `codearts_pipeline`, `codearts_repo`, `codearts_check`, `ims`, \
             `cts`, `in_flight`; did you mean `workspace`?"
        );
        let found = fault("[[scope]]\nstore = \"x\"\n");
        assert!(found.contains("expected one of `region`, `profile`, `project_id`"), "{found}");
    }
}

//! Every setting of the table is in the file that `init` writes, in what `config` shows and in the reference, and its
//! default is one of its values. A new setting needs no test here.

use std::collections::BTreeSet;

use super::with_file;
use crate::base::rate::Rate;
use crate::catalog::Services;
use crate::config::entry::{Entry, Kind};
use crate::config::settings::{self, ALL, BECOMES_ITS_TYPE, REGION};
use crate::config::show::EffectiveSetting;
use crate::config::value::Value;
use crate::config::{alert_block, effective, notify_block, reference, template};

/// The template with its settings taken out of their comments.
fn switched_on() -> String {
    let is_setting = |line: &str| {
        let head = line.split([' ', '=']).next().unwrap_or_default().trim_matches(['[', ']']);
        !head.is_empty() && head.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let line = |line: &'_ str| match line.strip_prefix('#') {
        Some(setting) if is_setting(setting) => format!("{setting}\n"),
        _ => format!("{line}\n"),
    };
    template(None).lines().map(line).collect()
}

/// Names of all settings in a file, those of scopes as `scope.name`.
fn named(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (top, value) in toml::from_str::<toml::Table>(text).unwrap() {
        let tables: Vec<toml::Table> = match value {
            toml::Value::Table(table) => vec![table],
            toml::Value::Array(items) => items.into_iter().filter_map(|item| item.try_into().ok()).collect(),
            _ => Vec::new(),
        };
        match tables.is_empty() {
            true => _ = names.insert(top),
            false => names.extend(tables.iter().flat_map(|t| t.keys()).map(|name| format!("{top}.{name}"))),
        }
    }
    names
}

#[test]
fn every_setting_is_in_the_template_and_no_other() {
    let scoped = ALL.iter().filter(|entry| entry.is_scoped).map(|entry| format!("scope.{}", entry.key));
    let declared: BTreeSet<String> = settings::keys(Services::built_in()).map(|key| key.name()).chain(scoped).collect();
    assert!(declared.contains("rate.in_flight") && declared.contains("scope.region"), "{declared:?}");
    let of_blocks = |name: &String| name.starts_with("alert.") || name.starts_with("notify.");
    let settings: BTreeSet<String> = named(&switched_on()).into_iter().filter(|name| !of_blocks(name)).collect();
    assert_eq!(settings, declared);
}

#[test]
fn the_template_says_what_each_setting_means() {
    let words = |text: &str| text.split_whitespace().filter(|word| *word != "#").collect::<Vec<_>>().join(" ");
    let text = words(&template(None));
    for entry in ALL {
        assert!(entry.meaning.trim().ends_with('.'), "{}: a sentence", entry.key);
        assert!(text.contains(&words(entry.meaning)), "{}", entry.key);
        entry.variables.iter().chain(&entry.flag).for_each(|name| assert!(text.contains(name), "{name}"));
    }
    assert!(template(None).lines().all(|line| line.chars().count() <= 118));
}

#[test]
fn the_template_alone_changes_nothing_and_shows_the_defaults() {
    let settings = |text: &str| effective(&with_file(text, &[]).unwrap()).into_iter().skip(1).collect::<Vec<_>>();
    assert_eq!(settings(&template(None)), settings(""));
    let of_tables = |line: &&EffectiveSetting| {
        let entry = ALL.iter().find(|entry| entry.key == line.setting || entry.key == service_out(&line.setting));
        entry.is_some_and(|entry| entry.default.is_some() && entry.table().is_some())
    };
    // A project is named or given by its id, and not both.
    let consistent: String = switched_on().split_inclusive('\n').filter(|l| !l.starts_with("project = ")).collect();
    let shown = settings(&consistent);
    let shown: Vec<_> = shown.iter().filter(of_tables).map(|line| (&line.setting, &line.value)).collect();
    let real = settings("");
    let real: Vec<_> = real.iter().filter(of_tables).map(|line| (&line.setting, &line.value)).collect();
    assert_eq!(shown, real);
    assert!(real.len() > 15, "{real:?}");
}

/// A key of one service as its entry has it.
fn service_out(key: &str) -> String {
    let services = Services::built_in().iter();
    services.fold(key.to_owned(), |key, service| match key.split_once('.') {
        Some((table, name)) if name == service.name() => format!("{table}.SERVICE"),
        _ => key,
    })
}

#[test]
fn a_region_that_is_asked_for_is_set_and_nothing_else() {
    let settings = with_file(&template(Some("cn-north-4")), &[]).unwrap();
    assert_eq!(settings.scopes.len(), 1);
    assert_eq!(settings.scopes[0].region, "cn-north-4");
    let quoted: toml::Table = toml::from_str(&template(Some("a\"b"))).unwrap();
    assert_eq!(quoted[REGION.entry.key].as_str(), Some("a\"b"));
}

#[test]
fn every_setting_is_shown_with_scopes_and_without() {
    for (text, place) in [("", ""), ("[[scope]]\nregion = \"cn-north-4\"\n", "scope[0].")] {
        let shown = effective(&with_file(text, &[]).unwrap());
        for key in settings::keys(Services::built_in()) {
            let place = if key.entry.is_scoped { place } else { "" };
            let name = format!("{place}{}", key.name());
            assert_eq!(shown.iter().filter(|line| line.setting == name).count(), 1, "{name}");
        }
    }
}

/// The values of an entry that are most likely not to become its type.
fn extremes(entry: &'static Entry) -> Vec<Value> {
    let mut values: Vec<Value> = entry.default_value().into_iter().collect();
    values.extend(entry.keys(Services::built_in()).into_iter().filter_map(|key| key.example()));
    match &entry.kind {
        Kind::Whole(range) => values.extend([Value::Whole(*range.start()), Value::Whole(*range.end())]),
        Kind::Rate(range) => {
            values.extend([0.0, *range.start(), *range.end()].map(|rate| Value::Rate(Rate::per_second(rate))))
        }
        Kind::Choice(names) => values.extend(names.iter().map(|name| Value::Text(name.to_string()))),
        Kind::Switch => values.extend([true, false].map(Value::Switch)),
        Kind::Projects => values.extend(entry.kind.value_of("all")),
        Kind::Text
        | Kind::Path
        | Kind::Place
        | Kind::Url(_)
        | Kind::Zone
        | Kind::TimeZone
        | Kind::Age
        | Kind::Thinning
        | Kind::Texts => {}
        Kind::ChoiceByTable(names) => {
            let words = |word: &&str| Value::ByTable([("apps".to_owned(), word.to_string())].into());
            values.extend(names.iter().map(words));
        }
    }
    values
}

#[test]
fn every_default_and_example_is_one_of_the_settings_values_and_becomes_its_type() {
    let tables = [
        (ALL, BECOMES_ITS_TYPE),
        (alert_block::ALL, alert_block::BECOMES_ITS_TYPE),
        (notify_block::ALL, notify_block::BECOMES_ITS_TYPE),
    ];
    for (entry, becomes_its_type) in tables.into_iter().flat_map(|(all, becomes)| all.iter().zip(becomes)) {
        let values = extremes(entry);
        assert!(!values.is_empty(), "{} has neither default nor example", entry.key);
        for value in values {
            assert!(entry.kind.faults(&value).is_empty(), "{}: {value:?}", entry.key);
            assert!(becomes_its_type(Some(&value)), "{}: {value:?}", entry.key);
        }
        assert_eq!(entry.default.is_some(), entry.default_value().is_some(), "{}: its default", entry.key);
        assert_eq!(becomes_its_type(None), entry.default.is_none(), "{}: an option where it has no default", entry.key);
    }
}

#[test]
fn keys_variables_and_flags_are_each_declared_once() {
    let keys: Vec<_> = settings::keys(Services::built_in()).collect();
    let distinct: BTreeSet<String> = keys.iter().map(|key| key.name()).collect();
    assert_eq!(distinct.len(), keys.len());
    let variables: Vec<String> = keys.iter().flat_map(|key| key.variables()).collect();
    assert_eq!(variables.iter().collect::<BTreeSet<_>>().len(), variables.len());
    let tables: Vec<&str> = settings::tables();
    assert_eq!(tables.iter().collect::<BTreeSet<_>>().len(), tables.len(), "the settings of a table stand together");
}

#[test]
fn every_setting_is_in_the_reference_with_all_that_its_entry_says() {
    let reference = reference();
    let rows: Vec<&str> = reference.lines().collect();
    for entry in ALL {
        let row = rows.iter().find(|row| row.starts_with(&format!("| `{}` | ", entry.key))).expect(entry.key);
        assert_eq!(row.matches(" | ").count(), 4, "{row}");
        let said = [entry.default, entry.flag, entry.page, Some(entry.meaning.trim())].into_iter().flatten();
        said.chain(entry.variables.iter().copied()).for_each(|word| assert!(row.contains(word), "{word}: {row}"));
    }
    for entry in ALL.iter().filter(|entry| entry.is_scoped) {
        assert!(rows.last().is_some_and(|last| last.contains(&format!("`{}`", entry.key))), "{}", entry.key);
    }
}

//! The configuration file that a new user starts from: every setting with its meaning and its default, commented
//! out. It holds no secret and has no place for one.

const TEXT: &str = include_str!("template.toml");
const REGION_PLACE: &str = "{{region}}";
/// Stands in the comment where no region was asked for.
const REGION_EXAMPLE: &str = "ap-southeast-3";

/// The text of a new `hclake.toml`, with `region` set where one is given.
pub fn template(region: Option<&str>) -> String {
    let line = match region {
        Some(region) => format!("region = {}", toml::Value::from(region)),
        None => format!("#region = \"{REGION_EXAMPLE}\""),
    };
    TEXT.replace(REGION_PLACE, &line)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::catalog::toml_text;
    use crate::config::file::ConfigFile;
    use crate::config::{Environment, Flags, Settings, resolve};

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

    fn settings_of(text: &str) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hclake.toml");
        std::fs::write(&path, text).unwrap();
        resolve(&Flags { config: Some(path), ..Flags::default() }, &Environment::of(&[])).unwrap()
    }

    /// What the parser says it knows in a table, or at the top for "".
    fn known_in(header: &str) -> BTreeSet<String> {
        let fault = toml_text::parse::<ConfigFile>(&format!("{header}\nno_such_setting = \"\"\n")).unwrap_err();
        if !fault.message.starts_with("unknown ") {
            return BTreeSet::new();
        }
        let told = fault.message.split("; did you mean").next().unwrap_or_default();
        told.split('`').skip(1).step_by(2).skip(1).map(str::to_owned).collect()
    }

    /// Every setting that the parser knows, as `table.name`.
    fn known() -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for top in known_in("") {
            let inner: BTreeSet<String> =
                known_in(&format!("[{top}]")).union(&known_in(&format!("[[{top}]]"))).cloned().collect();
            if inner.is_empty() {
                names.insert(top);
            } else {
                names.extend(inner.into_iter().map(|name| format!("{top}.{name}")));
            }
        }
        names
    }

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
    fn every_setting_that_the_parser_knows_is_in_the_template_and_no_other() {
        let known = known();
        assert!(known.contains("rate.in_flight") && known.contains("scope.region"), "{known:?}");
        assert_eq!(named(&switched_on()), known);
        toml_text::parse::<ConfigFile>(&switched_on()).unwrap();
    }

    #[test]
    fn the_template_alone_changes_nothing() {
        let (with, without) = (settings_of(&template(None)), settings_of(""));
        assert_eq!(with.hash(), without.hash());
        assert_eq!((with.request_log_days, with.memory_limit_mb), (without.request_log_days, without.memory_limit_mb));
    }

    #[test]
    fn the_defaults_that_it_shows_are_the_defaults() {
        // A project is named or given by its id, and not both.
        let is_told_once = |line: &&str| !line.starts_with("project = ");
        let consistent: String = switched_on().lines().filter(is_told_once).map(|line| format!("{line}\n")).collect();
        let (shown, real) = (settings_of(&consistent), settings_of(""));
        assert_eq!(shown.store.value.file_name(), real.store.value.file_name());
        assert_eq!(shown.rate_per_s, real.rate_per_s);
        assert_eq!(shown.in_flight, real.in_flight);
        assert_eq!(shown.codearts_offset_s, real.codearts_offset_s);
        assert_eq!(shown.confirm_gone, real.confirm_gone);
        assert_eq!(shown.max_gone_percent, real.max_gone_percent);
        assert_eq!(shown.max_bad_percent, real.max_bad_percent);
        assert_eq!(shown.memory_limit_mb, real.memory_limit_mb);
        assert_eq!(shown.request_log_days, real.request_log_days);
    }

    #[test]
    fn a_region_that_is_asked_for_is_set_and_nothing_else() {
        let settings = settings_of(&template(Some("cn-north-4")));
        assert_eq!(settings.scopes.value.len(), 1);
        assert_eq!(settings.scopes.value[0].region, "cn-north-4");
        let quoted: toml::Table = toml::from_str(&template(Some("a\"b"))).unwrap();
        assert_eq!(quoted["region"].as_str(), Some("a\"b"));
    }
}

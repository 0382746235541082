//! The configuration file that a new user starts from: every setting with its meaning and its default, commented
//! out. It holds no secret and has no place for one.

use super::entry::{Entry, Key};
use super::settings::{self, LISTS, REGION};
use super::value::Value;
use crate::catalog::spec::OWN_SET;
use crate::catalog::{Catalog, Services};

const HEAD: &str = "\
# hclake.toml: what hclake lists, from where, how fast, and where it keeps the store.
#
# A setting that is commented out shows its default. If it has no default, the line is an example.
# Environment variables override this file, and flags override both. `hclake check` shows what works.
# Access keys do not belong here: set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK in the environment.
";
const OF_SCOPES: &str =
    "Several regions or projects in one run: write one [[scope]] for each. It takes from above what it leaves out.";
/// A first alert, to be taken out of its comments.
const ALERTS: &str = "\
# An alert looks at a report after each sync. This one sends a mail when an application's failure rate doubles, and
# another when that is over. docs/alerts.md has every key of the two blocks; `hclake alerts` shows what fires.
#[[alert]]
#name = \"worse\"
#report = \"regressions\"
#when = \"what = 'app' AND rate_now_pct >= 2 * coalesce(rate_before_pct, 0) AND failed_now >= 10\"

#[[notify]]
#name = \"mail\"
#kind = \"email\"
#server = \"smtp.example.com:465\"
#user = \"hclake@example.com\"
#password_env = \"HCLAKE_SMTP_PASSWORD\"
#from = \"hclake@example.com\"
#to = [\"platform@example.com\"]
";
/// Characters of a line.
const WIDTH: usize = 118;

/// The text of a new `hclake.toml`, with `region` set where one is given.
pub(crate) fn template(region: Option<&str>) -> String {
    let mut text = HEAD.to_owned();
    for entry in settings::ALL.iter().filter(|entry| entry.table().is_none()) {
        text.push('\n');
        text.push_str(&comment(entry));
        if entry.key == LISTS.key() {
            text.push_str(&sets());
        }
        match region.filter(|_| entry.key == REGION.key()) {
            Some(region) => text.push_str(&format!("region = {}\n", toml::Value::from(region))),
            None => text.push_str(&commented_out(entry)),
        }
    }
    for table in settings::tables() {
        text.push_str(&format!("\n[{table}]\n"));
        for entry in settings::ALL.iter().filter(|entry| entry.table() == Some(table)) {
            text.push_str(&comment(entry));
            text.push_str(&commented_out(entry));
        }
    }
    text.push_str(&format!("\n{}#[[scope]]\n", wrapped(OF_SCOPES)));
    settings::ALL.iter().filter(|entry| entry.is_scoped).for_each(|entry| text.push_str(&commented_out(entry)));
    text.push('\n');
    text.push_str(ALERTS);
    text
}

/// A comment for each set with its lists, which a person may add.
fn sets() -> String {
    let Ok(catalog) = Catalog::builtin() else { return String::new() };
    let line = |set: &str| match set {
        OWN_SET => wrapped(&format!("- {OWN_SET}: the lists of catalog_dir that name no set.")),
        set => {
            let names: Vec<&str> = catalog.of_set(set).map(|endpoint| endpoint.name.as_str()).collect();
            wrapped(&format!("- {set}: {}.", names.join(", ")))
        }
    };
    catalog.sets().into_iter().map(line).collect()
}

/// The meaning of a setting. The range of its values, its variables and its flag follow in brackets.
fn comment(entry: &Entry) -> String {
    let variables = (!entry.variables.is_empty()).then(|| entry.variables.join(", else "));
    let beside = [entry.kind.range(), variables, entry.flag.map(str::to_owned)];
    let beside: Vec<String> = beside.into_iter().flatten().collect();
    let meaning = entry.meaning.trim();
    match beside.as_slice() {
        [] => wrapped(meaning),
        beside => wrapped(&format!("{meaning} ({})", beside.join(", "))),
    }
}

fn wrapped(text: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in text.split_whitespace() {
        if lines.last().is_some_and(|line| line.chars().count() + 1 + word.chars().count() > WIDTH) {
            lines.push("#".to_owned());
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn commented_out(entry: &'static Entry) -> String {
    let line = |key: &Key| Some(format!("#{} = {}\n", key.name_in_table(), written(&key.example()?)));
    entry.keys(Services::built_in()).iter().filter_map(line).collect()
}

/// A value as the file has it.
fn written(value: &Value) -> String {
    match value {
        Value::Text(text) => toml::Value::from(text.as_str()).to_string(),
        Value::Path(path) => toml::Value::from(path.to_string_lossy().as_ref()).to_string(),
        Value::Place(place) => toml::Value::from(place.to_string()).to_string(),
        Value::Switch(is_on) => is_on.to_string(),
        Value::Whole(number) => number.to_string(),
        Value::Rate(rate) if rate.is_by_second() => rate.to_string(),
        Value::Rate(rate) => toml::Value::from(rate.to_string()).to_string(),
        Value::Texts(texts) => toml::Value::from(texts.clone()).to_string(),
        Value::ByTable(words) => {
            let pair = |(table, word): (&String, &String)| format!("{table} = {}", toml::Value::from(word.as_str()));
            format!("{{ {} }}", words.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
    }
}

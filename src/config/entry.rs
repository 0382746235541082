//! What an entry in the table of settings says: a key, the values it takes, and its meaning; and how such values are
//! written, shown and judged. It knows no setting by name.

use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::choices::{CodeartsProjects, Zone};
use super::value::{FromValue, Value};
use crate::base::place::Place;
use crate::base::rate::Rate;
use crate::base::retention::{Age, Thinning};
use crate::base::time_zone::TimeZone;
use crate::catalog::Services;
use crate::catalog::spec::Service;

/// Stands for each service in keys, variables and examples.
const SERVICE: &str = "SERVICE";
const CODEARTS_ID_CHARS: usize = 32;

/// Everything that is known about a setting.
#[derive(Debug)]
pub(super) struct Entry {
    /// As `hclake.toml` has it, after the name of its table: `sync.max_gone_percent`, `rate.SERVICE`.
    pub key: &'static str,
    pub kind: Kind,
    /// As a variable would have it: `30`, `+08:00`, or texts with commas between them.
    pub default: Option<&'static str>,
    /// What applies if there is neither a value nor a default.
    pub unset: &'static str,
    /// Environment variables; the first that is set counts.
    pub variables: &'static [&'static str],
    pub flag: Option<&'static str>,
    /// What a new file shows in place of a default; written like one.
    pub example: &'static str,
    /// Whether a `[[scope]]` may set it too.
    pub is_scoped: bool,
    pub meaning: &'static str,
    /// A page of the documentation that says more.
    pub page: Option<&'static str>,
}

/// An entry that says nothing yet.
pub(super) const BLANK: Entry = Entry {
    key: "",
    kind: Kind::Text,
    default: None,
    unset: "none",
    variables: &[],
    flag: None,
    example: "",
    is_scoped: false,
    meaning: "",
    page: None,
};

/// Which values a setting takes.
#[derive(Debug)]
pub(super) enum Kind {
    Text,
    /// Never empty. A relative one in the file counts from the file's folder.
    Path,
    /// A folder, as [`Kind::Path`], or a part of a bucket.
    Place,
    /// The function says what is wrong with an address, if anything is.
    Url(fn(&str) -> Option<String>),
    Zone,
    /// A zone of the IANA database, or an offset.
    TimeZone,
    /// Whole days.
    Age,
    /// The ages from which on one night a week or a month is enough.
    Thinning,
    Switch,
    Whole(RangeInclusive<i64>),
    /// Requests a second: 0, which is no limit, or one of the range. A text gives them by the second, minute or hour.
    Rate(RangeInclusive<f64>),
    Choice(&'static [&'static str]),
    Texts,
    /// One of these words for each of several tables, by name.
    ChoiceByTable(&'static [&'static str]),
    /// A list of CodeArts project ids, or `all`.
    Projects,
}

impl Kind {
    /// What is expected, in words.
    pub(super) fn expected(&self) -> String {
        match self {
            Kind::Text => "text".to_owned(),
            Kind::Path => "a path".to_owned(),
            Kind::Place => Place::FORM.to_owned(),
            Kind::Url(_) => "a URL".to_owned(),
            Kind::Zone => "an offset such as \"+08:00\"".to_owned(),
            Kind::TimeZone => "a time zone such as \"Asia/Shanghai\" or \"+08:00\"".to_owned(),
            Kind::Age => Age::FORM.to_owned(),
            Kind::Thinning => Thinning::FORM.to_owned(),
            Kind::Switch => "true or false".to_owned(),
            Kind::Whole(_) => format!("a whole number {}", self.range().unwrap_or_default()),
            Kind::Rate(_) => format!("a number, {}, or {}", self.range().unwrap_or_default(), Rate::FORM),
            Kind::Choice(names) => one_of(names, "\""),
            Kind::Texts => "a list such as [\"a\", \"b\"]".to_owned(),
            Kind::ChoiceByTable(names) => format!("for each table {}", one_of(names, "\"")),
            Kind::Projects => "a list of project ids, or \"all\"".to_owned(),
        }
    }

    /// The smallest and the largest number, in words.
    pub(super) fn range(&self) -> Option<String> {
        match self {
            Kind::Whole(range) if *range.end() == i64::MAX => Some(format!("of {} or more", range.start())),
            Kind::Whole(range) => Some(format!("from {} to {}", range.start(), range.end())),
            Kind::Rate(range) => Some(format!("0 (no limit) or from {} to {}", range.start(), range.end())),
            _ => None,
        }
    }

    /// The value that a text outside the file stands for: a variable, a default or an example.
    pub(super) fn value_of(&self, text: &str) -> Option<Value> {
        let texts = || text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect();
        Some(match self {
            Kind::Text | Kind::Url(_) | Kind::Zone | Kind::TimeZone | Kind::Choice(_) | Kind::Age | Kind::Thinning => {
                Value::Text(text.to_owned())
            }
            Kind::Path => Value::Path(PathBuf::from(text)),
            Kind::Place => Value::Place(Place::parse(text).ok()?),
            Kind::Switch => Value::Switch(text.parse().ok()?),
            Kind::Whole(_) => Value::Whole(text.parse().ok()?),
            Kind::Rate(_) => Value::Rate(Rate::parse(text).or_else(|| text.parse().ok().map(Rate::per_second))?),
            Kind::Projects if text.trim() == CodeartsProjects::ALL => Value::Text(CodeartsProjects::ALL.to_owned()),
            Kind::Texts | Kind::Projects => Value::Texts(texts()),
            Kind::ChoiceByTable(_) => {
                let pair = |text: String| {
                    text.split_once('=').map(|(name, word)| (name.trim().to_owned(), word.trim().to_owned()))
                };
                Value::ByTable(texts().into_iter().map(pair).collect::<Option<_>>()?)
            }
        })
    }

    /// What is wrong with a value, in words that follow the setting's name.
    pub(super) fn faults(&self, value: &Value) -> Vec<String> {
        let refused = |fault: String| format!("cannot be used: {fault}; write {}", self.expected());
        let fault = match (self, value) {
            (Kind::Path, Value::Path(path)) if path.as_os_str().is_empty() => "is \"\": write a path".to_owned(),
            (Kind::Place, Value::Place(Place::Folder(path))) if path.as_os_str().is_empty() => {
                format!("is \"\": write {}", Place::FORM)
            }
            (Kind::Url(fault), Value::Text(url)) => return fault(url).into_iter().collect(),
            (Kind::Zone, Value::Text(text)) if Zone::parse(text).is_none() => {
                format!("is \"{text}\": write an offset such as \"+08:00\"")
            }
            (Kind::TimeZone, Value::Text(text)) if text.parse::<TimeZone>().is_err() => {
                format!("is \"{text}\": write {}", self.expected())
            }
            (Kind::Age, Value::Text(text)) => return text.parse::<Age>().err().map(refused).into_iter().collect(),
            (Kind::Thinning, Value::Text(text)) => {
                return text.parse::<Thinning>().err().map(refused).into_iter().collect();
            }
            (Kind::Whole(range), Value::Whole(number)) if !range.contains(number) => match *range.end() {
                i64::MAX => format!("is {number}: it must be {} or more", range.start()),
                most => format!("is {number}: it must lie between {} and {most}", range.start()),
            },
            (Kind::Rate(range), Value::Rate(rate)) if !is_rate_within(rate, range) => {
                let (least, most) = (range.start(), range.end());
                format!("is {rate}: it must be 0 (no limit) or lie between {least} and {most}")
            }
            (Kind::Choice(names), Value::Text(text)) if !names.contains(&text.as_str()) => {
                format!("is \"{text}\": write {}", self.expected())
            }
            (Kind::ChoiceByTable(names), Value::ByTable(words)) => {
                let fault = |(table, word): (&String, &String)| {
                    let is_known = names.contains(&word.as_str());
                    (!is_known).then(|| format!("has {table} = \"{word}\": write {}", one_of(names, "\"")))
                };
                return words.iter().filter_map(fault).collect();
            }
            (Kind::Projects, Value::Texts(ids)) => return ids.iter().filter_map(|id| project_fault(id)).collect(),
            _ => return Vec::new(),
        };
        vec![fault]
    }

    /// A value as people read it.
    pub(super) fn shown(&self, value: &Value) -> String {
        match (self, value) {
            (_, Value::Rate(rate)) if rate.per_s() == 0.0 => "0 (no limit)".to_owned(),
            (_, Value::Rate(rate)) if rate.is_by_second() => format!("{rate} requests/s"),
            (_, Value::Rate(rate)) => rate.to_string(),
            (Kind::Zone, Value::Text(text)) => Zone::parse(text).map_or_else(|| text.clone(), |zone| zone.to_string()),
            (_, Value::Text(text)) => text.clone(),
            (_, Value::Path(path)) => path.display().to_string(),
            (_, Value::Place(place)) => place.to_string(),
            (_, Value::Switch(is_on)) => is_on.to_string(),
            (_, Value::Whole(number)) => number.to_string(),
            (_, Value::Texts(texts)) => texts.join(", "),
            (_, Value::ByTable(words)) => {
                words.iter().map(|(table, word)| format!("{table} = {word}")).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

/// A text may ask for less than a plain number: a request an hour is slow, and no slip of the pen.
fn is_rate_within(rate: &Rate, range: &RangeInclusive<f64>) -> bool {
    let per_s = rate.per_s();
    per_s == 0.0 || range.contains(&per_s) || (!rate.is_by_second() && per_s <= *range.end())
}

/// As the services document it. A wrong id of that form is answered with an empty list and no error.
fn project_fault(id: &str) -> Option<String> {
    let is_id = id.len() == CODEARTS_ID_CHARS && id.chars().all(|c| c.is_ascii_alphanumeric());
    (!is_id).then(|| {
        format!(
            "holds {id:?}: an id has {CODEARTS_ID_CHARS} letters and digits; \"all\" alone stands for every project"
        )
    })
}

/// Names to choose from, each between quotes.
pub(super) fn one_of(names: &[&str], quote: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{quote}{name}{quote}")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [name] => name.clone(),
        [first, second] => format!("{first} or {second}"),
        _ => format!("one of {}", quoted.join(", ")),
    }
}

impl Entry {
    /// The table of the file that its key is in; `None` at the top.
    pub(super) fn table(&self) -> Option<&'static str> {
        self.key.split_once('.').map(|(table, _)| table)
    }

    /// The value that holds where none is set.
    pub(super) fn default_value(&self) -> Option<Value> {
        self.default.and_then(|text| self.kind.value_of(text))
    }

    /// Whether each service has a value of its own.
    pub(super) fn is_of_services(&self) -> bool {
        self.key.contains(SERVICE)
    }

    /// One key, or one for each service.
    pub(super) fn keys(&'static self, services: &Services) -> Vec<Key> {
        let services: Vec<Option<Service>> = match self.is_of_services() {
            true => services.iter().map(Some).collect(),
            false => vec![None],
        };
        services.into_iter().map(|service| Key { entry: self, service }).collect()
    }
}

/// One key of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub entry: &'static Entry,
    /// The service that it is for, where its entry is for each.
    pub service: Option<Service>,
}

impl Key {
    pub(super) fn name(&self) -> String {
        self.filled(self.entry.key)
    }

    /// Its name in its table.
    pub(super) fn name_in_table(&self) -> String {
        let name = self.name();
        name.split_once('.').map(|(_, name)| name.to_owned()).unwrap_or(name)
    }

    pub(super) fn variables(&self) -> Vec<String> {
        let upper = self.service.map_or(String::new(), |service| service.name().to_uppercase());
        self.entry.variables.iter().map(|name| name.replace(SERVICE, &upper)).collect()
    }

    /// The value that holds where none is set; a service may have one of its own.
    pub(super) fn default_value(&self) -> Option<Value> {
        let of_service = self.service.and_then(Service::rate).filter(|_| matches!(self.entry.kind, Kind::Rate(_)));
        of_service.cloned().map(Value::Rate).or_else(|| self.entry.default_value())
    }

    /// What a new file shows: the default, or an example of a value that has none.
    pub(super) fn example(&self) -> Option<Value> {
        if let Some(default) = self.default_value() {
            return Some(default);
        }
        self.entry.kind.value_of(&self.filled(self.entry.example))
    }

    fn filled(&self, text: &str) -> String {
        text.replace(SERVICE, self.service.map_or("", Service::name))
    }
}

/// A setting by its entry, with the type that its values have in the program.
#[derive(Debug)]
pub struct Setting<T> {
    pub(super) entry: &'static Entry,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Setting<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Setting<T> {}

impl<T> Setting<T> {
    pub(super) const fn of(entry: &'static Entry) -> Setting<T> {
        Setting { entry, of: PhantomData }
    }

    pub(super) fn key(self) -> &'static str {
        self.entry.key
    }
}

impl<T: FromValue> Setting<T> {
    /// The value that holds where none is set.
    pub fn default(self) -> T {
        T::from_value(self.entry.default_value().as_ref()).expect("each default is of its setting's type, by a test")
    }
}

//! Credentials: every place they may lie, in the order in which they are looked for, and the first that holds
//! them. None are mixed. Variables and files are read here; what must be asked of a network is only named.

mod koocli;
mod sdk_file;
#[cfg(test)]
mod tests;
mod variables;

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::env::Environment;
use crate::base::secret::Secret;

/// Where the ECS metadata service answers, on every ECS.
pub const ECS_METADATA_URL: &str = "http://169.254.169.254";
/// Bytes of a file of credentials; one that is larger is something else.
pub const CREDENTIALS_FILE_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    Pair {
        ak: String,
        sk: Secret,
        security_token: Option<Secret>,
    },
    Token(Secret),
    /// Of an IAM user; IAM gives a token for them.
    Password {
        user: String,
        password: Secret,
        domain: String,
    },
    /// Temporary keys, to be fetched from the metadata service of this ECS.
    EcsMetadata {
        base_url: String,
    },
}

/// Credentials, where they were found, and what was said beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKeys {
    pub keys: Keys,
    pub source: String,
    /// IAM project that goes with the keys.
    pub project_id: Option<String>,
    pub region: Option<String>,
    pub iam_endpoint: Option<String>,
}

impl FoundKeys {
    fn new(keys: Keys, source: String) -> FoundKeys {
        FoundKeys { keys, source, project_id: None, region: None, iam_endpoint: None }
    }
}

/// What became of one place that may hold credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceState {
    #[error("taken")]
    Taken,
    #[error("could serve, but another comes first")]
    Outranked,
    #[error("holds none")]
    Absent,
    #[error("none is named")]
    NotNamed,
    #[error("not switched on")]
    NotSwitchedOn,
    #[error("its keys are encrypted, so only KooCLI can read them")]
    Encrypted,
    #[error("its mode is {0}, not AKSK")]
    OtherMode(String),
    #[error("half a pair of keys: {set} is set, {missing} is not")]
    Half { set: String, missing: String },
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A name and what its value holds that no secret does.
    #[error("{name} holds {what}")]
    Spoilt { name: String, what: &'static str },
}

impl SourceState {
    fn holds_something(&self) -> bool {
        !matches!(self, SourceState::Absent | SourceState::NotNamed | SourceState::NotSwitchedOn)
    }

    /// Whether a person meant this source, so that going on to the next could take another's keys.
    fn is_in_the_way(&self) -> bool {
        matches!(self, SourceState::Half { .. } | SourceState::Unreadable(_) | SourceState::Spoilt { .. })
    }
}

/// One place that may hold credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceReport {
    pub source: String,
    pub state: SourceState,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysFault {
    #[error("no credentials were found{}", told(passed_over))]
    None { passed_over: Vec<SourceReport> },
    #[error("half a pair of keys: {set} is set, {missing} is not")]
    HalfPair { set: String, missing: String },
    #[error("{place}: {state}")]
    Unusable { place: String, state: SourceState },
    #[error("profile `{name}` cannot be used{}", told(looked_at))]
    Profile { name: String, looked_at: Vec<SourceReport>, known: Vec<String> },
}

fn told(reports: &[SourceReport]) -> String {
    reports.iter().map(|report| format!("; {}: {}", report.source, report.state)).collect()
}

impl KeysFault {
    pub fn hint(&self) -> String {
        match self {
            KeysFault::None { .. } => {
                "set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK to the access key of an IAM user who may read the \
                 lists; docs/credentials.md names every other source"
                    .to_owned()
            }
            KeysFault::HalfPair { missing, .. } => format!("set {missing} too, or unset the other one"),
            KeysFault::Unusable { state: SourceState::Spoilt { what: CARRIAGE_RETURN, .. }, .. } => {
                "a file with the line ends of Windows leaves one behind each value: write it with those of Unix, for \
                 instance by `sed -i 's/\\r$//' FILE`"
                    .to_owned()
            }
            KeysFault::Unusable { .. } => {
                "correct it, or set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, which come first".to_owned()
            }
            KeysFault::Profile { known, .. } if known.is_empty() => format!(
                "a profile is a section of {}, or a profile of KooCLI's {}; neither file has one",
                sdk_file::PATH_SHOWN,
                koocli::PATH_SHOWN
            ),
            KeysFault::Profile { known, .. } => format!("the profiles are {}", known.join(", ")),
        }
    }
}

/// What the settings say of where to look.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted<'a> {
    /// Looked for in the files by this name; nothing else is asked then.
    pub profile: Option<&'a str>,
    /// The metadata service, where it is switched on.
    pub ecs_metadata_url: Option<&'a str>,
}

/// What was found, and what became of every place that was looked at, in order.
#[derive(Clone, Debug)]
pub struct Search {
    pub found: Result<FoundKeys, KeysFault>,
    pub sources: Vec<SourceReport>,
}

/// A place by name, and the keys it holds or why it gives none.
struct Looked {
    source: String,
    held: Result<FoundKeys, SourceState>,
}

impl Looked {
    fn new(source: impl Into<String>, held: Result<FoundKeys, SourceState>) -> Looked {
        Looked { source: source.into(), held }
    }
}

/// Looks everywhere. The first place that holds credentials is taken; one that holds them in part, or cannot be
/// read, ends the search with a fault.
pub(super) fn survey(environment: &Environment, wanted: &Wanted) -> Search {
    let (named, known) = match wanted.profile {
        Some(profile) => profiles(environment, profile),
        None => (vec![Looked::new("a profile", Err(SourceState::NotNamed))], Vec::new()),
    };
    let named_count = named.len();
    let places: Vec<Looked> = named.into_iter().chain(unnamed(environment, wanted)).collect();
    let reach = if wanted.profile.is_some() { named_count } else { places.len() };
    let end = places[..reach].iter().position(|place| match &place.held {
        Ok(_) => true,
        Err(state) => state.is_in_the_way(),
    });
    let found = match (end.map(|at| (&places[at], &places[at].held)), wanted.profile) {
        (Some((_, Ok(found))), _) => Ok(found.clone()),
        (_, Some(profile)) => {
            Err(KeysFault::Profile { name: profile.to_owned(), looked_at: reports(&places[..reach], end), known })
        }
        (Some((place, Err(state))), None) => Err(place.fault(state)),
        (None, None) => {
            let passed_over = reports(&places, end).into_iter().filter(|report| report.state.holds_something());
            Err(KeysFault::None { passed_over: passed_over.collect() })
        }
    };
    Search { found, sources: reports(&places, end) }
}

fn reports(places: &[Looked], taken: Option<usize>) -> Vec<SourceReport> {
    let state = |at: usize, place: &Looked| match &place.held {
        Ok(_) if taken == Some(at) => SourceState::Taken,
        Ok(_) => SourceState::Outranked,
        Err(state) => state.clone(),
    };
    places.iter().enumerate().map(|(at, p)| SourceReport { source: p.source.clone(), state: state(at, p) }).collect()
}

impl Looked {
    fn fault(&self, state: &SourceState) -> KeysFault {
        match state {
            SourceState::Half { set, missing } => KeysFault::HalfPair { set: set.clone(), missing: missing.clone() },
            state => KeysFault::Unusable { place: self.source.clone(), state: state.clone() },
        }
    }
}

/// The places where a profile of that name may lie, and the names that there are.
fn profiles(environment: &Environment, profile: &str) -> (Vec<Looked>, Vec<String>) {
    let (in_sdk_file, mut known) = sdk_file::look(environment, Some(profile));
    let (in_koocli, of_koocli) = koocli::look(environment, Some(profile));
    known.extend(of_koocli);
    (vec![in_sdk_file, in_koocli], known)
}

fn unnamed(environment: &Environment, wanted: &Wanted) -> Vec<Looked> {
    let mut places = variables::look(environment);
    places.push(sdk_file::look(environment, None).0);
    places.push(koocli::look(environment, None).0);
    places.push(Looked::new(
        "the ECS metadata service",
        match wanted.ecs_metadata_url {
            Some(url) => {
                let source = format!("the ECS metadata service at {url}");
                Ok(FoundKeys::new(Keys::EcsMetadata { base_url: url.to_owned() }, source))
            }
            None => Err(SourceState::NotSwitchedOn),
        },
    ));
    places
}

const CARRIAGE_RETURN: &str = "a carriage return";

/// Refuses what a file or a shell has left in a value and no secret holds.
fn require_clean(name: &str, text: &str) -> Result<(), SourceState> {
    let what = match text.chars().find(|c| c.is_control()) {
        None => return Ok(()),
        Some('\r') => CARRIAGE_RETURN,
        Some('\n') => "a line break",
        Some(_) => "a control character",
    };
    Err(SourceState::Spoilt { name: name.to_owned(), what })
}

/// Both halves of a pair, or what is wrong; an empty text is none.
fn pair(names: [&str; 2], ak: Option<&str>, sk: Option<Secret>) -> Result<(String, Secret), SourceState> {
    let half = |set: &str, missing: &str| SourceState::Half { set: set.to_owned(), missing: missing.to_owned() };
    let filled = |text: &&str| !text.is_empty();
    match (ak.filter(filled), sk.filter(|sk| !sk.is_empty())) {
        (Some(ak), Some(sk)) => {
            require_clean(names[0], ak)?;
            require_clean(names[1], sk.expose())?;
            Ok((ak.to_owned(), sk))
        }
        (Some(_), None) => Err(half(names[0], names[1])),
        (None, Some(_)) => Err(half(names[1], names[0])),
        (None, None) => Err(SourceState::Absent),
    }
}

/// The text of a file; `None` where there is no such file.
fn read(path: &Path) -> Result<Option<Secret>, SourceState> {
    let unreadable = |error: std::io::Error| SourceState::Unreadable(error.to_string());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut text = String::new();
    file.take(CREDENTIALS_FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    let text = Secret::new(text);
    if text.expose().len() as u64 > CREDENTIALS_FILE_BYTES_MAX {
        return Err(SourceState::Unreadable(format!("it is larger than {CREDENTIALS_FILE_BYTES_MAX} bytes")));
    }
    Ok(Some(text))
}

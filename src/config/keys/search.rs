//! The search for credentials: every place they may lie, in the order in which they are looked for, and the first that
//! holds them. None are mixed. What must be asked of a network is only named.

use super::found::{CARRIAGE_RETURN, FoundKeys, Looked, SourceState};
use super::{koocli, sdk_file, variables};
use crate::base::credentials::Credentials;
use crate::config::env::Environment;

/// Where the ECS metadata service answers, on every ECS.
pub(crate) const ECS_METADATA_URL: &str = "http://169.254.169.254";
/// One place that may hold credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceReport {
    pub(crate) source: String,
    pub(crate) state: SourceState,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysFault {
    #[error("no credentials were found{}", listed(passed_over))]
    None { passed_over: Vec<SourceReport> },
    #[error("half a pair of keys: {set} is set, {missing} is not")]
    HalfPair { set: String, missing: String },
    #[error("{place}: {state}")]
    Unusable { place: String, state: SourceState },
    #[error("profile `{name}` cannot be used{}", listed(looked_at))]
    Profile { name: String, looked_at: Vec<SourceReport>, known: Vec<String> },
}

fn listed(reports: &[SourceReport]) -> String {
    reports.iter().map(|report| format!("; {}: {}", report.source, report.state)).collect()
}

impl KeysFault {
    pub(crate) fn hint(&self) -> String {
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

/// Where the settings say to look.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// If it is set, the files are searched for this name, and no other place is.
    pub profile: Option<&'a str>,
    /// The metadata service's address, if the service may be asked.
    pub ecs_metadata_url: Option<&'a str>,
}

/// What was found, and what became of every place that was looked at, in order.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub found: Result<FoundKeys, KeysFault>,
    pub sources: Vec<SourceReport>,
}

/// Looks everywhere. The first place that holds credentials is taken. A place before it that holds a part of them, or
/// cannot be read, ends the search with a fault.
pub(crate) fn survey(environment: &Environment, wanted: &Wanted) -> Search {
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
                Ok(FoundKeys::new(Credentials::EcsMetadata { base_url: url.to_owned() }, source))
            }
            None => Err(SourceState::NotSwitchedOn),
        },
    ));
    places
}

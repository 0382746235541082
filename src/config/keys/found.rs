//! What a place gives that may hold credentials: keys, or why it gives none. It knows no place by name.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::base::credentials::Credentials;
use crate::base::secret::Secret;

/// Bytes of a file of credentials, at most. A larger file is something else.
pub(super) const CREDENTIALS_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Credentials, with the place where they were found and what else stood there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundKeys {
    pub keys: Credentials,
    pub source: String,
    /// IAM project that goes with the keys.
    pub project_id: Option<String>,
    pub region: Option<String>,
    pub iam_endpoint: Option<String>,
}

impl FoundKeys {
    pub(super) fn new(keys: Credentials, source: String) -> FoundKeys {
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
    /// The value of this name holds something that no secret can hold.
    #[error("{name} holds {what}")]
    Spoilt { name: String, what: &'static str },
}

impl SourceState {
    pub(super) fn holds_something(&self) -> bool {
        !matches!(self, SourceState::Absent | SourceState::NotNamed | SourceState::NotSwitchedOn)
    }

    /// Whether the search must end here. A person meant this source, and the next one could hold another user's keys.
    pub(super) fn is_in_the_way(&self) -> bool {
        matches!(self, SourceState::Half { .. } | SourceState::Unreadable(_) | SourceState::Spoilt { .. })
    }
}

/// A place by name, and the keys it holds or why it gives none.
pub(super) struct Looked {
    pub(super) source: String,
    pub(super) held: Result<FoundKeys, SourceState>,
}

impl Looked {
    pub(super) fn new(source: impl Into<String>, held: Result<FoundKeys, SourceState>) -> Looked {
        Looked { source: source.into(), held }
    }
}

pub(super) const CARRIAGE_RETURN: &str = "a carriage return";

/// Refuses a value with a control character: a file or a shell left it there, and no secret holds one.
pub(super) fn require_clean(name: &str, text: &str) -> Result<(), SourceState> {
    let what = match text.chars().find(|c| c.is_control()) {
        None => return Ok(()),
        Some('\r') => CARRIAGE_RETURN,
        Some('\n') => "a line break",
        Some(_) => "a control character",
    };
    Err(SourceState::Spoilt { name: name.to_owned(), what })
}

/// Both halves of a pair, or what is wrong. An empty text counts as missing.
pub(super) fn pair(names: [&str; 2], ak: Option<&str>, sk: Option<Secret>) -> Result<(String, Secret), SourceState> {
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
pub(super) fn read(path: &Path) -> Result<Option<Secret>, SourceState> {
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

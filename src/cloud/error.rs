//! Errors of calls, in words a person can act on. It does not decide whether a request is tried again.

use std::fmt;
use std::time::Duration;

use crate::base::base_url::BaseUrl;
use crate::catalog::services;
use crate::catalog::spec::Service;
use crate::cloud::auth::credentials::{Identity, IdentityKind};
use crate::cloud::auth::skew::{Clocks, signature_expired};
use crate::cloud::http::error_body::gateway_number;

/// The kind of an error. Summaries and exit codes look at nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ErrorClass {
    Usage,
    Auth,
    Forbidden,
    NotFound,
    Throttled,
    Unreachable,
    Upstream,
    Data,
    Clock,
    Time,
}

impl ErrorClass {
    pub(crate) fn name(self) -> &'static str {
        match self {
            ErrorClass::Usage => "usage",
            ErrorClass::Auth => "auth",
            ErrorClass::Forbidden => "forbidden",
            ErrorClass::NotFound => "not_found",
            ErrorClass::Throttled => "throttled",
            ErrorClass::Unreachable => "unreachable",
            ErrorClass::Upstream => "upstream",
            ErrorClass::Data => "data",
            ErrorClass::Clock => "clock",
            ErrorClass::Time => "time",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each error says what its fields are")]
pub enum Error {
    /// hclake has no region of this name in its table.
    #[error("{service}: there is no region `{region}`")]
    UnknownRegion { service: Service, region: String, nearest: Option<String> },
    /// The region exists, but its table has no host of the service.
    #[error("{service} is not known in region `{region}`")]
    ServiceNotInRegion { service: Service, region: String },
    /// A person set an address that cannot be used.
    #[error("the address set for {service} {fault}")]
    BadEndpoint { service: Service, fault: String },
    /// A person set a plain http address of another machine.
    #[error("the address set for {service} is plain http to {host}")]
    PlainHttp { service: Service, host: String },
    /// A setting, or a part of a call, has a value that no request can carry.
    #[error("{name} {fault}")]
    Setting { name: String, fault: String },
    /// The store cannot take the list, so it is not requested.
    #[error("{fault}")]
    NotStorable { fault: String, hint: Option<String> },
    /// The time that a person gave the run was up before the list was begun.
    #[error("the run's time was up before the list was begun")]
    TimeUp,
    /// The service answered with an error.
    #[error(transparent)]
    Api(Box<ApiError>),
    /// No connection came about, or it broke before an answer began.
    #[error("{service}: no connection to {host}: {cause}")]
    Unreachable { service: Service, host: String, cause: String },
    /// The answer, or its next part, did not come in time.
    #[error("{service}: no whole answer from {host} after {:.1} s", after.as_secs_f64())]
    Timeout { service: Service, host: String, after: Duration },
    /// A proxy wants credentials, and hclake has none for it.
    #[error("{service}: a proxy on the way to {host} asks for a log-in (407)")]
    ProxyLogin { service: Service, host: String },
    /// A good status came with a body that cannot be read.
    #[error("{service}: {host} answered {status} with {fault}{}", in_request(request_id.as_deref()))]
    UnusableBody { service: Service, host: String, status: u16, request_id: Option<String>, fault: BodyFault },
    /// The answer is a redirection. It could lead signed requests to another host.
    #[error("{service}: {host} answered {status} and points to {location}, which is not followed")]
    RedirectRefused { service: Service, host: String, status: u16, location: String },
    /// The project to look up does not exist in the region.
    #[error("IAM knows no project `{name}` in region `{region}`{}", known_are(known))]
    NoProject {
        region: String,
        name: String,
        /// Name and id of the projects that IAM shows.
        known: Vec<(String, String)>,
    },
    /// The name of the project to look up fits more than one.
    #[error("IAM knows several projects `{name}` in region `{region}`: {}", listed(projects))]
    SeveralProjects {
        region: String,
        name: String,
        /// Name and id.
        projects: Vec<(String, String)>,
    },
    /// The list of CodeArts projects was not read whole.
    #[error("{service}: the list of projects changed while it was read: {reported} are reported, {read} were read")]
    MovingProjects { service: Service, reported: u64, read: u64 },
    /// The metadata service of this ECS did not answer with keys.
    #[error("no keys came from the ECS metadata service at {place}: {fault}")]
    NoKeys { place: String, fault: String },
    /// A scope's credentials are missing or cannot be used.
    #[error("{fault}")]
    NoCredentials { fault: String, hint: String },
}

/// Why the body of a good answer cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    #[error("an empty body")]
    Empty,
    #[error("a web page in place of JSON")]
    Html,
    #[error("a body that was cut off: {0}")]
    Cut(String),
    #[error("a body that contradicts itself: {0}")]
    Contradictory(String),
    #[error("a body of the wrong shape: {0}")]
    WrongShape(String),
    #[error("a body over {limit_bytes} bytes")]
    TooLarge { limit_bytes: u64 },
}

/// An error as the service reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub(crate) service: Service,
    pub(crate) host: String,
    pub(crate) status: Option<u16>,
    /// Such as `WKS.00010003` or `APIGW.0301`.
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    pub(crate) request_id: Option<String>,
    pub(crate) class: ErrorClass,
    /// IAM action that the call needs, where the caller knows it.
    pub(crate) permission: Option<String>,
    /// The credentials of the call.
    pub(crate) identity: Identity,
    /// A web page came in place of the service's answer.
    pub(crate) is_page: bool,
    /// Set where IAM shows that the project is not of the region.
    pub(crate) wrong_project: Option<WrongProject>,
}

/// A project that this account does not have in the region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrongProject {
    pub id: String,
    pub region: String,
    /// Name and id of all projects of the account.
    pub known: Vec<(String, String)>,
}

impl WrongProject {
    /// `None` where the account has the project in this region. A project is named like its region, with a `_` and more
    /// where the region has several.
    pub(crate) fn of(id: &str, region: &str, known: &[(String, String)]) -> Option<WrongProject> {
        let wrong = WrongProject { id: id.to_owned(), region: region.to_owned(), known: known.to_vec() };
        let is_right = wrong.of_region().any(|(_, known)| known == id);
        (!known.is_empty() && !is_right).then_some(wrong)
    }

    fn of_region(&self) -> impl Iterator<Item = &(String, String)> {
        let is_here =
            |name: &str| name.strip_prefix(&self.region).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
        self.known.iter().filter(move |(name, _)| is_here(name))
    }

    fn hint(&self) -> String {
        let WrongProject { id, region, known } = self;
        let here: Vec<_> = self.of_region().cloned().collect();
        let what = match known.iter().find(|(_, known)| known == id) {
            Some((name, _)) => format!("the project {id} is `{name}`, of another region than {region}"),
            None => format!("this account has no IAM project {id}"),
        };
        match &here[..] {
            [] => format!("{what}, and IAM lists none of {region}: check the region"),
            [(_, id)] => format!("{what}; that of {region} is {id}: set {SET_PROJECT}"),
            here => format!("{what}; those of {region} are {}: set {SET_PROJECT}", listed(here)),
        }
    }
}

impl std::error::Error for ApiError {}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered", self.service)?;
        if let Some(status) = self.status {
            write!(f, " {status}")?;
        }
        // IAM's code is the status again.
        if let Some(code) =
            self.code.as_ref().filter(|code| self.status.is_none_or(|status| **code != status.to_string()))
        {
            write!(f, " {code}")?;
        }
        write!(f, ": {}{}", self.message, in_request(self.request_id.as_deref()))
    }
}

fn in_request(id: Option<&str>) -> String {
    id.map_or_else(String::new, |id| format!(" (request id {id})"))
}

/// Projects shown in a message.
const PROJECTS_SHOWN_MAX: usize = 20;

fn listed(projects: &[(String, String)]) -> String {
    let shown = projects.iter().take(PROJECTS_SHOWN_MAX).map(|(name, id)| format!("{name} ({id})"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match projects.len().checked_sub(PROJECTS_SHOWN_MAX) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

fn known_are(projects: &[(String, String)]) -> String {
    if projects.is_empty() { String::new() } else { format!("; it knows {}", listed(projects)) }
}

impl Error {
    pub(crate) fn class(&self) -> ErrorClass {
        match self {
            Error::UnknownRegion { .. }
            | Error::ServiceNotInRegion { .. }
            | Error::BadEndpoint { .. }
            | Error::PlainHttp { .. }
            | Error::Setting { .. }
            | Error::NotStorable { .. }
            | Error::NoProject { .. }
            | Error::SeveralProjects { .. }
            | Error::NoCredentials { .. } => ErrorClass::Usage,
            Error::Api(error) => error.class,
            Error::NoKeys { .. } => ErrorClass::Auth,
            Error::Unreachable { .. } | Error::Timeout { .. } | Error::ProxyLogin { .. } => ErrorClass::Unreachable,
            Error::UnusableBody { .. } | Error::MovingProjects { .. } => ErrorClass::Data,
            Error::RedirectRefused { .. } => ErrorClass::Upstream,
            Error::TimeUp => ErrorClass::Time,
        }
    }

    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Error::Api(error) => error.status,
            Error::UnusableBody { status, .. } | Error::RedirectRefused { status, .. } => Some(*status),
            Error::ProxyLogin { .. } => Some(407),
            _ => None,
        }
    }

    /// The service's own code.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Error::Api(error) => error.code.as_deref(),
            _ => None,
        }
    }

    /// The service's own text, else what this error says.
    pub(crate) fn message(&self) -> String {
        match self {
            Error::Api(error) => error.message.clone(),
            other => other.to_string(),
        }
    }

    pub(crate) fn request_id(&self) -> Option<&str> {
        match self {
            Error::Api(error) => error.request_id.as_deref(),
            Error::UnusableBody { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    /// Whether the project of the call is not of the region.
    pub(crate) fn is_of_wrong_project(&self) -> bool {
        matches!(self, Error::Api(error) if error.wrong_project.is_some())
    }

    /// Adds what IAM shows of the project of the call.
    pub(crate) fn in_project(self, wrong: Option<WrongProject>) -> Error {
        match self {
            Error::Api(error) => Error::Api(Box::new(ApiError { wrong_project: wrong, ..*error })),
            other => other,
        }
    }

    /// A short message, for a line that already names service and host.
    pub(crate) fn brief(&self) -> String {
        match self {
            Error::Unreachable { cause, .. } => format!("no connection: {cause}"),
            Error::Timeout { after, .. } => format!("no whole answer after {:.1} s", after.as_secs_f64()),
            Error::UnknownRegion { region, .. } => format!("there is no region `{region}`"),
            Error::ServiceNotInRegion { region, .. } => format!("not known in region `{region}`"),
            Error::ProxyLogin { .. } => "a proxy on the way asks for a log-in (407)".to_owned(),
            other => other.to_string(),
        }
    }

    /// The next step, for the `hint:` line.
    pub(crate) fn hint(&self) -> Option<String> {
        Some(match self {
            Error::UnknownRegion { service, nearest: Some(nearest), .. } => {
                format!("did you mean `{nearest}`? {}", or_override(*service))
            }
            Error::UnknownRegion { service, nearest: None, .. } => known_regions(*service),
            Error::ServiceNotInRegion { service, .. } => {
                format!("leave its tables out with `tables` in hclake.toml, or change the region: {}", known_regions(*service))
            }
            Error::BadEndpoint { service, .. } => {
                format!("{}; {}", BaseUrl::FORM, where_set(*service))
            }
            Error::PlainHttp { service, .. } => format!("{}; {}", BaseUrl::NO_PLAIN_HTTP, where_set(*service)),
            Error::NotStorable { hint, .. } => return hint.clone(),
            Error::TimeUp => "the next run reads it; give it more time with --max-time".into(),
            Error::Setting { .. } => "correct the value in hclake.toml or in the environment".into(),
            Error::Api(error) => return error.hint(),
            Error::Unreachable { service, cause, .. } => unreachable_hint(*service, cause),
            Error::Timeout { .. } => "the service or the way to it is slow; try again later".into(),
            Error::UnusableBody { service, fault, .. } => body_hint(*service, fault),
            Error::RedirectRefused { service, .. } => {
                format!("a log-in page or a moved service answers there; check {}", override_variable(*service))
            }
            Error::ProxyLogin { .. } => {
                "write the proxy's user and password into HTTPS_PROXY (http://user:password@host:port), or name the host in NO_PROXY"
                    .into()
            }
            Error::NoProject { known, .. } if known.is_empty() => {
                format!("check the region's spelling, and that this user may use it; or set {SET_PROJECT}")
            }
            Error::NoProject { .. } => format!("set `project` in hclake.toml to one of these names, or {SET_PROJECT}"),
            Error::SeveralProjects { .. } => format!("choose one and set {SET_PROJECT}"),
            Error::MovingProjects { .. } => "projects were added or removed meanwhile; the next run asks again".into(),
            Error::NoCredentials { hint, .. } => hint.clone(),
            Error::NoKeys { .. } => {
                "give this ECS an agency with permission to read the lists, or switch [credentials] ecs_metadata off"
                    .into()
            }
        })
    }
}

/// The environment variable that overrides the address of `service`.
fn override_variable(service: Service) -> String {
    format!("HCLAKE_ENDPOINT_URL_{}", service.name().to_uppercase())
}

/// How a hint says to set the project.
const SET_PROJECT: &str = "`project_id` in hclake.toml (HUAWEICLOUD_SDK_PROJECT_ID) to its id";

fn known_regions(service: Service) -> String {
    let known = service.regions().collect::<Vec<_>>().join(", ");
    format!("{service} is known in {known}; {}", or_override(service))
}

fn where_set(service: Service) -> String {
    format!("it is set in HCLAKE_ENDPOINT_URL, in {} or under [endpoint] in hclake.toml", override_variable(service))
}

fn or_override(service: Service) -> String {
    format!("a region that hclake does not know can be reached by setting {}", override_variable(service))
}

fn unreachable_hint(service: Service, cause: &str) -> String {
    let cause = cause.to_lowercase();
    let check = if cause.contains("certificate") {
        "the host's certificate is not trusted here: check the CA certificates of this machine and any proxy"
    } else if cause.contains("dns") || cause.contains("lookup") {
        "the host's name is not known: check the region and this machine's DNS"
    } else if cause.contains("proxy auth") {
        "the proxy asks for a log-in: write its user and password into HTTPS_PROXY (http://user:password@host:port)"
    } else if cause.contains("tunnel") || cause.contains("proxy") {
        "the proxy does not let the connection pass: check HTTPS_PROXY, or name the host in NO_PROXY"
    } else {
        "check the network, the proxy and the region"
    };
    format!("{check}; {} sets another address", override_variable(service))
}

fn body_hint(service: Service, fault: &BodyFault) -> String {
    match fault {
        BodyFault::Html | BodyFault::Empty => {
            format!(
                "something other than the service may be answering: check proxies and {}",
                override_variable(service)
            )
        }
        BodyFault::Cut(_) => "the connection broke off; the next run asks again".into(),
        BodyFault::Contradictory(_) => "something on the way may be changing answers; the next run asks again".into(),
        BodyFault::WrongShape(_) => "the API may have changed: check the list's documentation page".into(),
        BodyFault::TooLarge { .. } => "ask for fewer records a page".into(),
    }
}

impl ApiError {
    fn hint(&self) -> Option<String> {
        Some(match self.class {
            ErrorClass::Auth => self.auth_hint(),
            ErrorClass::Clock => self.clock_hint(),
            ErrorClass::Forbidden => self.forbidden_hint(),
            ErrorClass::NotFound if self.code_is("0101") => {
                format!("the API is not published there: check the region, or set {}", override_variable(self.service))
            }
            ErrorClass::NotFound => "check the region and the project id".into(),
            ErrorClass::Throttled => format!("lower `{}` under [rate] in hclake.toml", self.service),
            _ if self.is_page => format!(
                "something on the way may be answering in the service's place: check HTTPS_PROXY, NO_PROXY and {}",
                override_variable(self.service)
            ),
            ErrorClass::Upstream if self.status.is_some_and(|status| status >= 500) => {
                "the fault is on the service's side; the next run asks again".into()
            }
            _ => "the request was refused as it stands: check the list's parameters and documentation page".into(),
        })
    }

    fn clock_hint(&self) -> String {
        let clocks = Clocks::in_message(&self.message).map_or_else(
            || "this machine's clock differs from the service's".to_owned(),
            |clocks| format!("this machine's clock said {}, the service's {}", clocks.local, clocks.server),
        );
        match self.identity.kind {
            IdentityKind::TemporaryKeys => format!(
                "{clocks}: set this machine's clock, for instance by NTP; if it is right, the temporary keys have run \
                 out: fetch new ones"
            ),
            _ => format!("{clocks}: set this machine's clock, for instance by NTP"),
        }
    }

    fn auth_hint(&self) -> String {
        let message = self.message.to_lowercase();
        let source = &self.identity.source;
        let check = match self.identity.kind {
            IdentityKind::Token => return "the token has run out, or is for another region: fetch a new one".into(),
            IdentityKind::Password if self.service == services::iam() => {
                return format!(
                    "check {source}, and the account's name in HW_DOMAIN_NAME; it must be an IAM user, without a second \
                     factor; nothing more is asked with this password, since failures in a row lock the user"
                );
            }
            IdentityKind::Password => {
                return "IAM gave a token for this user, and the service refuses it: check that the user is enabled and \
                        belongs to the project"
                    .into();
            }
            IdentityKind::TemporaryKeys if message.contains("token") || signature_expired(&message) => {
                return format!(
                    "the temporary keys of {source} have run out, or their security token is another pair's: fetch new \
                     ones, all three parts"
                );
            }
            _ if message.contains("ak not found") || (message.contains("ak") && message.contains("not exist")) => {
                format!(
                    "no such access key is known there: check {source} for typos, and that the account is of the region's site \
                 (a key of the international site is unknown in a region of the China site, and the other way round)"
                )
            }
            _ if message.contains("signature") && !signature_expired(&message) => {
                format!(
                    "the secret key does not fit the access key: check {source} for typos, and that both are of one pair"
                )
            }
            _ if signature_expired(&message) => {
                format!("if the keys of {source} are temporary, they have run out, or their security token is not set")
            }
            _ => format!("the keys are not accepted: check {source}"),
        };
        format!("{check}; nothing more is asked with these keys, since failures in a row lock them for minutes")
    }

    fn forbidden_hint(&self) -> String {
        if let Some(wrong) = &self.wrong_project {
            return wrong.hint();
        }
        let permission = action_in(&self.message).or(self.permission.as_deref());
        let grant = match (permission, self.service.grant()) {
            (Some(permission), _) => format!("grant this user the IAM permission {permission}"),
            (None, Some(grant)) => grant.to_owned(),
            (None, None) => "grant this user the IAM permission to list these records".to_owned(),
        };
        let Some(number) = self.code.as_deref().and_then(gateway_number) else { return grant };
        match number {
            "0302" | "0306" => format!(
                "check that the project is this account's and of this region (a CodeArts project's id is no IAM project id); \
                 if it is, {grant}"
            ),
            "0310" => "the project is frozen or of another region: check the project id".to_owned(),
            "0801" => {
                "this account does not have the service in this region: subscribe to it in the console, choose another \
                       region, or leave its tables out with `tables` in hclake.toml"
                    .to_owned()
            }
            "0802" => "this user may not use this region: have an administrator allow it, or choose another".to_owned(),
            _ => grant,
        }
    }

    /// Whether the code is the API gateway's of this number, in either spelling.
    fn code_is(&self, number: &str) -> bool {
        self.code.as_deref().and_then(gateway_number) == Some(number)
    }
}

/// The IAM action (`service:resource:operation`) that a message names.
fn action_in(message: &str) -> Option<&str> {
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_*".contains(c));
    let is_action = |word: &&str| word.split(':').count() == 3 && word.split(':').all(is_part);
    let is_edge = |c: char| c.is_ascii_punctuation() && c != '*';
    message.split_whitespace().map(|word| word.trim_matches(is_edge)).find(is_action)
}

#[cfg(test)]
mod tests;

//! What went wrong, in words a person can act on. It decides nothing: whether a request is tried again is
//! settled elsewhere.

use std::fmt;
use std::time::Duration;

use super::complaint::gateway_number;
use super::regions::{override_variable, regions};
use crate::catalog::spec::Service;

/// What kind of trouble it is; all that summaries and exit codes look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    Usage,
    Auth,
    Forbidden,
    NotFound,
    Throttled,
    Unreachable,
    Upstream,
    Data,
    Clock,
}

impl ErrorClass {
    pub fn name(self) -> &'static str {
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
pub enum Error {
    #[error("{service}: there is no region `{region}`")]
    UnknownRegion { service: Service, region: String, nearest: Option<String> },
    #[error("{service} is not known in region `{region}`")]
    ServiceNotInRegion { service: Service, region: String },
    #[error("the address set for {service} {fault}")]
    BadEndpoint { service: Service, fault: String },
    #[error("the address set for {service} is plain http to {host}")]
    PlainHttp { service: Service, host: String },
    #[error("{name} {fault}")]
    Setting { name: String, fault: String },
    /// The service answered, and said no.
    #[error(transparent)]
    Api(Box<ApiError>),
    #[error("{service}: no connection to {host}: {cause}")]
    Unreachable { service: Service, host: String, cause: String },
    #[error("{service}: no whole answer from {host} after {:.1} s", after.as_secs_f64())]
    Timeout { service: Service, host: String, after: Duration },
    #[error("{service}: a proxy on the way to {host} asks for a log-in (407)")]
    ProxyLogin { service: Service, host: String },
    #[error("{service}: {host} answered {status} with {fault}{}", in_request(request_id.as_deref()))]
    UnusableBody { service: Service, host: String, status: u16, request_id: Option<String>, fault: BodyFault },
    #[error("{service}: {host} answered {status} and points to {location}, which is not followed")]
    RedirectRefused { service: Service, host: String, status: u16, location: String },
    #[error("IAM knows no project for region `{region}`")]
    NoProject { region: String },
    #[error("IAM knows several projects for region `{region}`: {}", listed(projects))]
    SeveralProjects {
        region: String,
        /// Name and id.
        projects: Vec<(String, String)>,
    },
}

/// What makes the body of a good answer useless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    #[error("an empty body")]
    Empty,
    #[error("a web page in place of JSON")]
    Html,
    #[error("a body that was cut off: {0}")]
    Cut(String),
    #[error("a body of the wrong shape: {0}")]
    WrongShape(String),
    #[error("a body over {limit_bytes} bytes")]
    TooLarge { limit_bytes: u64 },
}

/// A service's own account of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub service: Service,
    pub host: String,
    pub status: Option<u16>,
    /// Such as `WKS.00010003` or `APIGW.0301`.
    pub code: Option<String>,
    pub message: String,
    pub request_id: Option<String>,
    pub class: ErrorClass,
    /// IAM action that the call needs, where its caller knew.
    pub permission: Option<String>,
    pub temporary_keys: bool,
    /// A web page came in place of the service's own words.
    pub is_page: bool,
}

impl std::error::Error for ApiError {}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered", self.service)?;
        if let Some(status) = self.status {
            write!(f, " {status}")?;
        }
        // IAM repeats the status as its code.
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

fn listed(projects: &[(String, String)]) -> String {
    projects.iter().map(|(name, id)| format!("{name} ({id})")).collect::<Vec<_>>().join(", ")
}

impl Error {
    pub fn class(&self) -> ErrorClass {
        match self {
            Error::UnknownRegion { .. }
            | Error::ServiceNotInRegion { .. }
            | Error::BadEndpoint { .. }
            | Error::PlainHttp { .. }
            | Error::Setting { .. }
            | Error::NoProject { .. }
            | Error::SeveralProjects { .. } => ErrorClass::Usage,
            Error::Api(error) => error.class,
            Error::Unreachable { .. } | Error::Timeout { .. } | Error::ProxyLogin { .. } => ErrorClass::Unreachable,
            Error::UnusableBody { .. } => ErrorClass::Data,
            Error::RedirectRefused { .. } => ErrorClass::Upstream,
        }
    }

    pub fn status(&self) -> Option<u16> {
        match self {
            Error::Api(error) => error.status,
            Error::UnusableBody { status, .. } | Error::RedirectRefused { status, .. } => Some(*status),
            Error::ProxyLogin { .. } => Some(407),
            _ => None,
        }
    }

    /// The service's own code.
    pub fn code(&self) -> Option<&str> {
        match self {
            Error::Api(error) => error.code.as_deref(),
            _ => None,
        }
    }

    /// The service's own text, else what this error says.
    pub fn message(&self) -> String {
        match self {
            Error::Api(error) => error.message.clone(),
            other => other.to_string(),
        }
    }

    pub fn request_id(&self) -> Option<&str> {
        match self {
            Error::Api(error) => error.request_id.as_deref(),
            Error::UnusableBody { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    /// What this error says, for a place where service and host are named already.
    pub fn brief(&self) -> String {
        match self {
            Error::Unreachable { cause, .. } => format!("no connection: {cause}"),
            Error::Timeout { after, .. } => format!("no whole answer after {:.1} s", after.as_secs_f64()),
            Error::ProxyLogin { .. } => "a proxy on the way asks for a log-in (407)".to_owned(),
            other => other.to_string(),
        }
    }

    /// The next step, for the `hint:` line.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::UnknownRegion { service, nearest: Some(nearest), .. } => {
                format!("did you mean `{nearest}`? {}", or_override(*service))
            }
            Error::UnknownRegion { service, nearest: None, .. } => known_regions(*service),
            Error::ServiceNotInRegion { service, .. } => {
                format!("leave its tables out with `tables` in hclake.toml, or change the region: {}", known_regions(*service))
            }
            Error::BadEndpoint { service, .. } => {
                format!("write it as https://host[:port][/prefix]; {}", where_set(*service))
            }
            Error::PlainHttp { service, .. } => format!(
                "use https; http is for this machine itself (127.0.0.1, ::1, localhost); {}",
                where_set(*service)
            ),
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
            Error::NoProject { .. } => format!("check the region's spelling, and that this user may use it; or set {SET_PROJECT}"),
            Error::SeveralProjects { .. } => format!("choose one and set {SET_PROJECT}"),
        })
    }
}

/// How a project is named.
const SET_PROJECT: &str = "`project_id` in hclake.toml (HUAWEICLOUD_SDK_PROJECT_ID) to its id";

fn known_regions(service: Service) -> String {
    let known = regions(service).collect::<Vec<_>>().join(", ");
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
        BodyFault::WrongShape(_) => "the API may have changed: check the list's documentation page".into(),
        BodyFault::TooLarge { .. } => "ask for fewer records a page".into(),
    }
}

impl ApiError {
    fn hint(&self) -> Option<String> {
        Some(match self.class {
            ErrorClass::Auth => self.auth_hint(),
            ErrorClass::Clock if self.temporary_keys => {
                "set this machine's clock; if it is right, the temporary keys have run out: fetch new ones".into()
            }
            ErrorClass::Clock => "this machine's clock differs from the service's: set it, for instance by NTP".into(),
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

    fn auth_hint(&self) -> String {
        let message = self.message.to_lowercase();
        if self.temporary_keys && (signature_expired(&message) || message.contains("token")) {
            return "the temporary keys have run out, or their security token is another pair's: fetch new ones, all three parts"
                .into();
        }
        if message.contains("token") || self.code_is("0307") {
            return "the token has run out, or is for another region: fetch a new one".into();
        }
        if signature_expired(&message) {
            return "if these are temporary keys, they have run out, or their security token is not set".into();
        }
        let check = if message.contains("ak not found") || (message.contains("ak") && message.contains("not exist")) {
            "no such access key is known there: check it for typos, and that its account is of the region's site \
             (a key of the international site is unknown in a region of the China site, and the other way round)"
        } else if message.contains("signature") {
            "the secret key does not fit the access key: check it for typos, and that both are of one pair"
        } else {
            "check the access key and the secret key"
        };
        format!(
            "{check}; `hclake check` says where the keys come from; nothing more was asked, since failures in a row lock a key for minutes"
        )
    }

    fn forbidden_hint(&self) -> String {
        let permission = action_in(&self.message).or(self.permission.as_deref());
        let grant = match (permission, self.service) {
            (Some(permission), _) => format!("grant this user the IAM permission {permission}"),
            (None, Service::CodeartsDeploy | Service::Projectman) => {
                "make this user a member of the CodeArts project who may view deployments".to_owned()
            }
            (None, _) => "grant this user the IAM permission to list these records".to_owned(),
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

/// Whether a message says that a signature is too old, which a wrong clock and worn-out keys both bring about.
pub(super) fn signature_expired(message: &str) -> bool {
    let message = message.to_lowercase();
    message.contains("signature") && message.contains("expired")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::super::complaint::Complaint;
    use super::*;

    fn api(status: u16, class: ErrorClass, body: &str) -> Error {
        let complaint = Complaint::read_or_quote(body.as_bytes());
        Error::Api(Box::new(ApiError {
            service: Service::Workspace,
            host: "workspace.ap-southeast-3.myhuaweicloud.com".into(),
            status: Some(status),
            code: complaint.code,
            message: complaint.message.unwrap_or_else(|| "no text".into()),
            request_id: complaint.request_id,
            class,
            permission: Some("workspace:appcenter:listJobs".into()),
            temporary_keys: false,
            is_page: complaint.is_page,
        }))
    }

    fn told(errors: &[Error]) -> String {
        let mut text = String::new();
        for error in errors {
            writeln!(text, "[{}] {error}", error.class()).unwrap();
            writeln!(text, "    {}", error.hint().unwrap_or_else(|| "-".into())).unwrap();
        }
        text
    }

    #[test]
    fn the_six_shapes_of_an_error_body_are_told() {
        use ErrorClass::*;
        let errors = [
            api(
                403,
                Forbidden,
                r#"{"error_code":"WKS.00010003","error_msg":"no permission","encoded_authorization_message":"x"}"#,
            ),
            api(
                404,
                NotFound,
                r#"{"error_code":"APIGW.0101","error_msg":"The API does not exist","request_id":"5e1f"}"#,
            ),
            api(500, Upstream, r#"{"error":{"code":"Deploy.00011002","message":"task failed"},"status":"failed"}"#),
            api(
                400,
                Upstream,
                r#"{"errors":[{"errorCode":"SVCSTG.SWR.4000001","errorMessage":"inner","detail":"d"}],"error_code":"SVCSTG.SWR.4000001","error_msg":"bad limit","details":[]}"#,
            ),
            api(400, Upstream, r#"[{"errorCode":"SVCSTG.SWR.4001","errorMessage":"bad namespace","detail":""}]"#),
            api(404, NotFound, r#"{"error":{"code":404,"message":"Could not find project","title":"Not Found"}}"#),
            api(502, Upstream, "<html>\r\n<head><title>502 Bad\tGateway</title></head>\u{0}\u{1b}[31m</html>"),
            api(503, Upstream, ""),
        ];
        insta::assert_snapshot!(told(&errors), @r#"
        [forbidden] workspace answered 403 WKS.00010003: no permission
            grant this user the IAM permission workspace:appcenter:listJobs
        [not_found] workspace answered 404 APIGW.0101: The API does not exist (request id 5e1f)
            the API is not published there: check the region, or set HCLAKE_ENDPOINT_URL_WORKSPACE
        [upstream] workspace answered 500 Deploy.00011002: task failed
            the fault is on the service's side; the next run asks again
        [upstream] workspace answered 400 SVCSTG.SWR.4000001: bad limit
            the request was refused as it stands: check the list's parameters and documentation page
        [upstream] workspace answered 400 SVCSTG.SWR.4001: bad namespace
            the request was refused as it stands: check the list's parameters and documentation page
        [not_found] workspace answered 404: Could not find project
            check the region and the project id
        [upstream] workspace answered 502: a web page in place of JSON, titled `502 Bad Gateway`
            something on the way may be answering in the service's place: check HTTPS_PROXY, NO_PROXY and HCLAKE_ENDPOINT_URL_WORKSPACE
        [upstream] workspace answered 503: no text
            the fault is on the service's side; the next run asks again
        "#);
    }

    #[test]
    fn what_is_wrong_with_the_credentials_has_its_own_hint() {
        use ErrorClass::*;
        let gateway =
            |code: &str, text: &str| format!(r#"{{"error_code":"{code}","error_msg":"{text}","request_id":"r"}}"#);
        let errors = [
            api(401, Auth, &gateway("APIGW.0301", "Incorrect IAM authentication information: AK not found")),
            api(
                401,
                Auth,
                &gateway("APIGW.0301", "Incorrect IAM authentication information: verify aksk signature fail"),
            ),
            api(401, Clock, &gateway("APIGW.0301", "signature expired, signature time: X, server time: Y")),
            api(401, Auth, &gateway("APIGW.0301", "signature expired")),
            api(401, Auth, &gateway("APIGW.0307", "The token must be updated.")),
            api(401, Auth, &gateway("APIGW.0305", "Incorrect authentication information")),
            api(403, Forbidden, &gateway("APIGW.0310", "The project is unavailable.")),
            api(403, Forbidden, &gateway("APIGW.0802", "The IAM user is forbidden in the currently selected region")),
            api(429, Throttled, &gateway("APIGW.0308", "policy user over ratelimit,limit:60,time:1 minute")),
        ];
        insta::assert_snapshot!(told(&errors), @r#"
        [auth] workspace answered 401 APIGW.0301: Incorrect IAM authentication information: AK not found (request id r)
            no such access key is known there: check it for typos, and that its account is of the region's site (a key of the international site is unknown in a region of the China site, and the other way round); `hclake check` says where the keys come from; nothing more was asked, since failures in a row lock a key for minutes
        [auth] workspace answered 401 APIGW.0301: Incorrect IAM authentication information: verify aksk signature fail (request id r)
            the secret key does not fit the access key: check it for typos, and that both are of one pair; `hclake check` says where the keys come from; nothing more was asked, since failures in a row lock a key for minutes
        [clock] workspace answered 401 APIGW.0301: signature expired, signature time: X, server time: Y (request id r)
            this machine's clock differs from the service's: set it, for instance by NTP
        [auth] workspace answered 401 APIGW.0301: signature expired (request id r)
            if these are temporary keys, they have run out, or their security token is not set
        [auth] workspace answered 401 APIGW.0307: The token must be updated. (request id r)
            the token has run out, or is for another region: fetch a new one
        [auth] workspace answered 401 APIGW.0305: Incorrect authentication information (request id r)
            check the access key and the secret key; `hclake check` says where the keys come from; nothing more was asked, since failures in a row lock a key for minutes
        [forbidden] workspace answered 403 APIGW.0310: The project is unavailable. (request id r)
            the project is frozen or of another region: check the project id
        [forbidden] workspace answered 403 APIGW.0802: The IAM user is forbidden in the currently selected region (request id r)
            this user may not use this region: have an administrator allow it, or choose another
        [throttled] workspace answered 429 APIGW.0308: policy user over ratelimit,limit:60,time:1 minute (request id r)
            lower `workspace` under [rate] in hclake.toml
        "#);
    }

    #[test]
    fn an_action_that_a_refusal_names_is_found_in_it() {
        let found = |message: &str| action_in(message).map(str::to_owned);
        assert_eq!(found("Policy doesn't allow 'swr:job:list', sorry.").as_deref(), Some("swr:job:list"));
        assert_eq!(found("needs workspace:appcenter:*").as_deref(), Some("workspace:appcenter:*"));
        for message in ["no permission", "at 10:20:", "a: b: c", "https://a:b@c:d/"] {
            assert_eq!(found(message), None, "{message}");
        }
    }

    #[test]
    fn every_other_error_says_where_and_what_next() {
        let service = Service::Swr;
        let host = || "swr-api.cn-north-4.myhuaweicloud.com".to_owned();
        let unusable =
            |fault| Error::UnusableBody { service, host: host(), status: 200, request_id: Some("r".into()), fault };
        let errors = [
            Error::UnknownRegion { service, region: "x".into(), nearest: None },
            Error::PlainHttp { service, host: "10.0.0.1".into() },
            Error::ProxyLogin { service, host: host() },
            Error::Unreachable { service, host: host(), cause: "tunnel error: proxy authorization required".into() },
            Error::Unreachable { service, host: host(), cause: "tunnel error: unsuccessful".into() },
            Error::Setting { name: "rate.swr".into(), fault: "must be 0 or more".into() },
            Error::Unreachable { service, host: host(), cause: "dns error: no such host".into() },
            Error::Unreachable { service, host: host(), cause: "invalid peer certificate: UnknownIssuer".into() },
            Error::Unreachable { service, host: host(), cause: "Connection refused (os error 111)".into() },
            Error::Timeout { service, host: host(), after: Duration::from_secs(35) },
            unusable(BodyFault::Empty),
            unusable(BodyFault::Html),
            unusable(BodyFault::Cut("end of file before message length reached".into())),
            unusable(BodyFault::WrongShape("no member `jobs`".into())),
            unusable(BodyFault::TooLarge { limit_bytes: 1024 }),
            Error::RedirectRefused { service, host: host(), status: 302, location: "http://portal/".into() },
            Error::NoProject { region: "cn-north-4".into() },
            Error::SeveralProjects {
                region: "r".into(),
                projects: vec![("a".into(), "1".into()), ("b".into(), "2".into())],
            },
        ];
        insta::assert_snapshot!(told(&errors), @r#"
        [usage] swr: there is no region `x`
            swr is known in ae-ad-1, af-north-1, af-south-1, ap-southeast-1, ap-southeast-2, ap-southeast-3, ap-southeast-4, ap-southeast-5, cn-east-2, cn-east-3, cn-east-4, cn-east-5, cn-north-1, cn-north-11, cn-north-12, cn-north-2, cn-north-4, cn-north-9, cn-south-1, cn-south-2, cn-south-4, cn-southwest-2, cn-southwest-3, eu-west-0, eu-west-101, la-north-2, la-south-2, me-east-1, my-kualalumpur-1, na-mexico-1, ru-moscow-1, ru-northwest-2, sa-brazil-1, sa-peru-1, tr-west-1; a region that hclake does not know can be reached by setting HCLAKE_ENDPOINT_URL_SWR
        [usage] the address set for swr is plain http to 10.0.0.1
            use https; http is for this machine itself (127.0.0.1, ::1, localhost); it is set in HCLAKE_ENDPOINT_URL, in HCLAKE_ENDPOINT_URL_SWR or under [endpoint] in hclake.toml
        [unreachable] swr: a proxy on the way to swr-api.cn-north-4.myhuaweicloud.com asks for a log-in (407)
            write the proxy's user and password into HTTPS_PROXY (http://user:password@host:port), or name the host in NO_PROXY
        [unreachable] swr: no connection to swr-api.cn-north-4.myhuaweicloud.com: tunnel error: proxy authorization required
            the proxy asks for a log-in: write its user and password into HTTPS_PROXY (http://user:password@host:port); HCLAKE_ENDPOINT_URL_SWR sets another address
        [unreachable] swr: no connection to swr-api.cn-north-4.myhuaweicloud.com: tunnel error: unsuccessful
            the proxy does not let the connection pass: check HTTPS_PROXY, or name the host in NO_PROXY; HCLAKE_ENDPOINT_URL_SWR sets another address
        [usage] rate.swr must be 0 or more
            correct the value in hclake.toml or in the environment
        [unreachable] swr: no connection to swr-api.cn-north-4.myhuaweicloud.com: dns error: no such host
            the host's name is not known: check the region and this machine's DNS; HCLAKE_ENDPOINT_URL_SWR sets another address
        [unreachable] swr: no connection to swr-api.cn-north-4.myhuaweicloud.com: invalid peer certificate: UnknownIssuer
            the host's certificate is not trusted here: check the CA certificates of this machine and any proxy; HCLAKE_ENDPOINT_URL_SWR sets another address
        [unreachable] swr: no connection to swr-api.cn-north-4.myhuaweicloud.com: Connection refused (os error 111)
            check the network, the proxy and the region; HCLAKE_ENDPOINT_URL_SWR sets another address
        [unreachable] swr: no whole answer from swr-api.cn-north-4.myhuaweicloud.com after 35.0 s
            the service or the way to it is slow; try again later
        [data] swr: swr-api.cn-north-4.myhuaweicloud.com answered 200 with an empty body (request id r)
            something other than the service may be answering: check proxies and HCLAKE_ENDPOINT_URL_SWR
        [data] swr: swr-api.cn-north-4.myhuaweicloud.com answered 200 with a web page in place of JSON (request id r)
            something other than the service may be answering: check proxies and HCLAKE_ENDPOINT_URL_SWR
        [data] swr: swr-api.cn-north-4.myhuaweicloud.com answered 200 with a body that was cut off: end of file before message length reached (request id r)
            the connection broke off; the next run asks again
        [data] swr: swr-api.cn-north-4.myhuaweicloud.com answered 200 with a body of the wrong shape: no member `jobs` (request id r)
            the API may have changed: check the list's documentation page
        [data] swr: swr-api.cn-north-4.myhuaweicloud.com answered 200 with a body over 1024 bytes (request id r)
            ask for fewer records a page
        [upstream] swr: swr-api.cn-north-4.myhuaweicloud.com answered 302 and points to http://portal/, which is not followed
            a log-in page or a moved service answers there; check HCLAKE_ENDPOINT_URL_SWR
        [usage] IAM knows no project for region `cn-north-4`
            check the region's spelling, and that this user may use it; or set `project_id` in hclake.toml (HUAWEICLOUD_SDK_PROJECT_ID) to its id
        [usage] IAM knows several projects for region `r`: a (1), b (2)
            choose one and set `project_id` in hclake.toml (HUAWEICLOUD_SDK_PROJECT_ID) to its id
        "#);
    }
}

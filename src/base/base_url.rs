//! A base URL that a person sets in place of a service's own address: which ones may be used, and their parts. It
//! knows nothing of services, settings or requests.

use std::net::IpAddr;

use url::Url;

/// The parts of a base URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    /// `http` or `https`.
    pub scheme: String,
    /// Host, and the port where it is not the scheme's own.
    pub authority: String,
    /// Stands before every path: empty, or begins with a slash and does not end with one.
    pub prefix: String,
    /// Whether this machine itself answers there.
    pub is_loopback: bool,
}

/// Why a text cannot be used as a base URL. The message never repeats the text, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BaseUrlFault {
    #[error("{0}")]
    Unusable(String),
    #[error("is plain http to {host}")]
    PlainHttp { host: String },
}

impl BaseUrl {
    /// What to write in place of an unusable one.
    pub(crate) const FORM: &str = "write it as https://host[:port][/prefix]";
    /// What to write in place of plain http to another machine.
    pub(crate) const NO_PLAIN_HTTP: &str = "use https; http is for this machine itself (127.0.0.1, ::1, localhost)";

    /// Errors: the text is not a URL; it has a user, a password, a query or a fragment; or it is plain http to another
    /// machine.
    pub(crate) fn parse(text: &str) -> Result<BaseUrl, BaseUrlFault> {
        let unusable = |fault: String| Err(BaseUrlFault::Unusable(fault));
        let url = match Url::parse(text.trim()) {
            Ok(url) => url,
            Err(error) => return unusable(format!("is no URL ({error})")),
        };
        let Some(host) = url.host_str() else {
            return unusable("names no host".to_owned());
        };
        if !url.username().is_empty() || url.password().is_some() {
            return unusable("holds a user name or password".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return unusable("holds a query or fragment".to_owned());
        }
        let is_loopback = is_loopback(host);
        match url.scheme() {
            "https" => {}
            "http" if is_loopback => {}
            "http" => return Err(BaseUrlFault::PlainHttp { host: host.to_owned() }),
            other => return unusable(format!("begins with {other}:, not https:")),
        }
        Ok(BaseUrl {
            scheme: url.scheme().to_owned(),
            authority: url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            prefix: url.path().trim_end_matches('/').to_owned(),
            is_loopback,
        })
    }
}

/// `host` as a URL has it: an IPv6 address stands in brackets.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

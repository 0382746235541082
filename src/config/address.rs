//! Which addresses may be set, and what is wrong with the others, in words that follow the setting's name.

use std::net::SocketAddr;

use super::keys::ECS_METADATA_URL;
use crate::base::base_url::{BaseUrl, BaseUrlFault};

/// What is wrong with a base URL for requests. The words never repeat it, since it may hold a password.
pub(super) fn endpoint_fault(url: &str) -> Option<String> {
    let fault = BaseUrl::parse(url).err()?;
    let advice = match &fault {
        BaseUrlFault::Unusable(_) => BaseUrl::FORM,
        BaseUrlFault::PlainHttp { .. } => BaseUrl::NO_PLAIN_HTTP,
    };
    Some(format!("{fault}: {advice}"))
}

/// What is wrong with an address of the ECS metadata service. Keys are asked for only at the service's own address, or
/// over plain http on this machine.
pub(super) fn metadata_fault(url: &str) -> Option<String> {
    let is_loopback = |authority: &str| authority.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
    let is_usable = url == ECS_METADATA_URL || url.strip_prefix("http://").is_some_and(is_loopback);
    (!is_usable).then(|| {
        format!("is \"{url}\": it must be {ECS_METADATA_URL}, or http:// and a loopback address with its port")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_metadata_service_and_this_machine_are_asked_for_keys() {
        for url in ["http://169.254.169.254", "http://127.0.0.1:8080", "http://[::1]:80"] {
            assert_eq!(metadata_fault(url), None, "{url}");
        }
        for url in [
            "https://169.254.169.254",
            "http://169.254.169.254@evil.example",
            "http://169.254.169.254:80",
            "http://127.0.0.1:80/path",
            "http://127.0.0.1.example:80",
            "http://10.0.0.1:80",
            "",
        ] {
            assert!(metadata_fault(url).is_some(), "{url}");
        }
    }
}

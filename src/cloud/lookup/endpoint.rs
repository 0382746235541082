//! The address of a service: the host of a (service, region), or the override that a person has set. It resolves no
//! names and knows nothing of requests.

use crate::base::base_url::{BaseUrl, BaseUrlFault};
use crate::base::nearest::nearest;
use crate::catalog::Services;
use crate::catalog::spec::Service;
use crate::cloud::error::Error;
use std::collections::BTreeMap;

/// Base URLs set by a person. One for a service takes precedence over the one for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointOverrides {
    /// For each service without one of its own.
    pub all: Option<String>,
    /// For single services.
    pub by_service: BTreeMap<Service, String>,
}

impl EndpointOverrides {
    fn get(&self, service: Service) -> Option<&str> {
        self.by_service.get(&service).or(self.all.as_ref()).map(String::as_str)
    }
}

/// Where requests for a service go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// `http` or `https`.
    pub scheme: String,
    /// Host, and the port where it is not the scheme's default.
    pub authority: String,
    /// Prefix of every path: empty, or begins with a slash and does not end with one.
    pub prefix: String,
    /// On this machine: no proxy is used.
    pub loopback: bool,
}

/// The endpoint of `service` in `region`.
///
/// Errors: a region that is not known or lacks the service; an override that is no usable URL, or is plain `http` to
/// another machine.
pub(crate) fn endpoint(service: Service, region: &str, overrides: &EndpointOverrides) -> Result<Endpoint, Error> {
    match overrides.get(service) {
        Some(url) => overridden(service, url),
        None => Ok(Endpoint {
            scheme: "https".to_owned(),
            authority: service.host(region).ok_or_else(|| no_host(service, region))?.to_owned(),
            prefix: String::new(),
            loopback: false,
        }),
    }
}

fn no_host(service: Service, region: &str) -> Error {
    if Services::built_in().regions().any(|known| known == region) {
        Error::ServiceNotInRegion { service, region: region.to_owned() }
    } else {
        let nearest = nearest(region, service.regions()).map(str::to_owned);
        Error::UnknownRegion { service, region: region.to_owned(), nearest }
    }
}

fn overridden(service: Service, text: &str) -> Result<Endpoint, Error> {
    match BaseUrl::parse(text) {
        Ok(BaseUrl { scheme, authority, prefix, is_loopback }) => {
            Ok(Endpoint { scheme, authority, prefix, loopback: is_loopback })
        }
        Err(BaseUrlFault::Unusable(fault)) => Err(Error::BadEndpoint { service, fault }),
        Err(BaseUrlFault::PlainHttp { host }) => Err(Error::PlainHttp { service, host }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::services::built_in;

    fn of_table(service: Service, region: &str) -> Result<String, Error> {
        endpoint(service, region, &EndpointOverrides::default()).map(|found| found.authority)
    }

    fn set(url: &str) -> Result<Endpoint, Error> {
        endpoint(
            built_in("swr"),
            "cn-north-4",
            &EndpointOverrides { all: Some(url.to_owned()), by_service: BTreeMap::new() },
        )
    }

    #[test]
    fn a_misspelt_region_is_refused_with_the_nearest_one() {
        let error = of_table(built_in("workspace"), "ap-southest-3").unwrap_err();
        assert_eq!(error.to_string(), "workspace: there is no region `ap-southest-3`");
        assert!(error.hint().unwrap().contains("did you mean `ap-southeast-3`?"), "{:?}", error.hint());
    }

    #[test]
    fn a_region_without_the_service_says_so_and_names_the_override() {
        let error = of_table(built_in("workspace"), "cn-north-1").unwrap_err();
        assert_eq!(error.to_string(), "workspace is not known in region `cn-north-1`");
        assert!(error.hint().unwrap().contains("HCLAKE_ENDPOINT_URL_WORKSPACE"));
    }

    #[test]
    fn the_override_of_a_service_takes_precedence_over_the_one_for_all() {
        let overrides = EndpointOverrides {
            all: Some("https://all.example".into()),
            by_service: [(built_in("iam"), "https://iam.example:8443".to_owned())].into(),
        };
        let authority = |service| endpoint(service, "nowhere", &overrides).unwrap().authority;
        assert_eq!(authority(built_in("iam")), "iam.example:8443");
        assert_eq!(authority(built_in("swr")), "all.example");
    }

    #[test]
    fn a_path_prefix_is_kept_and_a_trailing_slash_dropped() {
        let found = set("https://gateway.example/huawei/v9/").unwrap();
        assert_eq!((found.authority.as_str(), found.prefix.as_str()), ("gateway.example", "/huawei/v9"));
        assert_eq!(set("https://gateway.example/").unwrap().prefix, "");
        assert_eq!(set("https://gateway.example:443").unwrap().authority, "gateway.example");
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for url in ["http://127.0.0.1:8080", "http://127.8.9.1", "http://[::1]:9/x", "http://localhost:80"] {
            assert!(set(url).unwrap().loopback, "{url}");
        }
        for url in ["http://10.0.0.1", "http://localhost.example", "http://127.0.0.1.example", "http://[::2]"] {
            assert!(matches!(set(url), Err(Error::PlainHttp { .. })), "{url}");
        }
        assert!(!set("https://swr.example").unwrap().loopback);
    }

    #[test]
    fn an_unusable_override_is_refused_without_repeating_a_password() {
        for url in ["127.0.0.1:8080", "swr", "", "ftp://127.0.0.1", "https://h/?a=b", "https://u:canary@h/"] {
            let error = set(url).unwrap_err();
            assert!(matches!(error, Error::BadEndpoint { .. }), "{url}");
            assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("canary"));
        }
    }
}

//! Where a service answers: the host of a (service, region), or the address a person has set in its place.
//! It resolves no names and knows nothing of requests.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::base::base_url::{BaseUrl, BaseUrlFault};
use crate::catalog::spec::Service;
use crate::catalog::toml_text::nearest;
use crate::cloud::error::Error;

/// Service, region, hosts: as the official SDK's tables have them.
const REGIONS: &str = include_str!("regions.json");

/// Answers for every region that has no IAM host of its own in the table.
const IAM_GLOBAL_HOST: &str = "iam.myhuaweicloud.com";

type Hosts = BTreeMap<String, BTreeMap<String, Vec<String>>>;

static HOSTS: LazyLock<Hosts> =
    LazyLock::new(|| serde_json::from_str(REGIONS).expect("the table is part of the program and tested"));

/// Base URLs set by a person; one for a service wins over the one for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointOverrides {
    pub all: Option<String>,
    pub by_service: BTreeMap<Service, String>,
}

impl EndpointOverrides {
    fn get(&self, service: Service) -> Option<&str> {
        self.by_service.get(&service).or(self.all.as_ref()).map(String::as_str)
    }
}

/// The environment variable that overrides the address of `service`.
pub fn override_variable(service: Service) -> String {
    format!("HCLAKE_ENDPOINT_URL_{}", service.name().to_uppercase())
}

/// Where requests for a service go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `http` or `https`.
    pub scheme: String,
    /// Host, and the port where it is not the scheme's own.
    pub authority: String,
    /// Stands before every path: empty, or begins with a slash and does not end with one.
    pub prefix: String,
    /// On this machine: no proxy is asked.
    pub loopback: bool,
}

/// The endpoint of `service` in `region`.
///
/// Errors: a region that is not known, or lacks the service; an override that is no usable URL, or is plain
/// `http` to another machine.
pub fn endpoint(service: Service, region: &str, overrides: &EndpointOverrides) -> Result<Endpoint, Error> {
    match overrides.get(service) {
        Some(url) => overridden(service, url),
        None => Ok(Endpoint {
            scheme: "https".to_owned(),
            authority: host(service, region)?.to_owned(),
            prefix: String::new(),
            loopback: false,
        }),
    }
}

/// Regions in which `service` is known to answer.
pub fn regions(service: Service) -> impl Iterator<Item = &'static str> {
    HOSTS.get(table_name(service)).into_iter().flat_map(BTreeMap::keys).map(String::as_str)
}

fn host(service: Service, region: &str) -> Result<&'static str, Error> {
    let listed = HOSTS.get(table_name(service)).and_then(|hosts| hosts.get(region)).and_then(|hosts| hosts.first());
    match listed {
        Some(host) => Ok(host),
        None if service == Service::Iam => Ok(IAM_GLOBAL_HOST),
        None => Err(no_host(service, region)),
    }
}

/// The service that answers at a host of the table; the first where several share it.
pub fn service_at(host: &str) -> Option<Service> {
    let is_at = |service: &Service| {
        HOSTS.get(table_name(*service)).is_some_and(|hosts| hosts.values().flatten().any(|known| known == host))
    };
    Service::ALL.into_iter().find(is_at)
}

fn no_host(service: Service, region: &str) -> Error {
    let region_exists = HOSTS.values().any(|hosts| hosts.contains_key(region));
    if region_exists {
        Error::ServiceNotInRegion { service, region: region.to_owned() }
    } else {
        let nearest = nearest(region, regions(service)).map(str::to_owned);
        Error::UnknownRegion { service, region: region.to_owned(), nearest }
    }
}

fn table_name(service: Service) -> &'static str {
    match service {
        Service::Workspace => "workspace",
        Service::Appstream => "workspaceapp",
        Service::CodeartsDeploy => "codeartsdeploy",
        Service::Projectman => "projectman",
        Service::Swr => "swr",
        Service::Iam => "iam",
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

    fn built_in(service: Service, region: &str) -> Result<String, Error> {
        endpoint(service, region, &EndpointOverrides::default()).map(|found| found.authority)
    }

    fn set(url: &str) -> Result<Endpoint, Error> {
        endpoint(
            Service::Swr,
            "cn-north-4",
            &EndpointOverrides { all: Some(url.to_owned()), by_service: BTreeMap::new() },
        )
    }

    #[test]
    fn each_service_has_its_own_host_in_a_region() {
        let cases = [
            (Service::Workspace, "cn-north-4", "workspace.cn-north-4.myhuaweicloud.com"),
            (Service::Appstream, "cn-north-4", "appstream.cn-north-4.myhuaweicloud.com"),
            (Service::Appstream, "ap-southeast-3", "workspace.ap-southeast-3.myhuaweicloud.com"),
            (Service::CodeartsDeploy, "ap-southeast-3", "codearts-deploy.ap-southeast-3.myhuaweicloud.com"),
            (Service::Projectman, "cn-east-2", "projectman-ext.cn-east-2.myhuaweicloud.com"),
            (Service::Swr, "eu-west-101", "swr-api.eu-west-101.myhuaweicloud.eu"),
            (Service::Iam, "tr-west-1", "iam.tr-west-1.myhuaweicloud.com"),
        ];
        for (service, region, host) in cases {
            assert_eq!(built_in(service, region).unwrap(), host);
        }
    }

    #[test]
    fn every_service_has_a_table_and_every_entry_a_host() {
        for service in Service::ALL {
            assert!(regions(service).count() > 5, "{service}");
            for region in regions(service) {
                assert!(built_in(service, region).unwrap().contains(region), "{service} {region}");
            }
        }
    }

    #[test]
    fn a_host_tells_its_service() {
        assert_eq!(service_at("swr-api.eu-west-101.myhuaweicloud.eu"), Some(Service::Swr));
        assert_eq!(service_at("workspace.ap-southeast-3.myhuaweicloud.com"), Some(Service::Workspace));
        assert_eq!(service_at("swr.example"), None);
    }

    #[test]
    fn iam_falls_back_to_its_global_host() {
        assert_eq!(built_in(Service::Iam, "cn-north-11").unwrap(), IAM_GLOBAL_HOST);
    }

    #[test]
    fn a_misspelt_region_is_refused_with_the_nearest_one() {
        let error = built_in(Service::Workspace, "ap-southest-3").unwrap_err();
        assert_eq!(error.to_string(), "workspace: there is no region `ap-southest-3`");
        assert!(error.hint().unwrap().contains("did you mean `ap-southeast-3`?"), "{:?}", error.hint());
    }

    #[test]
    fn a_region_without_the_service_says_so_and_names_the_override() {
        let error = built_in(Service::Workspace, "cn-north-1").unwrap_err();
        assert_eq!(error.to_string(), "workspace is not known in region `cn-north-1`");
        assert!(error.hint().unwrap().contains("HCLAKE_ENDPOINT_URL_WORKSPACE"));
    }

    #[test]
    fn the_override_of_a_service_wins_over_the_one_for_all() {
        let overrides = EndpointOverrides {
            all: Some("https://all.example".into()),
            by_service: [(Service::Iam, "https://iam.example:8443".to_owned())].into(),
        };
        let authority = |service| endpoint(service, "nowhere", &overrides).unwrap().authority;
        assert_eq!(authority(Service::Iam), "iam.example:8443");
        assert_eq!(authority(Service::Swr), "all.example");
    }

    #[test]
    fn a_path_prefix_is_kept_and_a_trailing_slash_dropped() {
        let found = set("https://gateway.example/huawei/v9/").unwrap();
        assert_eq!((found.authority.as_str(), found.prefix.as_str()), ("gateway.example", "/huawei/v9"));
        assert_eq!(set("https://gateway.example/").unwrap().prefix, "");
        assert_eq!(set("https://gateway.example:443").unwrap().authority, "gateway.example");
    }

    #[test]
    fn plain_http_is_for_loopback_alone() {
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

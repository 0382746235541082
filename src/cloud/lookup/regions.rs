//! The hosts of the services, by region: the table of the official SDKs. It knows nothing of overrides.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::catalog::spec::Service;

/// Service, region, hosts, from the tables of the official SDKs.
const REGIONS: &str = include_str!("regions.json");

/// The IAM host of every region that has none in the table.
const IAM_GLOBAL_HOST: &str = "iam.myhuaweicloud.com";

type Hosts = BTreeMap<String, BTreeMap<String, Vec<String>>>;

static HOSTS: LazyLock<Hosts> =
    LazyLock::new(|| serde_json::from_str(REGIONS).expect("the table is part of the program and tested"));

/// Regions in which `service` is known.
pub(crate) fn regions(service: Service) -> impl Iterator<Item = &'static str> {
    HOSTS.get(table_name(service)).into_iter().flat_map(BTreeMap::keys).map(String::as_str)
}

/// `None` where `service` is not known in `region`.
pub(crate) fn host(service: Service, region: &str) -> Option<&'static str> {
    let listed = HOSTS.get(table_name(service)).and_then(|hosts| hosts.get(region)).and_then(|hosts| hosts.first());
    let fallback = (service == Service::Iam).then_some(IAM_GLOBAL_HOST);
    listed.map(String::as_str).or(fallback)
}

/// Whether any service is known in `region`.
pub(crate) fn is_region(region: &str) -> bool {
    HOSTS.values().any(|hosts| hosts.contains_key(region))
}

/// The service at a host of the table; the first where several share it.
pub(crate) fn service_at(host: &str) -> Option<Service> {
    Service::ALL.into_iter().find(|service| is_at(*service, host))
}

/// Whether the table has `host` for `service`, in any region.
pub(crate) fn is_at(service: Service, host: &str) -> bool {
    HOSTS.get(table_name(service)).is_some_and(|hosts| hosts.values().flatten().any(|known| known == host))
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

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(super::host(service, region), Some(host));
        }
    }

    #[test]
    fn every_service_has_a_table_and_every_entry_a_host() {
        for service in Service::ALL {
            assert!(regions(service).count() > 5, "{service}");
            for region in regions(service) {
                assert!(host(service, region).unwrap().contains(region), "{service} {region}");
            }
        }
    }

    #[test]
    fn a_host_leads_to_its_service() {
        assert_eq!(service_at("swr-api.eu-west-101.myhuaweicloud.eu"), Some(Service::Swr));
        assert_eq!(service_at("workspace.ap-southeast-3.myhuaweicloud.com"), Some(Service::Workspace));
        assert_eq!(service_at("swr.example"), None);
        let shared = "workspace.ap-southeast-3.myhuaweicloud.com";
        assert_eq!([Service::Appstream, Service::Swr].map(|service| is_at(service, shared)), [true, false]);
    }

    #[test]
    fn iam_falls_back_to_its_global_host() {
        assert_eq!(host(Service::Iam, "cn-north-11"), Some(IAM_GLOBAL_HOST));
    }
}

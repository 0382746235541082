//! The block `[bucket]`: where buckets are asked for, and with which keys. It asks nothing.

use super::env::Environment;
use super::keys::Search;
use super::settings::{BUCKET_ADDRESSING, BUCKET_ENDPOINT, BUCKET_REGION};
use super::values::Values;
use crate::base::base_url::BaseUrl;
use crate::base::credentials::Credentials;
use crate::base::secret::Secret;

const AWS_ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const AWS_SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const AWS_SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
/// Regions whose addresses end in `.eu`.
const EUROPEAN: [&str; 1] = ["eu-west-101"];

/// How a bucket is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BucketSettings {
    /// The service's address, or why there is none.
    pub endpoint: Result<String, String>,
    /// What signatures name; the service checks it.
    pub region: Option<String>,
    /// Whether the host names the bucket, rather than the path.
    pub is_virtual_hosted: bool,
    /// What signs requests, or why there is nothing.
    pub keys: Result<BucketKeys, String>,
}

/// A key pair for buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BucketKeys {
    pub ak: String,
    pub sk: Secret,
    pub security_token: Option<Secret>,
    /// Where they were found.
    pub source: String,
}

impl BucketSettings {
    /// The settings, with the keys of the environment's `AWS_` variables, else those that lists are read with.
    pub(super) fn of(
        values: &Values,
        environment: &Environment,
        first_region: Option<&str>,
        keys_of_lists: Option<&Search>,
    ) -> BucketSettings {
        let region = values.get(BUCKET_REGION).or_else(|| first_region.map(str::to_owned));
        let endpoint = values.get(BUCKET_ENDPOINT).or_else(|| region.as_deref().map(obs_endpoint)).ok_or_else(|| {
            "neither bucket.endpoint nor bucket.region is set, so nobody knows where the bucket is".to_owned()
        });
        let is_by_name = endpoint.as_ref().is_ok_and(|endpoint| has_name(endpoint));
        let is_virtual_hosted = values.get(BUCKET_ADDRESSING).map_or(is_by_name, |word| word == "virtual-hosted");
        let keys = keys_of_environment(environment).unwrap_or_else(|| keys_of(keys_of_lists));
        BucketSettings { endpoint, region, is_virtual_hosted, keys }
    }
}

/// Whether an address names its host, and the host is not this machine.
fn has_name(endpoint: &str) -> bool {
    BaseUrl::parse(endpoint).is_ok_and(|url| {
        let host = url.authority.rsplit_once(':').map_or(url.authority.as_str(), |(host, _)| host);
        !url.is_loopback && !host.starts_with('[') && host.parse::<std::net::IpAddr>().is_err()
    })
}

fn obs_endpoint(region: &str) -> String {
    let ending = if EUROPEAN.contains(&region) { "eu" } else { "com" };
    format!("https://obs.{region}.myhuaweicloud.{ending}")
}

fn keys_of_environment(environment: &Environment) -> Option<Result<BucketKeys, String>> {
    let (ak, sk) = (environment.text(AWS_ACCESS_KEY_ID), environment.secret(AWS_SECRET_ACCESS_KEY));
    let half = |set: &str, missing: &str| Some(Err(format!("{set} is set and {missing} is not")));
    match (ak, sk) {
        (None, None) => None,
        (Some(_), None) => half(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY),
        (None, Some(_)) => half(AWS_SECRET_ACCESS_KEY, AWS_ACCESS_KEY_ID),
        (Some(ak), Some(sk)) => Some(Ok(BucketKeys {
            ak: ak.to_owned(),
            sk,
            security_token: environment.secret(AWS_SESSION_TOKEN),
            source: format!("{AWS_ACCESS_KEY_ID} and {AWS_SECRET_ACCESS_KEY}"),
        })),
    }
}

fn keys_of(search: Option<&Search>) -> Result<BucketKeys, String> {
    let Some(search) = search else { return Err("no credentials were found".to_owned()) };
    let found = search.found.as_ref().map_err(ToString::to_string)?;
    let source = found.source.clone();
    match &found.keys {
        Credentials::AkSk { ak, sk, security_token } => {
            Ok(BucketKeys { ak: ak.clone(), sk: sk.clone(), security_token: security_token.clone(), source })
        }
        Credentials::Token(_) => Err(format!("buckets take a key pair alone, and {source} gives a token")),
        Credentials::Password { .. } => Err(format!("buckets take a key pair alone, and {source} gives a password")),
        Credentials::EcsMetadata { .. } => {
            Err(format!("buckets take a key pair that is set, and {source} gives one that changes"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(file: &str, variables: &[(&str, &str)]) -> BucketSettings {
        crate::config::tests::with_file(file, variables).unwrap().bucket
    }

    #[test]
    fn buckets_are_where_obs_is_in_their_region_unless_an_endpoint_is_set() {
        let settings_of = |file: &str| settings(&format!("project_id = \"p\"\n{file}"), &[]);
        let found = settings_of("region = \"cn-north-4\"");
        assert_eq!(found.endpoint.unwrap(), "https://obs.cn-north-4.myhuaweicloud.com");
        assert!(found.is_virtual_hosted);
        let found = settings_of("region = \"cn-north-4\"\n[bucket]\nregion = \"eu-west-101\"");
        assert_eq!(found.endpoint.unwrap(), "https://obs.eu-west-101.myhuaweicloud.eu");
        for (endpoint, is_virtual_hosted) in [
            ("https://s3.example.com", true),
            ("https://10.0.0.7:9000", false),
            ("https://[2001:db8::1]", false),
            ("http://127.0.0.1:9000", false),
            ("http://localhost:9000", false),
        ] {
            let found = settings_of(&format!("region = \"r\"\n[bucket]\nendpoint = \"{endpoint}\""));
            assert_eq!(found.is_virtual_hosted, is_virtual_hosted, "{endpoint}");
        }
        let found = settings_of("region = \"r\"\n[bucket]\naddressing = \"path\"");
        assert!(!found.is_virtual_hosted);
    }

    #[test]
    fn keys_for_buckets_come_first_from_their_own_variables() {
        let file = "region = \"r\"\nproject_id = \"p\"";
        let lists = [("HUAWEICLOUD_SDK_AK", "a"), ("HUAWEICLOUD_SDK_SK", "s")];
        assert_eq!(settings(file, &lists).keys.unwrap().ak, "a");
        let both = [lists[0], lists[1], (AWS_ACCESS_KEY_ID, "b"), (AWS_SECRET_ACCESS_KEY, "t")];
        assert_eq!(settings(file, &both).keys.unwrap().ak, "b");
        let half = [lists[0], lists[1], (AWS_ACCESS_KEY_ID, "b")];
        assert!(settings(file, &half).keys.unwrap_err().contains(AWS_SECRET_ACCESS_KEY));
        let token = [("HW_AUTH_TOKEN", "t")];
        assert!(settings(file, &token).keys.unwrap_err().contains("key pair"));
        assert!(settings(file, &[]).keys.is_err());
    }
}

//! The table of settings. It is the only place that says which settings there are, with key, values, default,
//! environment variables, flag and meaning. The reader of `hclake.toml`, the file that `hclake init` writes,
//! `hclake config`, error texts and the table in docs/configuration.md come from it. It does not know what a setting is
//! used for.
//!
//! The comment of a setting is its meaning, word for word. A field that a block leaves out is as in `BLANK`. The order
//! is that of the file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::address::{endpoint_fault, metadata_fault};
use super::choices::{CodeartsProjects, ConfirmGone, ParquetCompression, Zone};
use super::entry::{BLANK, Entry, Key, Kind, Setting};
use super::keys::ECS_METADATA_URL;
use crate::base::place::Place;
use crate::base::privacy::Personal;
use crate::base::rate::Rate;
use crate::base::retention::{Age, Thinning};
use crate::base::time_zone::TimeZone;
use crate::catalog::Services;
use crate::schema::UTC;

/// Declares each setting by its entry, and lists them all.
macro_rules! settings {
    ($($(#[doc = $meaning:literal])+ $name:ident: $type:ty { $($field:ident: $value:expr),+ $(,)? })+) => {
        $(
            $(#[doc = $meaning])+
            pub const $name: Setting<$type> = Setting::of({
                static ENTRY: Entry = Entry { meaning: concat!($($meaning),+), $($field: $value,)+ ..BLANK };
                &ENTRY
            });
        )+

        /// Every setting declared here, in the order of the file.
        pub(super) static ALL: &[&Entry] = &[$($name.entry),+];

        /// Whether a value becomes the type of its setting, for each in the order of [`ALL`].
        #[cfg(test)]
        pub(super) static BECOMES_ITS_TYPE: &[fn(Option<&super::value::Value>) -> bool] =
            &[$(|value| <$type as super::value::FromValue>::from_value(value).is_some()),+];
    };
}
pub(super) use settings;

settings! {
    /// The store, a DuckDB file. A relative path counts from the configuration file's folder.
    STORE: PathBuf {
        key: "store",
        kind: Kind::Path,
        default: Some("hclake.duckdb"),
        variables: &["HCLAKE_STORE"],
        flag: Some("--store"),
    }

    /// A folder of catalog files: list APIs of your own, in the format of the built-in ones. `hclake catalog new` drafts
    /// one. A relative path counts from the configuration file's folder.
    CATALOG_DIR: Option<PathBuf> {
        key: "catalog_dir",
        kind: Kind::Path,
        example: "lists",
        variables: &["HCLAKE_CATALOG_DIR"],
        page: Some("lists-of-your-own.md"),
    }

    /// A folder of reports of your own: SQL files with the same headers as the built-in ones; `hclake report check FILE`
    /// names what is wrong with one. A relative path counts from the configuration file's folder.
    REPORT_DIR: Option<PathBuf> {
        key: "report_dir",
        kind: Kind::Path,
        example: "reports",
        variables: &["HCLAKE_REPORT_DIR"],
        page: Some("reports.md"),
    }

    /// The zone in which reports count days and weeks and show times: a name of the IANA database or an offset.
    TIMEZONE: TimeZone {
        key: "timezone",
        kind: Kind::TimeZone,
        default: Some(UTC),
        example: "Asia/Shanghai",
        variables: &["HCLAKE_TIMEZONE"],
        page: Some("reports.md"),
    }

    /// The region to list. It has no default.
    REGION: Option<String> {
        key: "region",
        kind: Kind::Text,
        example: "ap-southeast-3",
        variables: &["HCLAKE_REGION", "HW_REGION_NAME"],
        is_scoped: true,
    }

    /// The profile of the SDKs' or KooCLI's file whose credentials are used. Without it, hclake uses the first
    /// credentials that it finds, and looks in the environment before any file.
    PROFILE: Option<String> {
        key: "profile",
        kind: Kind::Text,
        unset: "none, the first credentials that are found",
        example: "production",
        flag: Some("--profile"),
        is_scoped: true,
        page: Some("credentials.md"),
    }

    /// The IAM project's id. Without it, hclake asks IAM for the project that has the region's name.
    PROJECT_ID: Option<String> {
        key: "project_id",
        kind: Kind::Text,
        unset: "looked up by the region's name",
        example: "0123456789abcdef0123456789abcdef",
        variables: &["HUAWEICLOUD_SDK_PROJECT_ID", "HW_PROJECT_ID"],
        is_scoped: true,
    }

    /// The IAM project's name, in place of its id. hclake then asks IAM for the id.
    PROJECT: Option<String> {
        key: "project",
        kind: Kind::Text,
        example: "ap-southeast-3_team",
        variables: &["HW_PROJECT_NAME"],
        is_scoped: true,
    }

    /// CodeArts project ids, which are not IAM project ids, or "all" for every project that the user takes part in.
    /// Without them, deploy_tasks and deploy_apps are left out. CodeArts answers a wrong id with an empty list, not with
    /// an error.
    CODEARTS_PROJECTS: Option<CodeartsProjects> {
        key: "codearts_projects",
        kind: Kind::Projects,
        example: "0123456789abcdef0123456789abcdef",
        variables: &["HCLAKE_CODEARTS_PROJECTS"],
        is_scoped: true,
    }

    /// Tables to fill. Without it, all of the lists that are switched on. `hclake sync --only TABLE` narrows one run.
    TABLES: Option<Vec<String>> {
        key: "tables",
        kind: Kind::Texts,
        unset: "all",
        example: "app_install_jobs, apps",
        is_scoped: true,
    }

    /// The lists to read: names of sets, such as core, and of tables. Each list needs its own permission, so only these
    /// are asked for; `hclake tables --available` shows all. "own" are the lists of your own that name no set.
    LISTS: Vec<String> {
        key: "lists",
        kind: Kind::Texts,
        default: Some("core, own"),
        variables: &["HCLAKE_LISTS"],
        is_scoped: true,
        page: Some("tables.md"),
    }

    /// Requests a second to each service in each region, at most. 0 switches the limit off. When a service says "too many
    /// requests", hclake asks it more slowly until it no longer does. A text such as "50/min" counts by the minute.
    RATE: Rate {
        key: "rate.SERVICE",
        kind: Kind::Rate(0.01..=10_000.0),
        default: Some("10"),
    }

    /// Requests at the same time to each service in each region, at most.
    IN_FLIGHT: usize {
        key: "rate.in_flight",
        kind: Kind::Whole(1..=64),
        default: Some("4"),
    }

    /// The zone of the times that CodeArts writes without one. The office hours in its examples suggest the default.
    CODEARTS_ZONE: Zone {
        key: "time.codearts_zone",
        kind: Kind::Zone,
        default: Some("+08:00"),
    }

    /// A record counts as gone only if two readings of its list do not show it. "again": when records seem gone, the same
    /// run reads the list a second time. "next_night": the next run is the second reading. If it does not show the record
    /// either, the record's version ends at the first of the two runs.
    CONFIRM_GONE: ConfirmGone {
        key: "sync.confirm_gone",
        kind: Kind::Choice(ConfirmGone::NAMES),
        default: Some("again"),
        page: Some("completeness.md#when-a-record-is-gone"),
    }

    /// The deletion guard, in percent. If a list had 20 records or more, and a complete listing would declare a larger
    /// share of them gone, they are kept open and the run ends with 3. `hclake sync --allow-gone` switches the guard off
    /// for one run.
    MAX_GONE_PERCENT: u8 {
        key: "sync.max_gone_percent",
        kind: Kind::Whole(0..=100),
        default: Some("30"),
        page: Some("completeness.md#the-deletion-guard"),
    }

    /// Unreadable records in a complete listing, in percent, at most. With a larger share, the other records are stored,
    /// nothing is declared gone, and the run ends with 3. Dismissed records do not count.
    MAX_BAD_PERCENT: u8 {
        key: "sync.max_bad_percent",
        kind: Kind::Whole(0..=100),
        default: Some("5"),
    }

    /// How many days the table `requests` keeps each call.
    REQUEST_LOG_DAYS: u32 {
        key: "sync.request_log_days",
        kind: Kind::Whole(0..=100_000),
        default: Some("30"),
    }

    /// DuckDB's memory during a run, in MiB, at most. What does not fit goes to a folder beside the store. The default is
    /// enough for a million records in one night. For records of many KiB each, hclake raises it as needed, up to 4096.
    MEMORY_LIMIT_MB: u64 {
        key: "sync.memory_limit_mb",
        kind: Kind::Whole(64..=i64::MAX),
        default: Some("160"),
    }

    /// How far back the history goes, counted from the newest run. After a run in which every list was read to its end,
    /// hclake removes older versions. Without it, all of them stay.
    RETENTION_KEEP: Option<Age> {
        key: "retention.keep",
        kind: Kind::Age,
        unset: "none, all of the history",
        example: "400d",
        page: Some("retention.md"),
    }

    /// From which ages on one night a week, and one a month, is enough. After a run in which every list was read to its
    /// end, hclake removes the versions that only the other nights show. Without it, every night stays.
    RETENTION_THIN: Option<Thinning> {
        key: "retention.thin",
        kind: Kind::Thinning,
        unset: "none, every night",
        example: "weekly-after=90d,monthly-after=2y",
        page: Some("retention.md"),
    }

    /// How long the raw archive keeps the bodies of pages as they came, counted from the newest run. Without it, none are
    /// kept.
    ARCHIVE_KEEP: Option<Age> {
        key: "archive.keep",
        kind: Kind::Age,
        unset: "none, nothing is archived",
        example: "30d",
        page: Some("archive.md"),
    }

    /// The folder of the raw archive. It is made where it is missing.
    ARCHIVE_FOLDER: Option<PathBuf> {
        key: "archive.folder",
        kind: Kind::Path,
        unset: "the store's path with .archive behind it",
        example: "archive",
        variables: &["HCLAKE_ARCHIVE"],
        page: Some("archive.md"),
    }

    /// What is done with personal data, such as names of users, before anything is kept. "keep": nothing. "hash": a hash with
    /// a key stands for each text, the same for the same text in every table. "drop": nothing of it is kept. The columns are
    /// those that `hclake describe` calls personal. The key of the hashes is the variable HCLAKE_PRIVACY_KEY or the file
    /// `key_file`.
    PRIVACY_PERSONAL: Personal {
        key: "privacy.personal",
        kind: Kind::Choice(Personal::NAMES),
        default: Some("keep"),
        page: Some("privacy.md"),
    }

    /// The same for single tables, by name.
    PRIVACY_TABLES: Option<BTreeMap<String, Personal>> {
        key: "privacy.tables",
        kind: Kind::ChoiceByTable(Personal::NAMES),
        example: "app_install_jobs = hash, cts_traces = drop",
    }

    /// What is done with members of records that the catalog does not know, which may be personal too. "keep": their values
    /// are kept in `extra`, and one of them as a sample in the table `schema_drift`. "drop": only their names and how often
    /// they came.
    PRIVACY_UNKNOWN: Personal {
        key: "privacy.unknown",
        kind: Kind::Choice(&["keep", "drop"]),
        default: Some("keep"),
    }

    /// A file with the key of the hashes, at least 16 bytes. Its owner alone may read it. A relative path counts from the
    /// configuration file's folder.
    PRIVACY_KEY_FILE: Option<PathBuf> {
        key: "privacy.key_file",
        kind: Kind::Path,
        example: "privacy-key",
    }

    /// How long a request waits for its connection, in seconds.
    CONNECT_TIMEOUT_S: u64 {
        key: "http.connect_timeout_s",
        kind: Kind::Whole(1..=600),
        default: Some("10"),
    }

    /// How long a request waits for an answer to begin, and for each further part of it, in seconds. The default is a
    /// little more than the time that the gateway gives a service.
    READ_TIMEOUT_S: u64 {
        key: "http.read_timeout_s",
        kind: Kind::Whole(1..=600),
        default: Some("35"),
    }

    /// Whether hclake on an ECS with an agency may take temporary keys from the metadata service. It is the last source.
    ECS_METADATA: bool {
        key: "credentials.ecs_metadata",
        kind: Kind::Switch,
        default: Some("false"),
        page: Some("credentials.md"),
    }

    /// The address of the metadata service.
    ECS_METADATA_ADDRESS: String {
        key: "credentials.ecs_metadata_url",
        kind: Kind::Url(metadata_fault),
        default: Some(ECS_METADATA_URL),
    }

    /// A base URL in place of the built-in ones, for every service without one of its own. It is for a region that hclake
    /// does not know, or for a gateway of your own. Plain http is allowed to this machine alone.
    ENDPOINT_URL: Option<String> {
        key: "endpoint.all",
        kind: Kind::Url(endpoint_fault),
        example: "https://gateway.example.com",
        variables: &["HCLAKE_ENDPOINT_URL"],
    }

    /// The base URL of one service. The variable ends in the service's name in capitals.
    ENDPOINT_URL_OF_SERVICE: Option<String> {
        key: "endpoint.SERVICE",
        kind: Kind::Url(endpoint_fault),
        example: "https://gateway.example.com/SERVICE",
        variables: &["HCLAKE_ENDPOINT_URL_SERVICE"],
    }

    /// A dashboard, one HTML file, written again after each sync. A file that hclake did not make is not replaced.
    DASHBOARD_FILE: Option<PathBuf> {
        key: "dashboard.file",
        kind: Kind::Path,
        example: "dashboard.html",
        variables: &["HCLAKE_DASHBOARD_FILE"],
        page: Some("dashboard.md"),
    }

    /// A file with metrics for Prometheus, written again after each sync, such as one in the folder of node_exporter. A
    /// file that hclake did not make is not replaced.
    STATUS_TEXTFILE: Option<PathBuf> {
        key: "status.textfile",
        kind: Kind::Path,
        example: "hclake.prom",
        variables: &["HCLAKE_STATUS_TEXTFILE"],
        page: Some("monitoring.md"),
    }

    /// A folder of Parquet files for BI tools, or a part of a bucket (s3://BUCKET/PREFIX), brought up to date after each
    /// sync. It has no default.
    PUBLISH_PARQUET: Option<Place> {
        key: "publish.parquet",
        kind: Kind::Place,
        example: "bi",
        page: Some("parquet.md#after-each-sync"),
    }

    /// JSON text (NAME_json) beside each nested column.
    PUBLISH_FLAT: bool {
        key: "publish.flat",
        kind: Kind::Switch,
        default: Some("false"),
    }

    /// The views for reports and BI tools (install_job_facts and others) as files too, written again at each publishing.
    PUBLISH_VIEWS: bool {
        key: "publish.views",
        kind: Kind::Switch,
        default: Some("false"),
    }

    /// How the files are compressed: zstd, snappy or none.
    PUBLISH_COMPRESSION: ParquetCompression {
        key: "publish.compression",
        kind: Kind::Choice(ParquetCompression::NAMES),
        default: Some("zstd"),
    }

    /// A folder or part of a bucket with Delta tables that many stores share, brought up to date after each sync.
    PUBLISH_DELTA: Option<Place> {
        key: "publish.delta",
        kind: Kind::Place,
        example: "lake",
        page: Some("delta.md#after-each-sync"),
    }

    /// The name under which this store publishes Delta tables. No two stores may have the same.
    PUBLISH_EXPORTER: Option<String> {
        key: "publish.exporter",
        kind: Kind::Text,
        example: "cn-north-4",
        variables: &["HCLAKE_PUBLISH_EXPORTER"],
        page: Some("delta.md#many-exporters"),
    }

    /// Where buckets are: the service's address without a bucket's name. By default that of OBS in the bucket's region.
    BUCKET_ENDPOINT: Option<String> {
        key: "bucket.endpoint",
        kind: Kind::Url(endpoint_fault),
        example: "https://obs.cn-north-4.myhuaweicloud.com",
        variables: &["HCLAKE_BUCKET_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
        page: Some("buckets.md"),
    }

    /// The region of the bucket, `region` by default.
    BUCKET_REGION: Option<String> {
        key: "bucket.region",
        example: "cn-north-4",
        variables: &["HCLAKE_BUCKET_REGION", "AWS_REGION"],
    }

    /// Where a request names the bucket: virtual-hosted (in the host, as OBS demands) or path. By default path where the
    /// endpoint is an IP address or this machine, else virtual-hosted.
    BUCKET_ADDRESSING: Option<String> {
        key: "bucket.addressing",
        kind: Kind::Choice(&["virtual-hosted", "path"]),
        example: "path",
        variables: &["HCLAKE_BUCKET_ADDRESSING"],
    }
}

/// Every key of the file, those of services one by one.
pub(super) fn keys(services: &Services) -> impl Iterator<Item = Key> {
    ALL.iter().flat_map(|entry| entry.keys(services))
}

/// Tables of the file, in its order.
pub(super) fn tables() -> Vec<&'static str> {
    let mut tables: Vec<&str> = ALL.iter().filter_map(|entry| entry.table()).collect();
    tables.dedup();
    tables
}

pub(super) fn is_scoped(key: &str) -> bool {
    ALL.iter().any(|entry| entry.is_scoped && entry.key == key)
}

//! Datasets in the bucket of another program's service of S3, as another program's client reads them. Both must be
//! installed, which `make test-interop` does.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::interop::{environment, script};
use crate::support::{Ran, Tenant};

const STARTED_WITHIN: Duration = Duration::from_secs(60);
/// Of two files, so each has more than one part.
const LARGE_BYTES: u64 = 2 * 2 * (16 << 20);
const TO: &str = "s3://lake/hclake/team-a";

/// A service that ends when the test does.
pub(super) struct Service {
    process: Child,
    pub port: String,
}

impl Service {
    pub(super) fn start(folder: &Path) -> Service {
        let mut command = Command::new(environment().join("bin/python"));
        command.args(["-W", "ignore"]).arg(script("bucket_server.py")).arg(folder).stdin(Stdio::piped());
        let process = command.stderr(Stdio::null()).spawn().expect("python starts");
        let begun = Instant::now();
        while !folder.join("port").exists() {
            assert!(begun.elapsed() < STARTED_WITHIN, "the service of buckets does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Service { process, port: fs::read_to_string(folder.join("port")).expect("a port") }
    }

    pub(super) fn run(&self, tenant: &Tenant, args: &[&str]) -> Ran {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let variables = [
            ("HCLAKE_BUCKET_ENDPOINT", endpoint.as_str()),
            ("HCLAKE_BUCKET_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "lake-ak"),
            ("AWS_SECRET_ACCESS_KEY", "lake-secret"),
        ];
        tenant.run_with(args, &variables)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "needs a service of S3: make test-interop installs it"]
fn a_real_service_holds_what_a_folder_holds_night_after_night() {
    let (tenant, at) = (Tenant::new(), tempfile::tempdir().expect("a folder"));
    let service = Service::start(at.path());
    let checked = service.run(&tenant, &["publish", "check", TO, "--format", "json"]).exits(0).json();
    assert_eq!((&checked["parquet"], &checked["delta"]), (&true.into(), &"shared".into()), "{checked}");
    for night in 1..=3 {
        tenant.sync().exits(0);
        service.run(&tenant, &["publish", "parquet", "--to", TO]).exits(0);
        tenant.run(&["publish", "parquet", "--to", "bi"]).exits(0);
        service.run(&tenant, &["publish", "verify", TO]).exits(0);
        let mut python = Command::new(environment().join("bin/python"));
        let args = [script("buckets.py"), service.port.clone().into(), "hclake/team-a".into(), "bi".into()];
        let status = python.args(args).current_dir(tenant.folder()).status().expect("python starts");
        assert!(status.success(), "night {night}");
        tenant.advance();
    }
    service.run(&tenant, &["publish", "parquet", "--to", "s3://no-such-lake/x"]).exits(2).says(&["NoSuchBucket"]);
}

/// A file that goes in several parts.
#[test]
#[ignore = "needs a service of S3: make test-interop installs it"]
fn a_large_file_goes_in_parts_and_comes_back_whole() {
    let (tenant, at) = (Tenant::new(), tempfile::tempdir().expect("a folder"));
    let service = Service::start(at.path());
    tenant.sync().exits(0);
    let writer = duckdb::Connection::open(tenant.store()).expect("opens");
    let grow = "INSERT INTO app_install_jobs SELECT v.* REPLACE (uuid()::VARCHAR AS id, uuid()::VARCHAR AS instance_id, \
                (random() * 9e18)::BIGINT AS _hash) FROM app_install_jobs v, range(1000); CHECKPOINT;";
    writer.execute_batch(grow).expect("grown");
    drop(writer);
    let args = ["publish", "parquet", "--to", TO, "--only", "app_install_jobs", "--format", "json"];
    let bytes = service.run(&tenant, &args).exits(0).json()["bytes"].as_u64().expect("a number");
    assert!(bytes > LARGE_BYTES, "{bytes} bytes do not go in parts");
    service.run(&tenant, &["publish", "verify", TO]).exits(0);
}

//! Datasets and Delta tables in the buckets of other programs' services of S3, as other programs' clients read them. They
//! must be installed, which `make test-interop` does.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::delta_interop::{READERS, answers, assert_read, blocks, of_stores};
use super::interop::{environment, environment_of, script};
use super::publish::{next_night, nights};
use crate::support::{Ran, Tenant};

const STARTED_WITHIN: Duration = Duration::from_secs(60);
/// Of two files, so each has more than one part.
const LARGE_BYTES: u64 = 2 * 2 * (16 << 20);
const TO: &str = "s3://lake/hclake/team-a";
const EXPORTERS: [&str; 2] = ["east", "west"];
/// A program that checks every signature.
const S3S: &str = "HCLAKE_S3S";

/// A service that ends when the test does.
struct Service {
    name: &'static str,
    /// How Delta tables are kept there: the second one looks whether an object is there and writes it in two steps.
    delta: &'static str,
    process: Child,
    port: String,
    folder: tempfile::TempDir,
}

impl Service {
    /// One of each kind.
    fn all() -> [Service; 2] {
        let s3s = environment_of(S3S);
        [Service::start("moto", "shared", None), Service::start("s3s-fs", "apart", Some(&s3s))]
    }

    fn start(name: &'static str, delta: &'static str, program: Option<&Path>) -> Service {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(environment().join("bin/python"));
        command.args(["-W", "ignore"]).arg(script("bucket_server.py")).arg(folder.path()).args(program);
        let process = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("python starts");
        let (begun, port) = (Instant::now(), folder.path().join("port"));
        while !port.exists() {
            assert!(begun.elapsed() < STARTED_WITHIN, "the service of buckets {name} does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Service { name, delta, process, port: fs::read_to_string(port).expect("a port"), folder }
    }

    fn run(&self, tenant: &Tenant, args: &[&str]) -> Ran {
        self.run_by("lake-ak", "lake-secret", tenant, args)
    }

    fn run_by(&self, ak: &str, sk: &str, tenant: &Tenant, args: &[&str]) -> Ran {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let variables = [
            ("HCLAKE_BUCKET_ENDPOINT", endpoint.as_str()),
            ("HCLAKE_BUCKET_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ak),
            ("AWS_SECRET_ACCESS_KEY", sk),
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
#[ignore = "needs services of S3: make test-interop installs them"]
fn a_real_service_holds_what_a_folder_holds_night_after_night() {
    let (tenant, services) = (Tenant::new(), Service::all());
    for service in &services {
        let checked = service.run(&tenant, &["publish", "check", TO, "--format", "json"]).exits(0).json();
        assert_eq!((&checked["parquet"], &checked["delta"]), (&true.into(), &service.delta.into()), "{checked}");
    }
    for night in 1..=3 {
        tenant.sync().exits(0);
        tenant.run(&["publish", "parquet", "--to", "bi"]).exits(0);
        for service in &services {
            service.run(&tenant, &["publish", "parquet", "--to", TO]).exits(0);
            service.run(&tenant, &["publish", "verify", TO]).exits(0);
            let mut python = Command::new(environment().join("bin/python"));
            let args = [script("buckets.py"), service.port.clone().into(), "hclake/team-a".into(), "bi".into()];
            let status = python.args(args).current_dir(tenant.folder()).status().expect("python starts");
            assert!(status.success(), "{}, night {night}", service.name);
        }
        tenant.advance();
    }
    for service in &services {
        let again = format!("again-{}.duckdb", service.name);
        service.run(&tenant, &["import", "--from", TO, "--store", &again]).exits(0);
        service.run(&tenant, &["publish", "verify", TO, "--store", &again]).exits(0);
    }
    // The other one makes a bucket of whatever is put to.
    let [moto, _] = &services;
    moto.run(&tenant, &["publish", "parquet", "--to", "s3://no-such-lake/x"]).exits(2).says(&["NoSuchBucket"]);
}

/// A file that goes in several parts.
#[test]
#[ignore = "needs services of S3: make test-interop installs them"]
fn a_large_file_goes_in_parts_and_comes_back_whole() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let writer = duckdb::Connection::open(tenant.store()).expect("opens");
    let grow = "INSERT INTO app_install_jobs SELECT v.* REPLACE (uuid()::VARCHAR AS id, uuid()::VARCHAR AS instance_id, \
                (random() * 9e18)::BIGINT AS _hash) FROM app_install_jobs v, range(1500); CHECKPOINT;";
    writer.execute_batch(grow).expect("grown");
    drop(writer);
    for service in Service::all() {
        let args = ["publish", "parquet", "--to", TO, "--only", "app_install_jobs", "--format", "json"];
        let bytes = service.run(&tenant, &args).exits(0).json()["bytes"].as_u64().expect("a number");
        assert!(bytes > LARGE_BYTES, "{bytes} bytes do not go in parts");
        service.run(&tenant, &["publish", "verify", TO]).exits(0);
    }
}

#[test]
#[ignore = "needs services of S3 and readers of Delta tables: make test-interop installs them"]
fn delta_tables_in_a_real_service_are_shared_where_it_creates_once_and_read_as_the_stores_have_them() {
    let (tenants, services) = (EXPORTERS.map(|_| nights(1)), Service::all());
    let stores: Vec<_> = EXPORTERS.into_iter().zip(&tenants).collect();
    let to = "s3://lake/hclake";
    for night in 1..=3 {
        for service in &services {
            for (exporter, tenant) in &stores {
                let args = ["publish", "delta", "--to", to, "--exporter", exporter, "--format", "json"];
                assert_eq!(service.run(tenant, &args).exits(0).json()["delta"], service.delta, "{}", service.name);
                service.run(tenant, &["publish", "verify", to]).exits(0);
            }
        }
        if night < 3 {
            tenants.iter().for_each(next_night);
        }
    }
    let [moto, s3s] = &services;
    assert_read(&READERS, moto.delta, to, Some(&moto.port), &stores);
    // Sail asks for a folder as if it were an object, which s3s-fs answers with a fault of its own, where S3 has none.
    assert_read(&READERS[..2], s3s.delta, to, Some(&s3s.port), &stores);
    let shown: Vec<String> = blocks("sql").into_iter().filter(|block| block.contains(to)).collect();
    let found = answers(moto.folder.path(), Some(&moto.port), &shown);
    assert_eq!(found, [of_stores(&stores, "app_install_jobs")]);
}

#[test]
#[ignore = "needs a service of S3: make test-interop installs it"]
fn a_service_that_checks_signatures_refuses_wrong_keys_and_the_cause_is_named() {
    let (tenant, [_, service]) = (nights(1), Service::all());
    for (ak, sk, code, hint) in [
        ("lake-ak", "another-secret", "SignatureDoesNotMatch", "the secret key is another one"),
        ("another-ak", "lake-secret", "NotSignedUp", "does not know this access key"),
    ] {
        let ran = service.run_by(ak, sk, &tenant, &["publish", "parquet", "--to", TO]).exits(2).says(&[code, hint]);
        assert!(!ran.stderr.contains(sk));
    }
    assert_eq!(fs::read_dir(service.folder.path().join("buckets/lake")).expect("a bucket").count(), 0);
}

//! Datasets in a bucket: the same as in a folder, true to their manifest at every moment, and with an error that says
//! what to do where the bucket does not do its part.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::bucket_service::BucketService;
use crate::support::{Ran, Tenant};

const TO: &str = "s3://lake/teams/a";

fn publish(tenant: &Tenant, service: &BucketService) -> Ran {
    tenant.run_with(&["publish", "parquet", "--to", TO, "--format", "json"], &service.variables())
}

fn verify(tenant: &Tenant, service: &BucketService) -> Ran {
    tenant.run_with(&["publish", "verify", TO, "--format", "json"], &service.variables())
}

fn manifest(service: &BucketService) -> Value {
    serde_json::from_slice(&service.state().objects["teams/a/_manifest.json"]).expect("json")
}

/// Every object below the prefix, by its name there.
fn objects(service: &BucketService) -> BTreeMap<String, Vec<u8>> {
    let state = service.state();
    let own = state.objects.iter().filter_map(|(key, bytes)| Some((key.strip_prefix("teams/a/")?, bytes)));
    own.map(|(key, bytes)| (key.to_owned(), bytes.clone())).collect()
}

fn night(tenant: &Tenant) {
    tenant.advance();
    tenant.sync().exits(0);
}

#[test]
fn a_bucket_has_the_files_of_a_folder_night_after_night_and_verifies() {
    let (tenant, service) = (Tenant::new(), BucketService::start());
    tenant.sync().exits(0);
    for round in 0..4 {
        let ran = publish(&tenant, &service).exits(0);
        tenant.run(&["publish", "parquet", "--to", "bi"]).exits(0);
        assert_eq!(verify(&tenant, &service).exits(0).json()["compared_with_store"], true);
        let held = objects(&service);
        let folder: Value = serde_json::from_slice(&fs::read(tenant.path("bi/_manifest.json")).unwrap()).unwrap();
        for (path, entry) in folder["files"].as_object().unwrap() {
            let sum = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&held[path]));
            assert_eq!(Value::from(sum), entry["sha256"], "{path}");
        }
        let again = publish(&tenant, &service).exits(0);
        assert_eq!(again.json()["written"], Value::Array(Vec::new()));
        let runs: std::collections::BTreeSet<&str> =
            held.keys().filter_map(|key| key.strip_prefix("runs/")?.split('/').next()).collect();
        assert!(runs.len() <= 2, "files of the newest run and of the one before alone stay: {runs:?}");
        assert!(ran.json()["files"].as_u64() > Some(8) && round < 4);
        night(&tenant);
    }
    assert!(!tenant.path("hclake.duckdb.publishing/file").exists());
}

#[test]
fn a_publishing_that_is_cut_anywhere_leaves_the_last_manifest_true_and_the_next_completes() {
    let (tenant, service) = (Tenant::new(), BucketService::start());
    tenant.sync().exits(0);
    publish(&tenant, &service).exits(0);
    night(&tenant);
    let before = service.state().objects.clone();
    publish(&tenant, &service).exits(0);
    let after = objects(&service);
    let writes = service.state().requests.iter().filter(|r| r.starts_with("PUT") || r.starts_with("COPY")).count() / 2;
    for cut in [0, 1, 2, writes / 2, writes.saturating_sub(2)] {
        let other = BucketService::start();
        other.state().objects = before.clone();
        other.state().cut_after_writes = Some(cut);
        let mut command = tenant.command(&["publish", "parquet", "--to", TO]);
        let mut child = command.envs(other.variables()).spawn().expect("starts");
        while other.state().requests.iter().filter(|r| !r.starts_with("GET") && !r.starts_with("LIST")).count() <= cut {
            assert!(child.try_wait().expect("a child").is_none(), "it ended before {cut} writes");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        other.state().cut_after_writes = None;
        let listed: Value = serde_json::from_slice(&other.state().objects["teams/a/_manifest.json"]).unwrap();
        for (path, entry) in listed["files"].as_object().unwrap() {
            let bytes = other.state().objects[&format!("teams/a/{path}")].clone();
            let sum = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(bytes));
            assert_eq!(Value::from(sum), entry["sha256"], "{path} after {cut} writes");
        }
        publish(&tenant, &other).exits(0);
        verify(&tenant, &other).exits(0);
        let names = |objects: &BTreeMap<String, Vec<u8>>| objects.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&objects(&other)), names(&after), "after {cut} writes");
    }
}

#[test]
fn the_first_publishing_may_be_cut_too() {
    let (tenant, service) = (Tenant::new(), BucketService::start());
    tenant.sync().exits(0);
    service.state().denied.insert("COPY");
    publish(&tenant, &service).exits(2).says(&["cannot copy to s3://lake/teams/a/", "AccessDenied", "publish check"]);
    assert!(!objects(&service).contains_key("_manifest.json"));
    service.state().denied.clear();
    publish(&tenant, &service).exits(0);
    verify(&tenant, &service).exits(0);
}

#[test]
fn what_a_bucket_refuses_is_named_and_nothing_is_lost() {
    let (tenant, service) = (Tenant::new(), BucketService::start());
    tenant.sync().exits(0);
    publish(&tenant, &service).exits(0);
    night(&tenant);
    let before = objects(&service);
    for (status, code, hint) in [
        (404, "NoSuchBucket", "create the bucket first"),
        (403, "RequestTimeTooSkewed", "set this machine's clock"),
        (403, "InvalidAccessKeyId", "does not know this access key"),
        (403, "NotSignedUp", "does not know this access key"),
        (403, "SignatureDoesNotMatch", "the secret key is another one"),
        (400, "ExpiredToken", "fetch new ones"),
    ] {
        service.state().code = Some((status, code));
        let ran = publish(&tenant, &service).exits(2).says(&[code, hint]);
        assert!(!ran.stderr.contains("lake-secret-canary"));
    }
    service.state().code = None;
    for (kind, action) in [("PUT", "cannot put"), ("LIST", "cannot list"), ("GET", "cannot read")] {
        service.state().denied.insert(kind);
        publish(&tenant, &service).exits(2).says(&[action, "AccessDenied", "`hclake publish check` shows"]);
        service.state().denied.clear();
    }
    assert_eq!(objects(&service), before);
}

#[test]
fn a_prefix_of_others_and_a_dataset_of_another_store_are_left_alone() {
    let (tenant, other, service) = (Tenant::new(), Tenant::new(), BucketService::start());
    tenant.sync().exits(0);
    service.state().objects.insert("teams/a/thesis.txt".into(), b"years of work".to_vec());
    publish(&tenant, &service).exits(2).says(&["s3://lake/teams/a is not empty", "a prefix of its own"]);
    assert_eq!(service.state().objects.len(), 1);
    service.state().objects.clear();
    publish(&tenant, &service).exits(0);
    other.advance();
    other.sync().exits(0);
    publish(&other, &service).exits(2).says(&["was published from another store"]);
    let mut newer = manifest(&service);
    newer["format"] = 99.into();
    service.state().objects.insert("teams/a/_manifest.json".into(), newer.to_string().into_bytes());
    publish(&tenant, &service).exits(2).says(&["was written by a newer hclake"]);
    service.state().objects.remove("teams/a/_manifest.json");
    let before = objects(&service);
    publish(&tenant, &service).exits(2).says(&["its _manifest.json is missing", "put that file back from a copy"]);
    assert_eq!(objects(&service), before, "nothing that another may have published is replaced");
}

#[test]
fn a_publisher_that_comes_late_does_not_replace_the_manifest() {
    let (tenant, service) = (Tenant::new(), BucketService::start());
    tenant.sync().exits(0);
    publish(&tenant, &service).exits(0);
    for (knows_no_conditions, code) in [(false, 1), (true, 0)] {
        night(&tenant);
        service.state().knows_no_conditions = knows_no_conditions;
        // Another publisher changes the manifest after this one has read it.
        let mut command = tenant.command(&["publish", "parquet", "--to", TO]);
        let child = command.envs(service.variables()).stderr(std::process::Stdio::piped()).spawn().expect("starts");
        let key = "teams/a/_manifest.json".to_owned();
        let from = service.state().requests.len();
        while !service.state().requests[from..].iter().any(|request| request.starts_with("PUT")) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        service.state().objects.get_mut(&key).expect("there").push(b'\n');
        let ended = Ran::of(child.wait_with_output().expect("ended")).exits(code);
        if code == 1 {
            ended.says(&[
                "another publisher has changed _manifest.json of s3://lake/teams/a",
                "let one machine publish",
            ]);
            publish(&tenant, &service).exits(0);
        }
        service.state().knows_no_conditions = false;
        verify(&tenant, &service).exits(0);
    }
}

#[test]
fn verify_finds_what_is_missing_altered_or_stray_in_a_bucket_and_publishing_repairs_it() {
    let (tenant, service) = (Tenant::new(), BucketService::start());
    tenant.sync().exits(0);
    night(&tenant);
    publish(&tenant, &service).exits(0);
    let listed = manifest(&service);
    let changes =
        listed["files"].as_object().unwrap().keys().find(|path| path.starts_with("changes/")).unwrap().clone();
    let (key, stray) = (format!("teams/a/{changes}"), format!("teams/a/{changes}.copy.parquet"));
    let whole = service.state().objects[&key].clone();
    service.state().objects.insert(stray.clone(), whole.clone());
    service.state().objects.get_mut(&key).unwrap()[5] ^= 1;
    service.state().objects.remove("teams/a/current/apps.parquet");
    let found = verify(&tenant, &service).exits(1).json();
    let places: Vec<_> =
        found["differences"].as_array().unwrap().iter().map(|d| d["place"].as_str().unwrap()).collect();
    for place in [changes.as_str(), &format!("{changes}.copy.parquet"), "current/apps.parquet"] {
        assert!(places.contains(&place), "{place}: {places:?}");
    }
    service.state().objects.remove(&stray);
    night(&tenant);
    publish(&tenant, &service).exits(0).says(&["had been removed or altered"]);
    verify(&tenant, &service).exits(0);
    service.state().objects.remove("teams/a/current/apps.parquet");
    publish(&tenant, &service).exits(0).says(&["had been removed or altered"]);
    verify(&tenant, &service).exits(0);
}

#[test]
fn a_check_says_what_will_work() {
    let (tenant, service) = (Tenant::new(), BucketService::start());
    let check = |code: i32| {
        let ran = tenant.run_with(&["publish", "check", TO, "--format", "json"], &service.variables()).exits(code);
        (ran.json()["parquet"].clone(), ran.json()["delta"].clone())
    };
    assert_eq!(check(0), (true.into(), "shared".into()));
    service.state().ignores_conditions = true;
    assert_eq!(check(0), (true.into(), "apart".into()));
    service.state().ignores_conditions = false;
    service.state().looks_before_it_writes = true;
    assert_eq!(check(0), (true.into(), "apart".into()));
    service.state().looks_before_it_writes = false;
    service.state().knows_no_conditions = true;
    assert_eq!(check(0), (true.into(), "apart".into()));
    service.state().denied.insert("LIST");
    assert_eq!(check(1), (false.into(), "impossible".into()));
    service.state().denied.clear();
    service.state().denied.insert("PUT");
    let shown = tenant.run_with(&["publish", "check", TO], &service.variables()).exits(1).stdout;
    assert!(shown.starts_with("put ") && shown.contains("AccessDenied"), "{shown}");
    assert!(!objects(&service).keys().any(|key| key.contains("probe")), "probes leave nothing that could be removed");
}

#[test]
fn a_sync_publishes_to_the_bucket_of_the_configuration() {
    let (tenant, service) = (Tenant::new(), BucketService::start());
    tenant.configure("", "[publish]\nparquet = \"s3://lake/teams/a\"\n");
    tenant.run_with(&["sync"], &service.variables()).exits(0).says(&["published run 1 into s3://lake/teams/a"]);
    tenant.advance();
    tenant.run_with(&["sync"], &service.variables()).exits(0);
    verify(&tenant, &service).exits(0);
    assert_eq!(tenant.number("SELECT count(*) FROM outbox WHERE target = 's3://lake/teams/a'"), 2);
    service.state().code = Some((403, "AccessDenied"));
    tenant.advance();
    tenant.run_with(&["sync"], &service.variables()).exits(3).says(&["the run is stored, but not published"]);
    service.state().code = None;
    tenant.advance();
    tenant.run_with(&["sync"], &service.variables()).exits(0);
    verify(&tenant, &service).exits(0);
}

#[test]
fn a_month_that_is_over_is_joined_in_a_bucket_and_a_store_comes_back_from_it() {
    let (tenant, service) = (Tenant::new(), BucketService::start());
    tenant.sync().exits(0);
    night(&tenant);
    night(&tenant);
    for (run, day) in [("1", 5), ("2", 6), ("3", 7)] {
        tenant.run(&["redate", run, "--to", &format!("2026-01-0{day}T02:00:00Z")]).exits(0);
    }
    publish(&tenant, &service).exits(0);
    night(&tenant);
    tenant.run(&["redate", "4", "--to", "2026-02-03T02:00:00Z"]).exits(0);
    let ran = publish(&tenant, &service).exits(0).json();
    assert!(!ran["joined"].as_array().expect("paths").is_empty());
    verify(&tenant, &service).exits(0);
    let mut aged = manifest(&service);
    for file in aged["replaced"].as_object_mut().expect("replaced files").values_mut() {
        file["at"] = "2026-01-01T00:00:00.000000Z".into();
    }
    service.state().objects.insert("teams/a/_manifest.json".into(), aged.to_string().into_bytes());
    publish(&tenant, &service).exits(0);
    verify(&tenant, &service).exits(0);
    let january = |objects: &BTreeMap<String, Vec<u8>>| {
        objects.keys().filter(|key| key.starts_with("changes/apps/run_month=2026-01/")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(january(&objects(&service)), ["changes/apps/run_month=2026-01/run-1-3.parquet"]);

    let import = ["--store", "again.duckdb", "import", "--from", TO];
    tenant.run_with(&import, &service.variables()).exits(0).says(&["again.duckdb holds run 4"]);
    let verified = ["--store", "again.duckdb", "publish", "verify", TO];
    tenant.run_with(&verified, &service.variables()).exits(0).says(&["no difference"]);
    let left: Vec<_> =
        fs::read_dir(tenant.folder()).expect("a folder").map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".hclake-copy")), "{left:?}");
}

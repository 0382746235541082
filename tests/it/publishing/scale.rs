//! Many exporters in one lake, by the way that every run takes: how commits, files and bytes grow, and how long an engine
//! takes to ask across all of them. `make scale` prints it. HCLAKE_SCALE is EXPORTERS,NIGHTS,JOBS.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use duckdb::Connection;
use hclake::emulator::{EmulatorSettings, WorldSettings};

use super::interop::environment_of;
use crate::support::{Ran, Tenant, small_world};

const SIZE: &str = "HCLAKE_SCALE";
/// Where the lake and the stores lie, if not in a temporary folder.
const FOLDER: &str = "HCLAKE_SCALE_FOLDER";
/// Exporters that publish at a time.
const AT_ONCE: usize = 2;
const WORKERS: [&str; 3] = ["1", "2", "4"];

struct Size {
    exporters: usize,
    nights: usize,
    jobs: usize,
}

fn size() -> Size {
    let text = std::env::var(SIZE).unwrap_or_else(|_| "100,30,100000".to_owned());
    let numbers: Vec<usize> = text.split(',').map(|n| n.parse().expect("EXPORTERS,NIGHTS,JOBS")).collect();
    let [exporters, nights, jobs] = numbers[..] else { panic!("{SIZE} is EXPORTERS,NIGHTS,JOBS") };
    Size { exporters, nights, jobs }
}

/// A store with as many nights, each read from the emulated cloud.
fn store_of(size: &Size) -> Tenant {
    let world = WorldSettings { install_jobs: size.jobs, ..small_world() };
    let tenant = Tenant::of(world, EmulatorSettings::default());
    for _ in 0..size.nights {
        tenant.sync().exits(0);
        tenant.advance();
    }
    tenant
}

/// The same nights as another store's: its own id, its own jobs.
fn copy_of(store: &Path, copy: &Path, number: usize) {
    fs::copy(store, copy).expect("copied");
    let sql = format!(
        "UPDATE store_identity SET store_id = uuid()::VARCHAR;
         UPDATE app_install_jobs SET id = id || '-{number}';
         UPDATE app_install_jobs_history SET id = id || '-{number}';
         CHECKPOINT;"
    );
    Connection::open(copy).expect("opens").execute_batch(&sql).expect("altered");
}

fn files_and_bytes(folder: &Path) -> (usize, u64) {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable"));
    entries.fold((0, 0), |(files, bytes), entry| match entry.file_type().expect("a type").is_dir() {
        true => {
            let (inner_files, inner_bytes) = files_and_bytes(&entry.path());
            (files + inner_files, bytes + inner_bytes)
        }
        false => (files + 1, bytes + entry.metadata().expect("readable").len()),
    })
}

#[test]
#[ignore = "takes half an hour and measures: make scale"]
fn an_engine_asks_across_many_exporters() {
    let size = size();
    let started = Instant::now();
    let tenant = store_of(&size);
    println!("{} nights of {} jobs in {:.0} s", size.nights, size.jobs, started.elapsed().as_secs_f64());
    let folder = std::env::var_os(FOLDER).map_or_else(|| tenant.folder().to_owned(), Into::into);
    let lake = folder.join("lake");
    println!("| exporters | s for each | files | MB | MB of logs |\n|--:|--:|--:|--:|--:|");
    let numbers: Vec<usize> = (0..size.exporters).collect();
    for ten in numbers.chunks(10) {
        let started = Instant::now();
        for pair in ten.chunks(AT_ONCE) {
            let children: Vec<_> = pair
                .iter()
                .map(|number| {
                    let copy = tenant.path(&format!("store-{number}.duckdb"));
                    copy_of(&tenant.store(), &copy, *number);
                    let (store, to, name) =
                        (copy.display().to_string(), lake.display().to_string(), format!("exporter-{number:03}"));
                    let args = ["--store", &store, "publish", "delta", "--to", &to, "--exporter", &name];
                    let mut command = tenant.command(&[&args[..], &["--only", "app_install_jobs"]].concat());
                    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
                    (copy, child)
                })
                .collect();
            for (copy, child) in children {
                Ran::of(child.wait_with_output().expect("ended")).exits(0);
                fs::remove_file(copy).expect("removed");
            }
        }
        let each_s = started.elapsed().as_secs_f64() * AT_ONCE as f64 / ten.len() as f64;
        let (files, bytes) = files_and_bytes(&lake);
        let logs: u64 = ["app_install_jobs_changes", "app_install_jobs_current"]
            .iter()
            .map(|table| files_and_bytes(&lake.join(table).join("_delta_log")).1)
            .sum();
        let exporters = ten.last().expect("ten") + 1;
        println!("| {exporters} | {each_s:.1} | {files} | {:.0} | {:.0} |", bytes as f64 / 1e6, logs as f64 / 1e6);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scale/failure_rates.py");
    let mut answers: Vec<Vec<(u64, u64)>> = Vec::new();
    for workers in WORKERS {
        let mut python = Command::new(environment_of("HCLAKE_SAIL").join("bin/python"));
        let output =
            python.args(["-W", "ignore"]).arg(&script).arg(&lake).arg(workers).output().expect("python starts");
        let text = Ran::of(output).exits(0).stdout;
        print!("{text}");
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("json"));
        let number = |line: &serde_json::Value, name: &str| line[name].as_u64().expect("a number");
        answers.push(lines.map(|line| (number(&line, "finished"), number(&line, "failed"))).collect());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "the answer depends on the number of workers");
    let finished = "count(*) FILTER (job_status IN ('SUCCESS', 'FAIL'))";
    let of_one = tenant.number(&format!("SELECT {finished} FROM app_install_jobs"));
    let failed = tenant.number("SELECT count(*) FROM app_install_jobs WHERE job_status = 'FAIL'");
    let all = size.exporters as u64;
    assert_eq!(answers[0][0], (of_one as u64 * all, failed as u64 * all), "the lake holds what the stores hold");
    assert_eq!(answers[0][2], (of_one as u64, failed as u64));
}

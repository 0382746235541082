//! A measurement, not a test: a store over ten years of nights that is pruned and compacted as `hclake sync` does it. Prints
//! a line a month. The variables `HCLAKE_NIGHTS` and `HCLAKE_KEEP` set another number of nights, and what is kept.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::{Place, batch, column, endpoint, run_record, run_start, scope, settings, sweep_record};
use crate::base::retention::Retention;
use crate::catalog::spec::Endpoint;
use crate::store::{StagedRun, Verdict, compact, prune, run_checks, space_of};

const NIGHTS: i64 = 3_650;
const RECORDS: i64 = 2_000;
/// Records that change each night; a quarter as many go, and as many come. Together 2 % of all.
const CHANGED: i64 = 26;
const COME: i64 = 7;

fn list() -> Endpoint {
    let text = |name: &str| column(name, "type = \"text\"");
    let columns =
        ["id", "state", "name", "owner", "message"].map(text).concat() + &column("changed_at", "type = \"timestamp\"");
    endpoint("things", "{ column = \"id\" }", None, &columns)
}

/// The records of one night: a window over numbers that moves on, in which some have changed since the night before.
fn rows(night: i64) -> Vec<Value> {
    let first = night * COME;
    let row = |id: i64| {
        // Each record changes in turn.
        let turn = (night * CHANGED + RECORDS - id.rem_euclid(RECORDS)).div_euclid(RECORDS);
        let day = 1 + turn.rem_euclid(28);
        json!({
            "id": format!("{id:08x}-a2d8-4f1e-9d13-{:012x}", id * 7_919),
            "state": if turn % 3 == 0 { "FAIL" } else { "SUCCESS" },
            "name": format!("application {} of team {}", id % 300, id % 17),
            "owner": format!("user-{}", id % 900),
            "message": format!("turn {turn}: the installer of {id} ended with code {}", (id * 31 + turn) % 1_000),
            "changed_at": format!("2026-01-{day:02}T00:00:00.000000Z"),
            "_hash": turn,
        })
    };
    (first..first + RECORDS).map(row).collect()
}

fn memory_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

#[test]
#[ignore = "a measurement of several minutes; make speed runs it"]
fn ten_years_of_nights() {
    let nights = std::env::var("HCLAKE_NIGHTS").map_or(NIGHTS, |text| text.parse().expect("a number of nights"));
    let (place, list) = (Place::new(), list());
    let lists = std::slice::from_ref(&list);
    let thin = "weekly-after=90d,monthly-after=2y".parse().unwrap();
    let keep = std::env::var("HCLAKE_KEEP").unwrap_or("400d".to_owned());
    let retention = Retention { keep: Some(keep.parse().unwrap()), thin };
    let (mut runs, mut prunes, mut compacted) = (Duration::ZERO, Duration::ZERO, 0);
    println!("night  run s  prune s  compacted  file MiB  free MiB  closed  sweeps  memory MiB");
    for night in 0..nights {
        let begun = Instant::now();
        let mut run = StagedRun::open(&place.store, lists, &|| run_start(night), &settings()).unwrap();
        let sweep = run.begin_sweep("things", &scope("p1")).unwrap();
        run.stage(sweep, &batch(&list, &rows(night)), 0).unwrap();
        let record = sweep_record(sweep, Verdict::Complete, RECORDS as u64);
        run.commit(&run_record(), &[record], &[], &[], &[]).unwrap();
        runs += begun.elapsed();
        let begun = Instant::now();
        prune(&place.store, &retention, run_start(night), lists, &settings(), false).unwrap();
        prunes += begun.elapsed();
        if space_of(&place.store).unwrap().is_worth_compacting() {
            compact(&place.store, run_start(night), &settings()).unwrap();
            compacted += 1;
        }
        if night % 30 == 29 || night + 1 == nights {
            let reader = place.read();
            let count = |table: &str| -> u64 {
                reader.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
            };
            let (space, mib) = (space_of(&place.store).unwrap(), |bytes: u64| bytes as f64 / 1_048_576.0);
            println!(
                "{:>5}  {:>5.2}  {:>7.2}  {compacted:>9}  {:>8.1}  {:>8.1}  {:>6}  {:>6}  {:>10}",
                night + 1,
                runs.as_secs_f64() / (night % 30 + 1) as f64,
                prunes.as_secs_f64() / (night % 30 + 1) as f64,
                mib(space.bytes),
                mib(space.free_bytes),
                count("things_history"),
                count("sweeps"),
                memory_mib(),
            );
            (runs, prunes) = (Duration::ZERO, Duration::ZERO);
        }
    }
    assert_eq!(run_checks(&place.read(), lists).unwrap(), []);
}

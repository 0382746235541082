//! What a year of nights costs where one list is read for each of 2,000 records of another, of which 2 % move in a night.
//! A measurement, run by `make speed`.

use std::time::{Duration, Instant};

use hclake::base::clock::Timestamp;
use hclake::emulator::{ListId, World, WorldSettings};
use serde_json::json;

use super::days::Days;
use super::parts;
use crate::support::small_world;

const PARENTS: usize = 2_000;
const MOVED: usize = 40;
const NIGHTS: usize = 365;
/// Nights after which a line is printed.
const SHOWN: [usize; 6] = [1, 30, 90, 180, 270, 365];

/// Shows that some pipes were used, other ones each night.
fn move_some(world: &mut World, pipes: &ListId, night: usize, at: Timestamp) {
    for (number, record) in world.listing(pipes).into_iter().enumerate() {
        if (number + night * 37).is_multiple_of(PARENTS.div_ceil(MOVED)) {
            let mut record = record;
            let key = record["id"].as_str().expect("an id").to_owned();
            record["changed_at"] = json!(at.to_string());
            world.replace(pipes, &key, record);
        }
    }
}

fn seconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64()
}

#[test]
#[ignore = "a measurement: make speed"]
fn a_year_of_two_thousand_parents() {
    let world = WorldSettings { other_rows: PARENTS, children: 2, ..small_world() };
    let days = Days::of(parts::catalog(), world);
    let pipes = days.tenant.cloud.with_world(|world| world.lists_of("pipes").remove(0));
    println!("night  run s  status s  store MB  sweeps  last_complete  requests");
    let mut requests_before = 0;
    for night in 1..=NIGHTS {
        if night > 1 {
            days.rest();
            days.tenant.cloud.with_world(|world| move_some(world, &pipes, night, days.now()));
        }
        let begun = Instant::now();
        days.night();
        let run_s = seconds(begun);
        let requests = days.tenant.cloud.requests().len();
        if SHOWN.contains(&night) {
            let begun = Instant::now();
            days.tenant.run(&["status"]);
            let status_s = seconds(begun);
            let count = |table: &str| days.tenant.number(&format!("SELECT count(*) FROM {table}"));
            let bytes = std::fs::metadata(days.tenant.store()).expect("a store").len();
            println!(
                "{night:>5}  {run_s:>5.2}  {status_s:>8.2}  {:>8.1}  {:>6}  {:>13}  {:>8}",
                bytes as f64 / 1e6,
                count("sweeps"),
                count("last_complete"),
                requests - requests_before
            );
            assert!(status_s < Duration::from_secs(10).as_secs_f64());
        }
        requests_before = requests;
    }
}

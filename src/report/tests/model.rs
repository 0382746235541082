//! The failure counts, compared with a computation that reads every job in turn.

use std::collections::BTreeMap;

use arrow::array::{Array, Int64Array};
use proptest::prelude::*;

use super::*;

/// The state of a model job from some run on, or that it is not there.
type State = Option<(Option<&'static str>, i64)>;

const RUNS_DAYS_AGO: [i64; 4] = [30, 20, 10, 2];

fn states() -> impl Strategy<Value = Vec<State>> {
    let status = prop_oneof![
        3 => Just(Some("FAIL")),
        3 => Just(Some("SUCCESS")),
        1 => Just(Some("INIT")),
        1 => Just(Some("UNHEARD_OF")),
        1 => Just(None)
    ];
    prop::collection::vec(prop::option::weighted(0.85, (status, 0i64..45)), RUNS_DAYS_AGO.len())
}

#[derive(Debug, Default, PartialEq)]
struct Counts {
    finished: i64,
    failed: i64,
    pending: i64,
    failed_ever: i64,
    recovered: i64,
    finished_7d: i64,
    failed_7d: i64,
    finished_28d_before: i64,
    failed_28d_before: i64,
}

/// The counts of each app, from every job in turn.
fn model(
    jobs: &[(u8, Vec<State>)],
    as_of_run: usize,
    as_of: Timestamp,
    since: Timestamp,
    until: Timestamp,
) -> BTreeMap<String, Counts> {
    let mut apps: BTreeMap<String, (Counts, bool)> = BTreeMap::new();
    for (app, states) in jobs {
        let known = &states[..=as_of_run];
        let Some((status, days)) = known[as_of_run] else { continue };
        let updated = days_ago(days);
        let (counts, any) = apps.entry(format!("a{app}")).or_default();
        let (failed, finished) = (status == Some("FAIL"), matches!(status, Some("FAIL" | "SUCCESS")));
        let failed_ever = known.iter().flatten().any(|(status, _)| *status == Some("FAIL"));
        if updated >= since && updated < until {
            *any = true;
            counts.finished += i64::from(finished);
            counts.failed += i64::from(failed);
            counts.pending += i64::from(!finished);
            counts.failed_ever += i64::from(failed_ever);
            counts.recovered += i64::from(failed_ever && status == Some("SUCCESS"));
        }
        let age = as_of.minus(updated);
        if age > 0 && age <= 7 * DAY {
            counts.finished_7d += i64::from(finished);
            counts.failed_7d += i64::from(failed);
        } else if age > 7 * DAY && age <= 35 * DAY {
            counts.finished_28d_before += i64::from(finished);
            counts.failed_28d_before += i64::from(failed);
        }
    }
    apps.into_iter().filter(|(_, (_, any))| *any).map(|(app, (counts, _))| (app, counts)).collect()
}

/// A version for each series of runs that saw the same state.
fn versions_of(id: usize, app: u8, states: &[State]) -> Vec<Version> {
    let mut versions: Vec<Version> = Vec::new();
    for (run, state) in states.iter().enumerate() {
        if run > 0 && states[run - 1] == *state {
            continue;
        }
        let seen = days_ago(RUNS_DAYS_AGO[run]);
        if let Some(open) = versions.last_mut().filter(|version| version.valid_to.is_none()) {
            open.valid_to = Some(seen);
        }
        if let Some((status, days)) = state {
            let mut version = version(id, "", days_ago(*days)).app(&format!("a{app}"), "x").seen(seen, None);
            version.status = *status;
            versions.push(version);
        }
    }
    versions
}

fn counted(result: &ReportResult) -> BTreeMap<String, Counts> {
    let mut apps = BTreeMap::new();
    for batch in &result.batches {
        let count = |name: &str, row: usize| {
            batch.column_by_name(name).unwrap().as_any().downcast_ref::<Int64Array>().unwrap().value(row)
        };
        for row in 0..batch.num_rows() {
            let counts = Counts {
                finished: count("finished", row),
                failed: count("failed", row),
                pending: count("pending", row),
                failed_ever: count("failed_ever", row),
                recovered: count("recovered", row),
                finished_7d: count("finished_7d", row),
                failed_7d: count("failed_7d", row),
                finished_28d_before: count("finished_28d_before", row),
                failed_28d_before: count("failed_28d_before", row),
            };
            apps.insert(cell(batch.column_by_name("app_id").unwrap(), row), counts);
        }
    }
    apps
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_counts_equal_those_from_every_job_in_turn(
        jobs in prop::collection::vec((0u8..3, states()), 0..25),
        as_of_run in 0..RUNS_DAYS_AGO.len(),
        since_days in 5i64..45,
        range_days in 1i64..45,
    ) {
        let versions: Vec<Version> =
            jobs.iter().enumerate().flat_map(|(id, (app, states))| versions_of(id, *app, states)).collect();
        let conn = with(&versions);
        let as_of = Timestamp(days_ago(RUNS_DAYS_AGO[as_of_run]).0 + 1);
        let (since, until) = (days_ago(since_days), days_ago(since_days - range_days));
        let params = Params { since: Some(since), until: Some(until), as_of: Some(as_of), by: None };
        let result = answer(&conn, "install_failures", &params);
        prop_assert_eq!(counted(&result), model(&jobs, as_of_run, as_of, since, until));

        let rates = pick(&result, &["failed", "finished", "failure_rate_pct"]);
        for rate in rates {
            let (failed, finished): (f64, f64) = (rate[0].parse().unwrap(), rate[1].parse().unwrap());
            match rate[2].parse::<f64>() {
                Ok(shown) => prop_assert!((shown - 100.0 * failed / finished).abs() < 0.0501),
                Err(_) => prop_assert_eq!((finished, rate[2].as_str()), (0.0, "-")),
            }
        }
    }
}

//! Wrong clocks: the clock is compared with the cloud's before anything is stored, no run continues after one that is dated
//! in the future, and such a run can be corrected.

use std::future::pending;
use std::sync::Arc;

use hclake::base::clock::{SharedClock, ShiftedClock, SystemClock};
use hclake::base::exit::Exit;
use hclake::catalog::Catalog;
use hclake::config::{self, Environment, Flags};
use hclake::emulator::{EmulatorSettings, Fault, When};
use hclake::sync;

use crate::support::{REGION, Tenant, small_world};

const DAY_S: i64 = 24 * 3600;

/// A run with the test's own clock.
fn sync_by(tenant: &Tenant, clock: SharedClock) -> Result<sync::Summary, sync::Error> {
    let flags = Flags { store: Some(tenant.store()), ..Flags::default() };
    let (ak, sk) = tenant.keys();
    let environment = Environment::of(&[
        ("HCLAKE_ENDPOINT_URL", &tenant.cloud.base_url()),
        ("HCLAKE_REGION", REGION),
        ("HUAWEICLOUD_SDK_AK", ak),
        ("HUAWEICLOUD_SDK_SK", sk),
    ]);
    let mut settings = config::resolve(&flags, &environment).expect("sound settings");
    settings.set_rates(0.0);
    let request =
        sync::Request { settings, only: vec!["apps".to_owned()], allow_gone: false, max_time: None, is_demo: false };
    let catalog = Catalog::builtin().expect("sound");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime");
    runtime.block_on(sync::sync(request, &catalog, clock, Arc::new(()), pending()))
}

#[test]
fn a_clock_that_differs_from_the_clouds_by_more_than_a_day_stores_nothing() {
    for (off_s, way) in [(2 * DAY_S, "ahead"), (-2 * DAY_S, "behind")] {
        let tenant = Tenant::new();
        tenant.run(&["sync", "--only", "apps"]).exits(0);
        let before = std::fs::read(tenant.store()).expect("a store");
        tenant.cloud.faults.add("", When::Always, Fault::SkewedClock { seconds: off_s });
        tenant.run(&["sync"]).exits(2).says(&[
            "error: this machine's clock says ",
            "and the cloud's ",
            "nothing was stored",
            "hint: set this machine's",
        ]);
        assert_eq!(std::fs::read(tenant.store()).expect("a store"), before, "{way}");
        let checked = tenant.run(&["check"]).exits(1).stdout;
        assert!(checked.contains("nothing is stored while it is so far off"), "{checked}");
    }
}

#[test]
fn a_clock_that_differs_by_less_than_a_day_is_warned_of_and_stored() {
    let tenant = Tenant::new();
    tenant.cloud.faults.add("", When::Always, Fault::SkewedClock { seconds: DAY_S - 3600 });
    tenant.run(&["sync"]).exits(0).says(&["warning: this machine's clock is 23 h behind"]);
    assert_eq!(tenant.number("SELECT count(*) FROM runs"), 1);
}

#[test]
fn a_cloud_without_a_date_header_stops_nothing() {
    let tenant = Tenant::new();
    tenant.cloud.faults.add("", When::Always, Fault::NoDate);
    tenant.run(&["sync"]).exits(0);
}

#[test]
fn a_clock_that_was_never_set_is_an_error_and_makes_no_store() {
    let tenant = Tenant::new();
    let clock = Arc::new(ShiftedClock::new(SystemClock::shared(), -70 * 365 * DAY_S * 1_000_000));
    let error = sync_by(&tenant, clock).expect_err("no run before 1970");
    assert!(error.to_string().contains("which is before 1970"), "{error}");
    assert_eq!(error.exit(), Exit::Usage);
    assert!(error.hint().expect("a hint").contains("set this machine's clock"));
    assert!(!tenant.store().exists());
}

/// A tenant whose second run was made in 2099, by a clock that the cloud shared.
fn with_a_run_of_the_future() -> Tenant {
    let clock = Arc::new(ShiftedClock::new(SystemClock::shared(), 0));
    let settings = EmulatorSettings { clock: clock.clone(), ..EmulatorSettings::default() };
    let tenant = Tenant::of(small_world(), settings);
    for (shift_s, changes) in [(-2 * DAY_S, false), (73 * 365 * DAY_S, true)] {
        clock.set_shift_us(shift_s * 1_000_000);
        if changes {
            tenant.advance();
        }
        sync_by(&tenant, clock.clone()).expect("a run");
    }
    clock.set_shift_us(0);
    tenant
}

#[test]
fn no_run_follows_one_of_the_future_and_status_calls_it_stale() {
    let tenant = with_a_run_of_the_future();
    let before = std::fs::read(tenant.store()).expect("a store");
    tenant.run(&["sync", "--only", "apps"]).exits(2).says(&[
        "error: run 2 of the store is dated 20",
        "this machine's clock says ",
        "hint: nothing was stored; if this machine's clock is wrong, set it",
        "`hclake redate 2 --to TIME`",
    ]);
    assert_eq!(std::fs::read(tenant.store()).expect("a store"), before);
    tenant.run(&["status", "--max-age", "26h"]).exits(1).says(&["which is in the future"]);
}

#[test]
fn redating_a_run_also_redates_all_that_it_stored() {
    let tenant = with_a_run_of_the_future();
    let before = std::fs::read(tenant.store()).expect("a store");
    let future = "TIMESTAMPTZ '2090-01-01T00:00:00Z'";
    let of_future =
        |column: &str, table: &str| tenant.number(&format!("SELECT count(*) FROM {table} WHERE {column} > {future}"));
    let columns = [
        ("_valid_from", "apps_versions"),
        ("_first_seen", "apps_versions"),
        ("_valid_to", "apps_versions"),
        ("started_at", "runs"),
        ("ended_at", "runs"),
        ("started_at", "sweeps"),
        ("\"time\"", "requests"),
    ];
    let seen = columns.map(|(column, table)| of_future(column, table));
    assert!(seen.iter().all(|rows| *rows > 0), "the second night changed something: {seen:?}");
    let content = "SELECT CAST(v AS VARCHAR) FROM (SELECT * EXCLUDE (_first_seen, _valid_from, _valid_to) FROM apps_versions) v ORDER BY 1";
    let held = tenant.texts(content);
    for (run, to) in [("2", "3d"), ("2", "2100-01-01"), ("9", "1h"), ("2", "soon")] {
        tenant.run(&["redate", run, "--to", to]).exits(2).says(&["error: ", "hint: "]);
        assert_eq!(std::fs::read(tenant.store()).expect("a store"), before, "{run} {to}");
    }
    tenant.run(&["redate", "2", "--to", "1d"]).exits(0).says(&[
        "run 2 is dated 2",
        "it was dated 20",
        "publish into new ones",
    ]);
    assert_eq!(columns.map(|(column, table)| of_future(column, table)), [0; 7]);
    assert_eq!(tenant.texts(content), held);
    assert_eq!(
        tenant.number("SELECT count(*) FROM runs WHERE epoch_us(ended_at) - epoch_us(started_at) > 3600000000"),
        0
    );
    tenant.assert_sound();
    tenant.run(&["status", "--max-age", "26h"]).exits(0);
    let run_2 = &tenant.texts("SELECT CAST(epoch_us(started_at) AS VARCHAR) FROM runs WHERE run_id = 2")[0];
    let changed = tenant.number(&format!("SELECT count(*) FROM apps_versions WHERE epoch_us(_valid_from) = {run_2}"));
    assert_eq!(changed, seen[0], "every version that the run opened moved with it");
    tenant.run(&["sync", "--only", "apps"]).exits(0);
    tenant.assert_sound();
}

#[test]
fn a_run_of_the_future_stops_a_retry_too() {
    let tenant = with_a_run_of_the_future();
    tenant.run(&["quarantine", "retry"]).exits(2).says(&["run 2 of the store is dated 20"]);
}

//! The memory that large records take: pages in flight, rows on their way to the store, and unreadable records are all
//! limited in bytes, so that large records are stored and do not end the run.

use hclake::emulator::{EmulatorSettings, WorldSettings};
use serde_json::{Value, json};

use crate::support::{Tenant, peak_of, small_world};

const TABLE: &str = "app_install_jobs";
const RECORDS: usize = 400;
/// Bytes of one record's large texts: three of them, in a page of a hundred records just within the largest answer.
const TEXT_BYTES: usize = 200 << 10;
/// All records have 234 MiB. DuckDB holds a vector of them at a time, a quarter more to write it, and 160 MiB beside
/// that; the answer that is being read, the one before it and their decoded rows have 60 MiB each.
const PEAK_MB_MAX: u64 = 900;

/// A cloud whose install jobs are large; `spoil` changes each record.
fn tenant(spoil: impl Fn(usize, &mut Value)) -> Tenant {
    let world = WorldSettings { install_jobs: RECORDS, ..small_world() };
    let tenant = Tenant::of(world, EmulatorSettings::default());
    change(&tenant, 0..RECORDS, spoil);
    tenant
}

fn change(tenant: &Tenant, places: std::ops::Range<usize>, spoil: impl Fn(usize, &mut Value)) {
    let list = tenant.list_id(TABLE);
    tenant.cloud.with_world(|world| {
        let records = world.listing(&list);
        for place in places {
            let mut record = records[place].clone();
            spoil(place, &mut record);
            let key = record["id"].as_str().expect("an id").to_owned();
            world.replace(&list, &key, record).expect("replaced");
        }
    });
}

fn large(place: usize, record: &mut Value) {
    let text = |n: usize| json!(char::from(b'a' + ((place + n) % 26) as u8).to_string().repeat(TEXT_BYTES));
    (record["operator"], record["error_message"], record["surprise"]) = (text(0), text(1), text(2));
}

fn sync(tenant: &Tenant) -> (Option<i32>, u64) {
    peak_of(&mut tenant.command(&["--quiet", "sync", "--only", TABLE]))
}

#[test]
fn large_records_are_stored_changed_and_published_within_bounds() {
    let tenant = tenant(large);
    let (code, peak) = sync(&tenant);
    assert_eq!(code, Some(0));
    assert!(peak < PEAK_MB_MAX, "the first run took {peak} MB");
    let bytes =
        format!("SELECT CAST(sum(strlen(operator) + strlen(error_message) + strlen(extra)) AS BIGINT) FROM {TABLE}");
    assert!(tenant.number(&bytes) >= (3 * RECORDS * TEXT_BYTES) as i64);

    change(&tenant, 0..40, |place, record| large(place + 7, record));
    let (code, peak) = sync(&tenant);
    assert_eq!(code, Some(0));
    assert!(peak < PEAK_MB_MAX, "the second run took {peak} MB");
    assert_eq!(tenant.number(&format!("SELECT count(*) FROM {TABLE}_history")), 40);
    tenant.assert_sound();

    tenant.run(&["publish", "parquet", "--to", "bi", "--tables", TABLE]).exits(0);
    tenant.run(&["publish", "verify", "bi"]).exits(0).says(&["no difference"]);
}

#[test]
fn large_records_that_cannot_be_read_are_kept_aside_within_bounds() {
    let tenant = tenant(|place, record| {
        large(place, record);
        record["create_time"] = json!("yesterday");
    });
    for _ in 0..2 {
        let (_, peak) = sync(&tenant);
        assert!(peak < PEAK_MB_MAX, "it took {peak} MB");
        let kept = "SELECT count(*) FROM quarantine WHERE resolved_at IS NULL AND strlen(raw) > 600000";
        assert_eq!(tenant.number(kept), RECORDS as i64);
    }
}

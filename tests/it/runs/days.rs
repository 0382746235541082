//! A tenant whose days pass at a test's word, for what shows only after nights.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;

use hclake::base::clock::{Clock, ShiftedClock, SystemClock, Timestamp};
use hclake::catalog::Catalog;
use hclake::config::{self, Environment, Flags};
use hclake::emulator::{EmulatorSettings, WorldSettings};
use hclake::sync;
use serde_json::Value;

use crate::support::{DAY_US, REGION, Tenant};

/// A tenant whose days pass when a test says so: the program's clock, the cloud's and the world's move together.
pub struct Days {
    pub tenant: Tenant,
    catalog: Catalog,
    clock: Arc<ShiftedClock>,
    shift_us: std::cell::Cell<i64>,
}

impl Days {
    pub fn of(catalog: Catalog, world: WorldSettings) -> Days {
        let shift_us = world.start.0 - SystemClock::shared().wall().0;
        let clock = Arc::new(ShiftedClock::new(SystemClock::shared(), shift_us));
        let settings = EmulatorSettings { clock: clock.clone(), ..EmulatorSettings::default() };
        let tenant = Tenant::with_catalog(&catalog, world, settings);
        Days { tenant, catalog, clock, shift_us: shift_us.into() }
    }

    /// A day in which nothing happens in the cloud.
    pub fn rest(&self) {
        self.shift_us.set(self.shift_us.get() + DAY_US);
        self.clock.set_shift_us(self.shift_us.get());
    }

    pub fn pass(&self) {
        self.rest();
        self.tenant.advance();
    }

    pub fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// Reads every list of the catalog, and returns the summary as JSON.
    pub fn night(&self) -> Value {
        self.night_of(&[])
    }

    /// Reads these lists alone, or all where none is named.
    pub fn night_of(&self, lists: &[&str]) -> Value {
        let flags = Flags { store: Some(self.tenant.store()), ..Flags::default() };
        let (ak, sk) = self.tenant.keys();
        let sets: BTreeSet<&str> = self.catalog.endpoints().iter().map(|list| list.set.as_str()).collect();
        let sets = sets.into_iter().collect::<Vec<_>>().join(",");
        let projects = self.tenant.cloud.with_world(|w| w.settings().codearts_project_ids.join(","));
        let environment = Environment::of(&[
            ("HCLAKE_ENDPOINT_URL", &self.tenant.cloud.base_url()),
            ("HCLAKE_REGION", REGION),
            ("HCLAKE_LISTS", &sets),
            ("HCLAKE_CODEARTS_PROJECTS", &projects),
            ("HUAWEICLOUD_SDK_AK", ak),
            ("HUAWEICLOUD_SDK_SK", sk),
        ]);
        let mut settings = config::resolve(&flags, &environment).expect("sound settings");
        settings.set_rates(0.0);
        let only = lists.iter().copied().map(str::to_owned).collect();
        let request = sync::Request { settings, only, allow_gone: false, max_time: None, is_demo: false };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime");
        let synced = sync::sync(request, &self.catalog, self.clock.clone(), Arc::new(()), pending());
        let summary = runtime.block_on(synced).unwrap_or_else(|error| panic!("{error}"));
        self.tenant.assert_sound_by(&self.catalog);
        serde_json::to_value(&summary).expect("JSON")
    }
}

//! How fast requests go: one limiter per (service, region). Requests leave it evenly spaced, and no more than a set
//! number are in flight at a time. It knows nothing of what a request is.
//!
//! The guarantee: in no sliding second do more requests leave a limiter than its ceiling, rounded up to whole requests,
//! whatever the order of throttling, recovery and pauses.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::Quota;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::retry::Window;
use super::waiting::WaitCause;
use crate::base::clock::SharedClock;
use crate::catalog::spec::Service;
use crate::cloud::error::Error;

/// Throttling lowers the rate no further than this, unless the ceiling itself is lower.
pub(crate) const RATE_FLOOR_PER_S: f64 = 0.1;

/// A 429 multiplies the rate by this.
const SLOWDOWN_FACTOR: f64 = 0.5;
/// A success raises the rate by this share of the ceiling.
const RECOVERY_SHARE: f64 = 0.005;
/// A timer that fires this late still counts as on time, so that late timers do not add up to a lower rate. The time
/// between slots is longer by the same amount, so the guarantee also holds for the moments requests really leave.
const LATE_MAX: Duration = Duration::from_millis(5);

/// Rates and concurrency for all limiters.
#[derive(Clone, Debug, PartialEq)]
pub struct RateSettings {
    /// Requests a second. 0 switches the limiter off, as it is for services not named.
    pub rate_per_s: BTreeMap<Service, f64>,
    /// At least 1.
    pub in_flight: usize,
}

impl RateSettings {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.in_flight == 0 || self.in_flight > Semaphore::MAX_PERMITS {
            return Err(Error::Setting { name: "rate.in_flight".to_owned(), fault: "must be 1 or more".to_owned() });
        }
        for (service, rate) in &self.rate_per_s {
            if !rate.is_finite() || *rate < 0.0 {
                let fault = "must be 0 (no limit) or a number of requests/s".to_owned();
                return Err(Error::Setting { name: format!("rate.{service}"), fault });
            }
        }
        Ok(())
    }

    /// `None` where the limiter is off.
    fn ceiling(&self, service: Service) -> Option<f64> {
        self.rate_per_s.get(&service).copied().filter(|rate| *rate > 0.0)
    }
}

/// All limiters of a client.
pub(crate) struct RateLimits {
    settings: RateSettings,
    clock: SharedClock,
    limiters: Mutex<BTreeMap<(Service, String), Arc<RateLimiter>>>,
}

impl RateLimits {
    pub(crate) fn new(settings: RateSettings, clock: SharedClock) -> Result<Self, Error> {
        settings.check()?;
        Ok(Self { settings, clock, limiters: Mutex::default() })
    }

    pub(crate) fn limiter(&self, service: Service, region: &str) -> Arc<RateLimiter> {
        let mut limiters = locked(&self.limiters);
        let limiter = limiters.entry((service, region.to_owned())).or_insert_with(|| {
            Arc::new(RateLimiter::new(self.settings.ceiling(service), self.settings.in_flight, self.clock.clone()))
        });
        Arc::clone(limiter)
    }
}

/// Limits the requests of one service in one region.
pub(crate) struct RateLimiter {
    clock: SharedClock,
    in_flight: Arc<Semaphore>,
    /// First come, first served: only the head of the queue waits for the next slot.
    queue: tokio::sync::Mutex<()>,
    spacing: Mutex<Spacing>,
}

/// Permission to send one request now. The request is in flight until this is dropped.
pub(crate) struct Slot {
    /// The monotonic time at which it was given.
    pub at: Duration,
    _in_flight: OwnedSemaphorePermit,
}

impl RateLimiter {
    fn new(ceiling: Option<f64>, in_flight: usize, clock: SharedClock) -> Self {
        Self {
            clock,
            in_flight: Arc::new(Semaphore::new(in_flight)),
            queue: tokio::sync::Mutex::default(),
            spacing: Mutex::new(Spacing::new(ceiling)),
        }
    }

    /// Waits for a slot. Calls `on_wait` for each wait of the head of the queue.
    pub(crate) async fn enter(&self, on_wait: impl Fn(Duration, WaitCause)) -> Slot {
        let permit = Arc::clone(&self.in_flight).acquire_owned().await.expect("the semaphore is never closed");
        let _head = self.queue.lock().await;
        loop {
            let now = self.clock.mono();
            let (due, cause) = {
                let mut spacing = locked(&self.spacing);
                (spacing.take(now), spacing.cause(now))
            };
            let Err(due) = due else { return Slot { at: now, _in_flight: permit } };
            let wait = due.saturating_sub(now);
            on_wait(wait, cause);
            self.clock.sleep(wait).await;
        }
    }

    /// A request of this limiter got a good answer.
    pub(crate) fn succeeded(&self) {
        locked(&self.spacing).raise();
    }

    /// A request that left at `left` was throttled: lowers the rate, to the service's window where it gave one.
    pub(crate) fn throttled(&self, left: Duration, window: Option<Window>) {
        let now = self.clock.mono();
        locked(&self.spacing).lower(left, now, window);
    }

    /// Delays every request of this limiter for `wait` from now.
    pub(crate) fn pause(&self, wait: Duration) {
        let until = self.clock.mono().saturating_add(wait);
        locked(&self.spacing).pause(until);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Limiter = governor::RateLimiter<NotKeyed, InMemoryState, ManualClock, NoOpMiddleware<Duration>>;

/// The clock of governor's limiter. It shows the time that is set, which is that of
/// [`crate::base::clock::Clock::mono`].
#[derive(Clone, Default)]
struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    fn set(&self, now: Duration) {
        self.0.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl governor::clock::Clock for ManualClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// When the next request may leave: arithmetic over moments that are passed in.
struct Spacing {
    /// The setting, or the service's own limit where that is lower.
    ceiling: Option<f64>,
    /// The setting itself.
    set: Option<f64>,
    rate: Option<f64>,
    limiter: Option<Limiter>,
    clock: ManualClock,
    /// The next slot, as the last refusal named it. A caller that waited for it counts as on time.
    due: Option<Duration>,
    last: Option<Duration>,
    /// Nothing leaves before this: the end of a pause, or the first slot after a change of rate.
    not_before: Duration,
    lowered_at: Option<Duration>,
}

impl Spacing {
    fn new(ceiling: Option<f64>) -> Self {
        let mut spacing = Self {
            ceiling,
            set: ceiling,
            rate: None,
            limiter: None,
            clock: ManualClock::default(),
            due: None,
            last: None,
            not_before: Duration::ZERO,
            lowered_at: None,
        };
        spacing.set_rate(ceiling);
        spacing
    }

    /// Takes a slot at `now`, or says when to ask again.
    fn take(&mut self, now: Duration) -> Result<(), Duration> {
        if now < self.not_before {
            self.due = Some(self.not_before);
            return Err(self.not_before);
        }
        let moment = self.credited(now);
        if let Some(limiter) = &self.limiter {
            self.clock.set(moment);
            if let Err(refusal) = limiter.check() {
                let due = refusal.earliest_possible();
                self.due = Some(due);
                // Too early by the credited moment, but by the clock that slot has come too.
                return if due <= now { self.take(now) } else { Err(due) };
            }
        }
        self.last = Some(moment);
        self.due = None;
        Ok(())
    }

    fn credited(&self, now: Duration) -> Duration {
        match self.due {
            Some(due) if due <= now && now - due <= LATE_MAX => due,
            _ => now,
        }
    }

    fn raise(&mut self) {
        if let (Some(rate), Some(ceiling)) = (self.rate, self.ceiling)
            && rate < ceiling
        {
            self.set_rate(Some((rate + ceiling * RECOVERY_SHARE).min(ceiling)));
        }
    }

    /// Requests that left before the rate was last lowered do not lower it again.
    fn lower(&mut self, left: Duration, now: Duration, window: Option<Window>) {
        if let Some(window) = window {
            self.adopt(window.rate_per_s());
        }
        let counts = self.lowered_at.is_none_or(|lowered_at| left >= lowered_at);
        match (self.rate, self.ceiling) {
            (None, Some(ceiling)) => self.set_rate(Some(ceiling)),
            (Some(rate), Some(ceiling)) if rate > ceiling => self.set_rate(Some(ceiling)),
            (Some(rate), _) if counts => self.set_rate(Some((rate * SLOWDOWN_FACTOR).max(self.floor()))),
            _ => {}
        }
        if counts {
            self.lowered_at = Some(now);
        }
    }

    /// Uses the service's own limit as the ceiling where it is lower.
    fn adopt(&mut self, stated_per_s: f64) {
        let lower = self.ceiling.map_or(stated_per_s, |ceiling| ceiling.min(stated_per_s));
        self.ceiling = Some(lower.max(self.floor()));
    }

    fn floor(&self) -> f64 {
        self.ceiling.map_or(RATE_FLOOR_PER_S, |ceiling| ceiling.min(RATE_FLOOR_PER_S))
    }

    fn pause(&mut self, until: Duration) {
        self.not_before = self.not_before.max(until);
    }

    /// Why a request waits at `now`: for the rate that was set, or because the service asked for less.
    fn cause(&self, now: Duration) -> WaitCause {
        if self.rate == self.set && self.not_before <= now { WaitCause::RateLimit } else { WaitCause::Throttled }
    }

    /// A new limiter does not know the last slot, so `not_before` delays its first one.
    fn set_rate(&mut self, rate: Option<f64>) {
        let interval = rate.map(interval);
        let quota = interval.and_then(Quota::with_period);
        if let (Some(last), Some(interval)) = (self.last, interval) {
            self.not_before = self.not_before.max(last + interval);
        }
        self.limiter = quota.map(|quota| Limiter::direct_with_clock(quota, self.clock.clone()));
        self.rate = rate;
    }
}

/// Time between slots. Any n + 1 slots at n a second take one second and [`LATE_MAX`]. More than a century is one.
fn interval(rate_per_s: f64) -> Duration {
    let seconds = (Duration::from_secs(1) + LATE_MAX).as_secs_f64() / rate_per_s;
    Duration::from_secs_f64(seconds.min(f64::from(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::rate::Rate;
    use crate::catalog::services::built_in;
    use crate::cloud::testing::TestClock;

    const SECOND: Duration = Duration::from_secs(1);

    fn minute(requests: u32) -> Option<Window> {
        Some(Window { requests, per: Duration::from_secs(60) })
    }

    #[derive(Clone, Debug)]
    enum Event {
        Idle {
            ms: u64,
        },
        /// A request that waits its turn and wakes this late.
        Request {
            late_us: u64,
        },
        Success,
        Throttled {
            left_ago_ms: u64,
            window: Option<Window>,
        },
        Pause {
            ms: u64,
        },
    }

    fn event() -> impl Strategy<Value = Event> {
        let window = prop::option::of(
            (1u32..2000, 1u64..120).prop_map(|(requests, s)| Window { requests, per: Duration::from_secs(s) }),
        );
        prop_oneof![
            1 => (0u64..3000).prop_map(|ms| Event::Idle { ms }),
            8 => prop_oneof![0u64..3_000, 0u64..40_000].prop_map(|late_us| Event::Request { late_us }),
            4 => Just(Event::Success),
            1 => (0u64..2000, window).prop_map(|(left_ago_ms, window)| Event::Throttled { left_ago_ms, window }),
            1 => (0u64..2000).prop_map(|ms| Event::Pause { ms }),
        ]
    }

    /// A limiter's spacing, and when requests left it.
    struct Simulation {
        spacing: Spacing,
        now: Duration,
        left: Vec<Duration>,
    }

    impl Simulation {
        fn new(ceiling: f64) -> Self {
            Self { spacing: Spacing::new(Some(ceiling)), now: Duration::from_secs(1000), left: Vec::new() }
        }

        fn step(&mut self, event: &Event) {
            match event {
                Event::Idle { ms } => self.now += Duration::from_millis(*ms),
                Event::Request { late_us } => {
                    while let Err(due) = self.spacing.take(self.now) {
                        assert!(due > self.now, "a refusal names a later moment");
                        self.now = due + Duration::from_micros(*late_us);
                    }
                    self.left.push(self.now);
                }
                Event::Success => self.spacing.raise(),
                Event::Throttled { left_ago_ms, window } => {
                    self.spacing.lower(self.now - Duration::from_millis(*left_ago_ms), self.now, *window)
                }
                Event::Pause { ms } => self.spacing.pause(self.now + Duration::from_millis(*ms)),
            }
        }

        fn all(ceiling: f64, events: &[Event]) -> Self {
            let mut simulation = Simulation::new(ceiling);
            events.iter().for_each(|event| simulation.step(event));
            simulation
        }
    }

    fn most_in_a_second(left: &[Duration]) -> usize {
        most_within(SECOND, left)
    }

    fn most_within(time: Duration, left: &[Duration]) -> usize {
        left.iter()
            .map(|start| left.iter().filter(|at| *at >= start && **at < *start + time).count())
            .max()
            .unwrap_or(0)
    }

    proptest! {
        #[test]
        fn no_sliding_second_exceeds_the_ceiling(
            ceiling in prop_oneof![0.05f64..3.0, 3.0f64..200.0],
            events in prop::collection::vec(event(), 1..200),
        ) {
            let left = Simulation::all(ceiling, &events).left;
            prop_assert!(most_in_a_second(&left) <= ceiling.ceil() as usize);
        }

        #[test]
        fn no_sliding_minute_exceeds_a_rate_by_the_minute(
            a_minute in 1u32..200,
            events in prop::collection::vec(event(), 1..300),
        ) {
            let rate = Rate::parse(&format!("{a_minute}/min")).unwrap();
            let left = Simulation::all(rate.per_s(), &events).left;
            prop_assert!(most_within(SECOND * 60, &left) <= a_minute as usize);
        }

        #[test]
        fn timers_that_are_late_now_and_then_do_not_crowd_a_second(
            ceiling in 1u32..60,
            late_us in prop::collection::vec(prop_oneof![0u64..10, 4_000u64..7_000], 200),
        ) {
            let events: Vec<Event> = late_us.into_iter().map(|late_us| Event::Request { late_us }).collect();
            let left = Simulation::all(f64::from(ceiling), &events).left;
            prop_assert!(most_in_a_second(&left) <= ceiling as usize);
        }

        #[test]
        fn the_rate_stays_between_floor_and_ceiling(
            ceiling in 0.05f64..200.0,
            events in prop::collection::vec(event(), 1..200),
        ) {
            let mut simulation = Simulation::new(ceiling);
            for event in &events {
                simulation.step(event);
                let rate = simulation.spacing.rate.unwrap();
                prop_assert!(rate >= ceiling.min(RATE_FLOOR_PER_S) && rate <= ceiling, "{rate}");
            }
        }

        #[test]
        fn nothing_leaves_during_a_pause(
            ceiling in 0.05f64..200.0,
            before in prop::collection::vec(event(), 0..50),
            pause_ms in 1u64..60_000,
            after in prop::collection::vec(event(), 1..50),
        ) {
            let mut simulation = Simulation::all(ceiling, &before);
            let (left_before, end) = (simulation.left.len(), simulation.now + Duration::from_millis(pause_ms));
            simulation.step(&Event::Pause { ms: pause_ms });
            after.iter().for_each(|event| simulation.step(event));
            prop_assert!(simulation.left[left_before..].iter().all(|at| *at >= end));
        }
    }

    #[test]
    fn a_slot_that_came_during_a_late_wake_from_a_pause_is_taken_at_once() {
        let ms = Duration::from_millis;
        let mut spacing = Spacing::new(Some(10.0));
        spacing.take(ms(1000)).unwrap();
        spacing.pause(ms(1099));
        assert_eq!(spacing.take(ms(1001)), Err(ms(1099)));
        assert_eq!(spacing.take(ms(1102)), Ok(()));
        assert_eq!(spacing.take(ms(1103)), Err(ms(1201)));
    }

    #[test]
    fn late_timers_do_not_lower_the_rate() {
        for ceiling in [5.0, 10.0, 50.0, 200.0] {
            let requests = 2000;
            let left = Simulation::all(ceiling, &vec![Event::Request { late_us: 1_500 }; requests]).left;
            let took_s = (left[requests - 1] - left[0]).as_secs_f64();
            let share = took_s / (requests as f64 / ceiling);
            assert!(share <= 1.006, "{ceiling}/s took {share} of the time it had to");
        }
    }

    #[test]
    fn a_stated_window_becomes_the_rate_and_the_ceiling() {
        let mut spacing = Spacing::new(Some(10.0));
        spacing.lower(SECOND, SECOND, minute(60));
        assert_eq!(spacing.rate, Some(1.0));
        for _ in 0..10_000 {
            spacing.raise();
        }
        assert_eq!(spacing.rate, Some(1.0));
    }

    #[test]
    fn a_window_wider_than_the_rate_halves_it() {
        let mut spacing = Spacing::new(Some(10.0));
        spacing.lower(SECOND, SECOND, minute(6000));
        assert_eq!(spacing.rate, Some(5.0));
    }

    #[test]
    fn successes_raise_the_rate_slowly_up_to_the_ceiling() {
        let mut spacing = Spacing::new(Some(10.0));
        spacing.lower(SECOND, SECOND, None);
        assert_eq!(spacing.rate, Some(5.0));
        let raised = (0..1000).take_while(|_| {
            spacing.raise();
            spacing.rate < Some(10.0)
        });
        assert!((95..=105).contains(&raised.count()));
        spacing.raise();
        assert_eq!(spacing.rate, Some(10.0));
    }

    #[test]
    fn requests_in_flight_together_lower_the_rate_once() {
        let mut spacing = Spacing::new(Some(8.0));
        let at = |ms| Duration::from_millis(ms);
        for left_ms in [1000, 1100, 1200, 1300] {
            spacing.lower(at(left_ms), at(1500 + left_ms / 100), None);
        }
        assert_eq!(spacing.rate, Some(4.0));
        spacing.lower(at(2000), at(2100), None);
        assert_eq!(spacing.rate, Some(2.0));
    }

    #[test]
    fn endless_throttling_stops_at_the_floor() {
        let mut spacing = Spacing::new(Some(10.0));
        for second in 1..100 {
            spacing.lower(SECOND * second, SECOND * second, minute(1));
        }
        assert_eq!(spacing.rate, Some(RATE_FLOOR_PER_S));
    }

    #[test]
    fn with_the_limiter_off_only_pauses_and_stated_windows_delay_requests() {
        let mut spacing = Spacing::new(None);
        assert!((0..1000).all(|_| spacing.take(SECOND).is_ok()));
        spacing.lower(SECOND, SECOND, None);
        assert_eq!(spacing.rate, None);
        spacing.pause(SECOND * 3);
        assert_eq!(spacing.take(SECOND * 2), Err(SECOND * 3));
        spacing.lower(SECOND * 2, SECOND * 2, minute(120));
        assert_eq!(spacing.rate, Some(2.0));
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        let with = |rate, in_flight| RateSettings { rate_per_s: [(built_in("swr"), rate)].into(), in_flight };
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(with(bad, 4).check().unwrap_err().to_string().contains("rate.swr"), "{bad}");
        }
        assert!(with(1.0, 0).check().unwrap_err().to_string().contains("rate.in_flight"));
        for good in [0.0, 1e-300, 0.001, 2.5, 1e9] {
            with(good, 1).check().unwrap();
        }
        let mut slowest = Spacing::new(Some(1e-300));
        slowest.take(SECOND).unwrap();
        assert!(slowest.take(SECOND * 1_000_000).is_err());
    }

    #[tokio::test]
    async fn a_limiter_admits_its_maximum_at_a_time_and_the_next_when_one_leaves() {
        let settings = RateSettings { rate_per_s: [(built_in("swr"), 0.0)].into(), in_flight: 2 };
        let limits = RateLimits::new(settings, TestClock::shared()).unwrap();
        let limiter = limits.limiter(built_in("swr"), "r");
        let (first, _second) = (limiter.enter(|_, _| ()).await, limiter.enter(|_, _| ()).await);
        let mut third = Box::pin(limiter.enter(|_, _| ()));
        assert!(tokio::time::timeout(Duration::from_millis(1), &mut third).await.is_err());
        assert_eq!(limits.limiter(built_in("swr"), "other").in_flight.available_permits(), 2);
        drop(first);
        third.await;
    }

    #[tokio::test]
    async fn many_waiters_leave_a_limiter_evenly_spaced() {
        let settings = RateSettings { rate_per_s: [(built_in("swr"), 10.0)].into(), in_flight: 100 };
        let limits = Arc::new(RateLimits::new(settings, TestClock::shared()).unwrap());
        let tasks: Vec<_> = (0..40)
            .map(|_| {
                let limits = Arc::clone(&limits);
                tokio::spawn(async move { limits.limiter(built_in("swr"), "r").enter(|_, _| ()).await.at })
            })
            .collect();
        let mut left = Vec::new();
        for task in tasks {
            left.push(task.await.unwrap());
        }
        left.sort();
        assert!(most_in_a_second(&left) <= 10);
        assert!(left.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(95)));
    }
}

//! Whether a failed attempt is tried again, and after how long. Pure functions: the number of the attempt, the time
//! spent and the random number are passed in.

use std::time::Duration;

/// The longest wait that a service can ask for.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// Bounds on one call. `budget` covers attempts and back-off, but not the wait for a slot of the rate limiter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryLimits {
    /// Requests of one call, including the first; at least 1.
    pub attempts_max: u32,
    /// All attempts and back-off together end within this.
    pub budget: Duration,
    /// Upper end of the first back-off. It doubles with each further attempt.
    pub backoff_base: Duration,
    /// No back-off is longer.
    pub backoff_max: Duration,
}

impl Default for RetryLimits {
    fn default() -> Self {
        Self {
            attempts_max: 5,
            budget: Duration::from_secs(120),
            backoff_base: Duration::from_millis(500),
            backoff_max: Duration::from_secs(20),
        }
    }
}

/// How an attempt ended without a usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptOutcome {
    Status(u16),
    /// No connection (DNS, TCP or TLS), or one that broke before the answer began.
    Connection,
    /// No answer, or no more of it, within the time limit.
    Timeout,
    /// The answer was cut off.
    Cut,
    /// A 200 whose body could not be read.
    Unusable,
    /// A body over the size limit. Another attempt would get the same.
    TooLarge,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NextStep {
    RetryAfter(Duration),
    GiveUp(Reason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Another attempt cannot help.
    Final,
    AttemptsSpent,
    BudgetSpent,
}

/// A failed attempt, and what its call has used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailedAttempt {
    /// Counted from 1.
    pub attempt: u32,
    /// Time in attempts and back-off so far.
    pub spent: Duration,
    /// The wait that the service asked for, by header or message.
    pub asked: Option<Duration>,
    /// Uniform in 0..1.
    pub random: f64,
}

pub(crate) fn next_step(limits: &RetryLimits, outcome: AttemptOutcome, failed: &FailedAttempt) -> NextStep {
    if !worth_retrying(outcome) {
        return NextStep::GiveUp(Reason::Final);
    }
    if failed.attempt >= limits.attempts_max {
        return NextStep::GiveUp(Reason::AttemptsSpent);
    }
    let wait = match failed.asked {
        Some(asked) => asked.min(RETRY_AFTER_MAX),
        None => backoff(limits, failed.attempt, failed.random),
    };
    if failed.spent.saturating_add(wait) >= limits.budget {
        return NextStep::GiveUp(Reason::BudgetSpent);
    }
    NextStep::RetryAfter(wait)
}

fn worth_retrying(outcome: AttemptOutcome) -> bool {
    match outcome {
        AttemptOutcome::Status(status) => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
        AttemptOutcome::Connection | AttemptOutcome::Timeout | AttemptOutcome::Cut | AttemptOutcome::Unusable => true,
        AttemptOutcome::TooLarge => false,
    }
}

/// Full jitter: from zero to the capped exponential, so that callers that failed together do not retry together.
fn backoff(limits: &RetryLimits, attempt: u32, random: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(31);
    limits.backoff_base.saturating_mul(1 << doublings).min(limits.backoff_max).mul_f64(random.clamp(0.0, 1.0))
}

/// A limit as a service gives it: a number of requests per time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub(crate) requests: u32,
    pub(crate) per: Duration,
}

impl Window {
    /// Finds `limit:N,time:M second|minute` in the message of a 429.
    pub fn in_message(message: &str) -> Option<Window> {
        let message = message.to_ascii_lowercase();
        let (requests, _) = number_after(&message, "limit:")?;
        let (count, unit) = number_after(&message, "time:")?;
        let unit_s = match unit.trim_start() {
            unit if unit.starts_with("sec") => 1,
            unit if unit.starts_with("min") => 60,
            _ => return None,
        };
        let per = Duration::from_secs(u64::from(count) * unit_s);
        (requests > 0 && count > 0).then_some(Window { requests, per })
    }

    /// The steady rate that just stays within the limit, in requests a second.
    pub fn rate_per_s(self) -> f64 {
        f64::from(self.requests) / self.per.as_secs_f64()
    }
}

/// The number that follows the last `label`, and the rest of the text.
fn number_after<'a>(text: &'a str, label: &str) -> Option<(u32, &'a str)> {
    let rest = text[text.rfind(label)? + label.len()..].trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((rest[..end].parse().ok()?, &rest[end..]))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;

    use super::*;

    fn first(asked: Option<Duration>, random: f64) -> FailedAttempt {
        FailedAttempt { attempt: 1, spent: Duration::ZERO, asked, random }
    }

    fn name(step: NextStep) -> &'static str {
        match step {
            NextStep::RetryAfter(_) => "retry",
            NextStep::GiveUp(_) => "give up",
        }
    }

    /// Ranges of statuses with the same next step, one line each.
    fn policy() -> String {
        let judge = |outcome| name(next_step(&RetryLimits::default(), outcome, &first(None, 1.0)));
        let mut text = String::new();
        let mut start = 100;
        for status in 100..=599 {
            if status == 599 || judge(AttemptOutcome::Status(status + 1)) != judge(AttemptOutcome::Status(start)) {
                let range = if start == status { format!("{start}") } else { format!("{start}-{status}") };
                writeln!(text, "{range}: {}", judge(AttemptOutcome::Status(start))).unwrap();
                start = status + 1;
            }
        }
        for outcome in [
            AttemptOutcome::Connection,
            AttemptOutcome::Timeout,
            AttemptOutcome::Cut,
            AttemptOutcome::Unusable,
            AttemptOutcome::TooLarge,
        ] {
            writeln!(text, "{outcome:?}: {}", judge(outcome)).unwrap();
        }
        text
    }

    #[test]
    fn every_status_and_fault_has_its_next_step() {
        insta::assert_snapshot!(policy(), @r#"
        100-407: give up
        408: retry
        409-428: give up
        429: retry
        430-499: give up
        500: retry
        501: give up
        502-504: retry
        505-599: give up
        Connection: retry
        Timeout: retry
        Cut: retry
        Unusable: retry
        TooLarge: give up
        "#);
    }

    #[test]
    fn the_last_attempt_is_not_followed_by_another() {
        let failed = FailedAttempt { attempt: 5, ..first(None, 0.0) };
        let found = next_step(&RetryLimits::default(), AttemptOutcome::Status(503), &failed);
        assert_eq!(found, NextStep::GiveUp(Reason::AttemptsSpent));
    }

    #[test]
    fn a_wait_that_would_exceed_the_budget_is_not_started() {
        let failed = FailedAttempt { spent: Duration::from_secs(61), ..first(Some(Duration::from_secs(60)), 0.0) };
        let found = next_step(&RetryLimits::default(), AttemptOutcome::Status(429), &failed);
        assert_eq!(found, NextStep::GiveUp(Reason::BudgetSpent));
    }

    #[test]
    fn the_requested_wait_is_used_up_to_its_cap() {
        let wait = |asked_s| {
            let asked = Some(Duration::from_secs(asked_s));
            next_step(&RetryLimits::default(), AttemptOutcome::Status(429), &first(asked, 0.5))
        };
        assert_eq!(wait(7), NextStep::RetryAfter(Duration::from_secs(7)));
        assert_eq!(wait(86_400), NextStep::RetryAfter(RETRY_AFTER_MAX));
    }

    #[test]
    fn the_window_is_read_from_the_message() {
        let policy = "The throttling threshold has been reached: policy user over ratelimit";
        let cases = [
            (format!("{policy},limit:60,time:1 minute"), Some((60, 60))),
            (format!("{policy},limit:5,time:1 second"), Some((5, 1))),
            (format!("{policy}, limit: 200, time: 5 minutes"), Some((200, 300))),
            (format!("{policy},LIMIT:10,TIME:1 Seconds."), Some((10, 1))),
            (format!("{policy},limit:0,time:1 minute"), None),
            (format!("{policy},limit:10,time:1 fortnight"), None),
            (format!("{policy},limit:99999999999,time:1 minute"), None),
            (policy.to_owned(), None),
            (String::new(), None),
        ];
        for (message, expected) in cases {
            let expected = expected.map(|(requests, s)| Window { requests, per: Duration::from_secs(s) });
            assert_eq!(Window::in_message(&message), expected, "{message}");
        }
        assert_eq!(Window { requests: 60, per: Duration::from_secs(60) }.rate_per_s(), 1.0);
    }

    proptest! {
        #[test]
        fn a_call_ends_within_its_attempts_and_its_budget(
            attempts_max in 1u32..20,
            budget_s in 1u64..300,
            took_ms in 0u64..40_000,
            randoms in prop::collection::vec(0.0f64..1.0, 20),
            asked_s in prop::option::of(0u64..100_000),
        ) {
            let limits = RetryLimits { attempts_max, budget: Duration::from_secs(budget_s), ..RetryLimits::default() };
            let mut spent = Duration::ZERO;
            let mut attempt = 1;
            loop {
                // The time limit of an attempt is the rest of the budget.
                spent += Duration::from_millis(took_ms).min(limits.budget - spent);
                let asked = asked_s.map(Duration::from_secs);
                let failed = FailedAttempt { attempt, spent, asked, random: randoms[attempt as usize - 1] };
                match next_step(&limits, AttemptOutcome::Status(503), &failed) {
                    NextStep::RetryAfter(wait) => spent += wait,
                    NextStep::GiveUp(_) => break,
                }
                attempt += 1;
            }
            prop_assert!(attempt <= attempts_max);
            prop_assert!(spent <= limits.budget);
        }

        #[test]
        fn back_off_stays_under_its_cap(attempt in 1u32..1000, random in 0.0f64..=1.0) {
            let limits = RetryLimits::default();
            let wait = backoff(&limits, attempt, random);
            prop_assert!(wait <= limits.backoff_max);
            prop_assert!(wait <= limits.backoff_base.saturating_mul(1 << (attempt - 1).min(20)));
        }

        #[test]
        fn no_message_makes_the_reader_panic(message in ".{0,80}(limit:)?.{0,10}(time:)?.{0,10}") {
            let _ = Window::in_message(&message);
        }
    }
}

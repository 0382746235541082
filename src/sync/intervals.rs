//! Whether runs are frequent enough for lists that reach back only so far. It reads nothing itself.

use crate::base::time::in_words;
use crate::catalog::spec::Endpoint;

/// Warnings of lists whose records are lost between runs that are so far apart.
pub(super) fn lost_between_runs<'a>(
    endpoints: impl Iterator<Item = &'a Endpoint>,
    apart_us: i64,
) -> impl Iterator<Item = String> {
    endpoints.filter_map(move |endpoint| {
        let of_memory = endpoint.memory.as_ref().map(|memory| (memory.after, "its service forgets them"));
        let of_window = endpoint.window.as_ref().map(|window| (window.back, "its window reaches back no further"));
        let shortest = of_memory.into_iter().chain(of_window).min_by_key(|(days, _)| *days)?;
        let (days, why) = Some(shortest).filter(|(days, _)| days.micros() < apart_us)?;
        let apart = in_words(apart_us.unsigned_abs() / 1_000_000);
        Some(format!(
            "{}: records will be lost: the last two runs were {apart} apart, and {why} after {days}; run hclake more \
             often",
            endpoint.name
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::reach::{Days, Memory};
    use crate::sync::testing::child_of_apps;

    #[test]
    fn a_list_that_reaches_less_far_than_runs_are_apart_is_named() {
        let mut list = child_of_apps().get("apps").unwrap().clone();
        let day_us = Days(1).micros();
        let warnings = |list: &Endpoint, apart_us| lost_between_runs([list].into_iter(), apart_us).collect::<Vec<_>>();
        assert!(warnings(&list, 1000 * day_us).is_empty(), "it forgets nothing");
        list.memory = Some(Memory { of: "create_time".into(), after: Days(7) });
        assert!(warnings(&list, 7 * day_us).is_empty());
        assert_eq!(
            warnings(&list, 9 * day_us),
            [
                "apps: records will be lost: the last two runs were 9 days apart, and its service forgets them after 7d; \
              run hclake more often"
            ]
        );
    }
}

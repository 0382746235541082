//! Whether runs are frequent enough for lists that reach back only so far. It reads nothing itself.

use crate::base::time::in_words;
use crate::catalog::spec::Endpoint;

/// How far apart runs are.
#[derive(Clone, Copy)]
pub(super) struct Intervals {
    /// From the newest run until now.
    pub since_us: i64,
    /// Between the newest run and the one before, where there is one.
    pub apart_us: Option<i64>,
}

/// Warnings of lists whose records are lost between runs that are so far apart.
pub(super) fn lost_between_runs<'a>(
    endpoints: impl Iterator<Item = &'a Endpoint>,
    Intervals { since_us, apart_us }: Intervals,
) -> impl Iterator<Item = String> {
    endpoints.filter_map(move |endpoint| {
        let of_memory = endpoint.memory.as_ref().map(|memory| (memory.after, "its service forgets them"));
        let of_window = endpoint.window.as_ref().map(|window| (window.back, "its window reaches back no further"));
        let (days, why) = of_memory.into_iter().chain(of_window).min_by_key(|(days, _)| *days)?;
        let words = |us: i64| in_words(us.unsigned_abs() / 1_000_000);
        let fault = if since_us > days.micros() {
            format!("records may be lost already: the last run was {} ago", words(since_us))
        } else {
            let apart_us = apart_us.filter(|apart_us| *apart_us > days.micros())?;
            format!("records will be lost: the last two runs were {} apart", words(apart_us))
        };
        Some(format!("{}: {fault}, and {why} after {days}; run hclake more often", endpoint.name))
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
        let warnings = |list: &Endpoint, since: u32, apart: Option<u32>| {
            let intervals =
                Intervals { since_us: Days(since).micros(), apart_us: apart.map(|apart| Days(apart).micros()) };
            lost_between_runs([list].into_iter(), intervals).collect::<Vec<_>>()
        };
        assert!(warnings(&list, 1000, Some(1000)).is_empty(), "it forgets nothing");
        list.memory = Some(Memory { of: "create_time".into(), after: Days(7) });
        assert!(warnings(&list, 7, Some(7)).is_empty());
        assert!(warnings(&list, 7, None).is_empty());
        assert_eq!(
            warnings(&list, 1, Some(9)),
            [
                "apps: records will be lost: the last two runs were 9 days apart, and its service forgets them after 7d; \
              run hclake more often"
            ]
        );
        let already = "apps: records may be lost already: the last run was 16 days ago, and its service forgets them \
                       after 7d; run hclake more often";
        for apart in [None, Some(1), Some(20)] {
            assert_eq!(warnings(&list, 16, apart), [already]);
        }
    }
}

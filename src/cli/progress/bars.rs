//! Progress bars on a terminal: one for each list that is being read, and a line for the whole run. They show the run's
//! events, and move aside for every line that is written meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{IsTerminal, stderr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::base::clock::SharedClock;
use crate::catalog::spec::{Scope, Service};
use crate::cli::args::{Global, LogFormat};
use crate::cli::progress::lines::Lines;
use crate::cli::streams::set_bars;
use crate::cloud::limit::waiting::{WaitCause, Waiting};
use crate::config::Environment;
use crate::sweep::Progress;
use crate::sync::{Event, ListPlan, Observer};

/// How often a bar is drawn again when nothing happens.
const TICK: Duration = Duration::from_millis(200);
/// A shorter wait is not shown: it is the usual rate limit.
const WAIT_SHOWN_MIN: Duration = Duration::from_millis(500);
/// A longer wait is counted down.
const WAIT_COUNTED_MIN: Duration = Duration::from_secs(3);
const BAR_COLUMNS: usize = 20;
/// On a terminal narrower than [`WIDE_COLUMNS`].
const BAR_COLUMNS_MIN: usize = 8;
const WIDE_COLUMNS: usize = 100;
/// Characters of a project's id in a bar's name.
const PROJECT_CHARS: usize = 8;

/// Whether standard error is a terminal for bars, and no log lines are wanted there.
pub(crate) fn is_watched(global: &Global, environment: &Environment) -> bool {
    let wants_bars = !global.quiet && global.verbose == 0 && matches!(global.log_format, LogFormat::Text);
    wants_bars && stderr().is_terminal() && environment.text("TERM").is_some_and(|term| term != "dumb")
}

/// As <https://no-color.org> defines it.
pub(crate) fn is_coloured(environment: &Environment) -> bool {
    environment.text("NO_COLOR").is_none()
}

/// A reported wait, and when it ends on the monotonic clock.
#[derive(Clone, Copy)]
struct Held {
    until: Duration,
    wait: Duration,
    cause: WaitCause,
}

/// What a bar shows besides its length; read each time it is drawn.
#[derive(Clone, Copy, Default)]
struct Shown {
    progress: Option<Progress>,
    /// When the first page of this reading came, and with how many rows.
    begun: (Duration, u64),
    held: Option<Held>,
}

impl Shown {
    fn take(&mut self, progress: Progress, now: Duration) {
        if self.progress.is_none_or(|before| before.reading != progress.reading) {
            self.begun = (now, progress.rows);
        }
        self.progress = Some(progress);
    }

    /// Rows a second since the first page; `None` until there is a second page.
    fn rows_per_s(&self, now: Duration) -> Option<f64> {
        let (begun, rows) = self.begun;
        let since_s = now.saturating_sub(begun).as_secs_f64();
        let read = self.progress?.rows.saturating_sub(rows);
        (read > 0 && since_s > 0.0).then(|| read as f64 / since_s)
    }
}

struct ListBar {
    bar: ProgressBar,
    service: Service,
    region: String,
    shown: Arc<Mutex<Shown>>,
}

#[derive(Default)]
struct State {
    names: BTreeMap<(String, Scope), String>,
    name_width: usize,
    bars: BTreeMap<(String, Scope), ListBar>,
    lists: u64,
    done: u64,
    /// Of lists that are done.
    rows: u64,
}

/// One line for files that are written one after another.
pub(crate) struct FileBar {
    multi: MultiProgress,
    bar: ProgressBar,
}

impl FileBar {
    pub(crate) fn shown(is_coloured: bool) -> FileBar {
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let bar = multi.add(ProgressBar::new(0));
        bar.set_style(style("{spinner} publishing: {pos} of {len} files  {elapsed}  {wide_msg}", is_coloured));
        bar.enable_steady_tick(TICK);
        set_bars(Some(multi.clone()));
        FileBar { multi, bar }
    }

    pub(crate) fn at(&self, files_done: usize, files: usize, path: &str) {
        self.bar.set_length(files as u64);
        self.bar.set_position(files_done as u64);
        self.bar.set_message(path.to_owned());
    }
}

impl Drop for FileBar {
    fn drop(&mut self) {
        set_bars(None);
        self.bar.finish_and_clear();
        // A terminal that is gone needs no clearing.
        let _ = self.multi.clear();
    }
}

pub(crate) struct Bars {
    multi: MultiProgress,
    whole: ProgressBar,
    lines: Lines,
    clock: SharedClock,
    is_coloured: bool,
    state: Mutex<State>,
}

impl Bars {
    /// Puts bars on standard error. They stay until [`Bars::clear`].
    pub(crate) fn shown(clock: SharedClock, is_coloured: bool) -> Arc<Bars> {
        let multi = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let whole = multi.add(ProgressBar::new_spinner().with_style(style("{spinner} {msg}  {elapsed}", is_coloured)));
        whole.set_message("getting ready");
        whole.enable_steady_tick(TICK);
        set_bars(Some(multi.clone()));
        Arc::new(Bars { multi, whole, lines: Lines::new(false), clock, is_coloured, state: Mutex::default() })
    }

    /// Takes the bars off the terminal.
    pub(crate) fn clear(&self) {
        set_bars(None);
        // A terminal that is gone needs no clearing.
        let _ = self.multi.clear();
        // Tasks that are still ending must draw nothing.
        self.multi.set_draw_target(ProgressDrawTarget::hidden());
        locked(&self.state).bars.clear();
        self.whole.finish_and_clear();
    }

    fn list_style(&self, name_columns: usize, shown: Arc<Mutex<Shown>>) -> ProgressStyle {
        let bar_columns = if columns() < WIDE_COLUMNS { BAR_COLUMNS_MIN } else { BAR_COLUMNS };
        let before = name_columns + bar_columns + 2;
        let clock = Arc::clone(&self.clock);
        let label = move |_: &ProgressState, out: &mut dyn fmt::Write| {
            let text = label(&locked(&shown), clock.mono());
            // There is nowhere to report that a bar cannot be written.
            let _ = out.write_str(&fitted(&text, columns().saturating_sub(before + 1)));
        };
        style(&format!("{{prefix}} {{bar:{bar_columns}.cyan/dim}} {{label}}"), self.is_coloured)
            .with_key("label", label)
    }

    fn planned(&self, lists: &[ListPlan]) {
        let mut state = locked(&self.state);
        state.lists = lists.len() as u64;
        state.names = names(lists);
        state.name_width = state.names.values().map(|name| name.chars().count()).max().unwrap_or(0);
        drop(state);
        self.show_total();
    }

    fn started(&self, table: &str, scope: &Scope, service: Service) {
        let mut state = locked(&self.state);
        let key = (table.to_owned(), scope.clone());
        let name = state.names.get(&key).cloned().unwrap_or_else(|| table.to_owned());
        let shown = Arc::new(Mutex::new(Shown::default()));
        let bar = self.multi.add(ProgressBar::no_length());
        bar.set_style(self.list_style(state.name_width, Arc::clone(&shown)));
        bar.set_prefix(format!("{name:<width$}", width = state.name_width));
        bar.enable_steady_tick(TICK);
        state.bars.insert(key, ListBar { bar, service, region: scope.region.clone(), shown });
    }

    fn progressed(&self, table: &str, scope: &Scope, progress: Progress) {
        let state = locked(&self.state);
        let Some(list) = state.bars.get(&(table.to_owned(), scope.clone())) else { return };
        let now = self.clock.mono();
        locked(&list.shown).take(progress, now);
        if let Some(rows) = progress.rows_expected {
            list.bar.set_length(rows.max(progress.rows));
        }
        list.bar.set_position(progress.rows);
    }

    fn waiting(&self, waiting: &Waiting<'_>) {
        if waiting.wait < WAIT_SHOWN_MIN {
            return;
        }
        let held = Held { until: self.clock.mono() + waiting.wait, wait: waiting.wait, cause: waiting.cause };
        let state = locked(&self.state);
        for list in state.bars.values().filter(|l| l.service == waiting.service && l.region == waiting.region) {
            locked(&list.shown).held = Some(held);
        }
    }

    fn ended(&self, table: &str, scope: &Scope, rows: u64) {
        let mut state = locked(&self.state);
        state.done += 1;
        state.rows += rows;
        let ended = state.bars.remove(&(table.to_owned(), scope.clone()));
        drop(state);
        if let Some(list) = ended {
            list.bar.finish_and_clear();
            self.multi.remove(&list.bar);
        }
        self.show_total();
    }

    fn show_total(&self) {
        let state = locked(&self.state);
        self.whole.set_message(format!("{} of {} lists read, {} rows", state.done, state.lists, grouped(state.rows)));
    }
}

impl Observer for Bars {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Planned { lists, .. } => {
                self.lines.event(event);
                self.planned(lists);
            }
            Event::Started { table, scope, service } => self.started(table, scope, *service),
            Event::Progress { table, scope, progress } => self.progressed(table, scope, *progress),
            Event::Waiting(waiting) => self.waiting(waiting),
            Event::Swept { table, scope, rows, .. } => self.ended(table, scope, *rows),
            Event::Failed { table, scope, .. } => {
                self.ended(table, scope, 0);
                self.lines.event(event);
            }
            Event::Warning(_) => self.lines.event(event),
            Event::Storing => self.whole.set_message("storing"),
        }
    }
}

/// The name of each list's bar: its table, and the parts of its scope that differ between lists.
fn names(lists: &[ListPlan]) -> BTreeMap<(String, Scope), String> {
    let regions: BTreeSet<&str> = lists.iter().map(|list| list.scope.region.as_str()).collect();
    let name = |list: &ListPlan| {
        let ListPlan { endpoint, scope, .. } = list;
        let is_like = |other: &&ListPlan| other.endpoint.name == endpoint.name && other.scope.region == scope.region;
        let projects: BTreeSet<&str> = lists.iter().filter(is_like).map(|l| l.scope.project.as_str()).collect();
        let region = (regions.len() > 1).then(|| scope.region.clone());
        let project = (projects.len() > 1).then(|| scope.project.chars().take(PROJECT_CHARS).collect());
        let parts = [Some(endpoint.name.clone()), region, project, scope.fixed.clone()];
        parts.into_iter().flatten().collect::<Vec<String>>().join(" ")
    };
    lists.iter().map(|list| ((list.endpoint.name.clone(), list.scope.clone()), name(list))).collect()
}

fn style(template: &str, is_coloured: bool) -> ProgressStyle {
    let template = if is_coloured { template.to_owned() } else { without_colours(template) };
    ProgressStyle::with_template(&template).expect("the templates of this file are sound").progress_chars("━╸─")
}

/// Columns of the terminal that standard error is.
fn columns() -> usize {
    terminal_size::terminal_size_of(stderr()).map_or(80, |(width, _)| usize::from(width.0))
}

/// `{bar:20.cyan/dim}` as `{bar:20}`.
fn without_colours(template: &str) -> String {
    let mut is_style = false;
    let is_kept = |c: &char| {
        is_style = (is_style || *c == '.') && *c != '}';
        !is_style
    };
    template.chars().filter(is_kept).collect()
}

/// Pages, parents or days read of all, then the speed or the reason of a wait, then the time left.
fn label(shown: &Shown, now: Duration) -> String {
    let Some(progress) = shown.progress else {
        return waits(shown, now).unwrap_or_else(|| "asking for the first page".to_owned());
    };
    let again = if progress.reading > 1 { "again: " } else { "" };
    let unit = progress.unit.name();
    let read = match progress.expected {
        Some(expected) => format!("{again}{}/{} {unit}", progress.done, expected.max(progress.done)),
        None => format!("{again}{} {unit}", progress.done),
    };
    let rows_per_s = shown.rows_per_s(now);
    let speed = rows_per_s.map(|rate| format!("{} rows/s", grouped(rate.round() as u64)));
    let rows_left = progress.rows_expected.map_or(0, |expected| expected.saturating_sub(progress.rows));
    let left = rows_per_s.map(|rate| Duration::from_secs((rows_left as f64 / rate) as u64));
    let left = left.filter(|left| !left.is_zero()).map(|left| format!("{} left", clock_face(left)));
    [Some(read), waits(shown, now).or(speed), left].into_iter().flatten().collect::<Vec<_>>().join("  ")
}

/// As much of a text as fits.
fn fitted(text: &str, columns: usize) -> String {
    match text.chars().count() <= columns {
        true => text.to_owned(),
        false => text.chars().take(columns.saturating_sub(1)).chain(['…']).take(columns).collect(),
    }
}

fn waits(shown: &Shown, now: Duration) -> Option<String> {
    let held = shown.held.filter(|held| held.until > now)?;
    let left_s = (held.until - now).as_secs_f64().ceil();
    let counted = if held.wait >= WAIT_COUNTED_MIN { format!(", {left_s} s") } else { String::new() };
    Some(match held.cause {
        WaitCause::RateLimit => format!("waiting for the set rate{counted}"),
        WaitCause::Throttled => format!("slowed down by the service{counted}"),
        WaitCause::Retry => format!("trying again{counted}"),
    })
}

/// `1:05`, `12:00:03`.
fn clock_face(left: Duration) -> String {
    let s = left.as_secs();
    match s / 3600 {
        0 => format!("{}:{:02}", s / 60, s % 60),
        hours => format!("{hours}:{:02}:{:02}", s % 3600 / 60, s % 60),
    }
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let is_gap = |at: usize| at > 0 && (digits.len() - at).is_multiple_of(3);
    digits.chars().enumerate().flat_map(|(at, c)| is_gap(at).then_some(',').into_iter().chain([c])).collect()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::sweep::ProgressUnit;

    /// At 100 s, after 4 s in which all rows but those of the first page came.
    fn shown(progress: Option<Progress>, held: Option<Held>) -> String {
        label(&Shown { progress, held, begun: (Duration::from_secs(96), 99) }, Duration::from_secs(100))
    }

    fn at_page(pages: u64) -> Option<Progress> {
        let of_pages = Progress::of_parts(ProgressUnit::Pages, pages, 46, pages * 99);
        Some(Progress { rows_expected: Some(4554), ..of_pages })
    }

    fn held(wait_ms: u64, until_ms: u64, cause: WaitCause) -> Option<Held> {
        Some(Held { until: Duration::from_millis(until_ms), wait: Duration::from_millis(wait_ms), cause })
    }

    #[test]
    fn a_bar_shows_pages_speed_and_time_left() {
        assert_eq!(shown(None, None), "asking for the first page");
        assert_eq!(shown(at_page(1), None), "1/46 pages");
        assert_eq!(shown(at_page(12), None), "12/46 pages  272 rows/s  0:12 left");
        let again = at_page(3).map(|progress| Progress { reading: 2, ..progress });
        assert_eq!(shown(again, None), "again: 3/46 pages  50 rows/s  1:26 left");
        let over = at_page(47).map(|progress| Progress { rows: 4554, ..progress });
        assert_eq!(shown(over, None), "47/47 pages  1,114 rows/s");
        let parents = Progress::of_parts(ProgressUnit::Parents, 40, 2_000, 339);
        assert_eq!(shown(Some(parents), None), "40/2000 parents  60 rows/s");
    }

    #[test]
    fn a_reading_that_starts_again_is_timed_again() {
        let mut shown = Shown::default();
        let page = |reading, pages| at_page(pages).map(|progress| Progress { reading, ..progress }).unwrap();
        shown.take(page(1, 1), Duration::from_secs(1));
        shown.take(page(1, 3), Duration::from_secs(3));
        assert_eq!(shown.rows_per_s(Duration::from_secs(3)), Some(99.0));
        shown.take(page(2, 1), Duration::from_secs(9));
        assert_eq!(shown.rows_per_s(Duration::from_secs(9)), None);
    }

    #[test]
    fn a_wait_is_shown_with_its_cause_until_it_ends() {
        let text = |held| shown(at_page(12), held);
        assert_eq!(text(held(900, 100_500, WaitCause::RateLimit)), "12/46 pages  waiting for the set rate  0:12 left");
        assert_eq!(
            text(held(60_000, 158_200, WaitCause::Throttled)),
            "12/46 pages  slowed down by the service, 59 s  0:12 left"
        );
        assert_eq!(text(held(60_000, 100_000, WaitCause::Throttled)), "12/46 pages  272 rows/s  0:12 left");
        assert_eq!(shown(None, held(4000, 103_000, WaitCause::Retry)), "trying again, 3 s");
    }

    #[test]
    fn a_text_is_cut_to_what_fits() {
        assert_eq!(["12/46 pages", "12/46 p…", "…", ""], [11, 8, 1, 0].map(|columns| fitted("12/46 pages", columns)));
    }

    #[test]
    fn numbers_and_times_are_easy_to_read() {
        assert_eq!([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(clock_face(Duration::from_secs(3605)), "1:00:05");
    }

    #[test]
    fn without_colours_a_template_keeps_its_widths() {
        assert_eq!(without_colours("{prefix} {bar:20.cyan/dim} {label}"), "{prefix} {bar:20} {label}");
    }

    #[test]
    fn a_bars_name_holds_only_what_differs_between_lists() {
        let catalog = Catalog::builtin().unwrap();
        let list = |table: &str, region: &str, project: &str, fixed: Option<&str>| ListPlan {
            profile: None,
            fault: None,
            endpoint: Arc::new(catalog.get(table).unwrap().clone()),
            scope: Scope { region: region.into(), project: project.into(), fixed: fixed.map(str::to_owned) },
            iam_project: None,
        };
        let label = |lists: &[ListPlan]| names(lists).into_values().collect::<Vec<_>>();
        let one = [list("apps", "r1", "p1", None), list("image_jobs", "r1", "p1", Some("X"))];
        assert_eq!(label(&one), ["apps", "image_jobs X"]);
        let two = [list("apps", "r1", "0123456789", None), list("apps", "r1", "9876543210", None)];
        assert_eq!(label(&two), ["apps 01234567", "apps 98765432"]);
        let regions = [list("apps", "r1", "p1", None), list("apps", "r2", "p1", None)];
        assert_eq!(label(&regions), ["apps r1", "apps r2"]);
    }
}

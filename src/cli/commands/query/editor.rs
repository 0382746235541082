//! Where statements come from: the line editor on a terminal, or plain lines. It knows when a text is complete, and
//! nothing of what it asks.

use std::borrow::Cow;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, BufRead, IsTerminal, stderr, stdin, stdout};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use reedline::{
    ColumnarMenu, Completer, CompletionResult, Emacs, FileBackedHistory, History, KeyCode, KeyModifiers, MenuBuilder,
    Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, Signal, Span, Suggestion,
    ValidationResult, Validator, default_emacs_keybindings,
};

use super::complete::complete;
use super::dot;
use super::highlight::SqlColours;
use super::names::Names;
use super::sql;
use super::terminal::Watch;
use crate::base::exit::Exit;
use crate::cli::message::Failure;
use crate::cli::progress::runtime::Heard;
use crate::cli::progress::watch::Listener;
use crate::cli::streams;
use crate::config::Environment;

const PROMPT: &str = "hclake> ";
/// Before the lines that continue a statement.
const PROMPT_MORE: &str = "   ...> ";
const MENU: &str = "completion_menu";
/// Statements that the history keeps.
const HISTORY_MAX: usize = 1_000;

/// What was typed or read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// One line or several.
    Text(String),
    /// The same, after Ctrl-C: what came before it is dropped.
    Restarted(String),
    End,
}

pub(super) enum Input {
    Editor(Box<Editor>),
    /// Lines of standard input. A person at a simple terminal gets a prompt.
    Lines {
        has_prompt: bool,
    },
}

impl Input {
    /// The line editor where a person can use one.
    pub(super) fn of_process(environment: &Environment) -> Input {
        let is_dumb = environment.text("TERM").is_none_or(|term| term == "dumb");
        match stdin().is_terminal() {
            true if !is_dumb && stdout().is_terminal() && stderr().is_terminal() => {
                Input::Editor(Box::new(Editor::new(environment)))
            }
            has_prompt => Input::Lines { has_prompt },
        }
    }

    /// Whether a person sits there.
    pub(super) fn is_interactive(&self) -> bool {
        matches!(self, Input::Editor(_) | Input::Lines { has_prompt: true })
    }

    /// Completion offers these names from now on.
    pub(super) fn offer(&mut self, names: Names) {
        if let Input::Editor(editor) = self {
            *editor.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
        }
    }

    /// The next text. A process that is ended while it waits removes the folder `spill`.
    pub(super) fn read(
        &mut self,
        listener: &mut Listener,
        spill: Option<&Path>,
        goes_on: bool,
    ) -> Result<Typed, Failure> {
        match self {
            Input::Editor(editor) => {
                editor.watch.get_or_insert_with(|| Watch::begin(spill)).spill(spill);
                editor.read(listener)
            }
            Input::Lines { has_prompt } => read_line(listener, spill, *has_prompt, goes_on),
        }
    }
}

fn read_line(listener: &mut Listener, spill: Option<&Path>, has_prompt: bool, goes_on: bool) -> Result<Typed, Failure> {
    if has_prompt {
        streams::prompt(if goes_on { PROMPT_MORE } else { PROMPT });
    }
    let is_restarted = AtomicBool::new(false);
    let heard = |heard| {
        if heard == Heard::End || !has_prompt {
            // The read that waits cannot be ended otherwise.
            let _ = spill.map(fs::remove_dir_all);
            process::exit(Exit::Interrupted.code().into());
        }
        // The terminal has dropped the line that was begun.
        is_restarted.store(true, Ordering::Relaxed);
        streams::prompt(&format!("\n{PROMPT}"));
    };
    let mut line = String::new();
    let bytes = listener.wait(heard, || stdin().lock().read_line(&mut line))?;
    Ok(match bytes {
        0 => Typed::End,
        _ if is_restarted.into_inner() => Typed::Restarted(line),
        _ => Typed::Text(line),
    })
}

pub(super) struct Editor {
    reedline: Reedline,
    /// From the first read on.
    watch: Option<Watch>,
    /// Ends a wait for keys.
    must_break: Arc<AtomicBool>,
    names: Arc<Mutex<Names>>,
}

impl Editor {
    fn new(environment: &Environment) -> Editor {
        let must_break = Arc::new(AtomicBool::new(false));
        let names = Arc::new(Mutex::new(Names::default()));
        let mut keys = default_emacs_keybindings();
        let complete = vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext];
        keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, ReedlineEvent::UntilFound(complete));
        let has_colours = environment.text("NO_COLOR").is_none();
        let menu = ColumnarMenu::default().with_name(MENU).with_marker("> ");
        let mut reedline = Reedline::create()
            .with_ansi_colors(has_colours)
            .with_break_signal(must_break.clone())
            .with_completer(Box::new(Completion(names.clone())))
            .with_edit_mode(Box::new(Emacs::new(keys)))
            .with_history(history(environment))
            .with_history_exclusion_prefix(Some(" ".to_owned()))
            .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
            .with_partial_completions(true)
            .with_quick_completions(true)
            .with_validator(Box::new(Completeness));
        if has_colours {
            reedline = reedline.with_highlighter(Box::new(SqlColours));
        }
        Editor { reedline, watch: None, must_break, names }
    }

    fn read(&mut self, listener: &mut Listener) -> Result<Typed, Failure> {
        let Editor { reedline, must_break, .. } = self;
        let heard = |heard| {
            must_break.fetch_or(heard == Heard::End, Ordering::Relaxed);
        };
        let signal = listener.wait(heard, || reedline.read_line(&Questions));
        match signal {
            Ok(Signal::Success(text)) => {
                // A history that cannot be written is no reason to stop.
                let _ = reedline.sync_history();
                Ok(Typed::Text(text))
            }
            Ok(Signal::CtrlC) => Ok(Typed::Restarted(String::new())),
            Ok(_) => Ok(Typed::End),
            // The terminal has gone.
            Err(_) if listener.must_end() => Ok(Typed::End),
            Err(error) => Err(Failure::failed(format!("the terminal could not be read: {error}"))),
        }
    }
}

/// What earlier sessions typed, where a file can be had.
fn history(environment: &Environment) -> Box<dyn History> {
    let file = environment.state_folder().map(|folder| folder.join("hclake/history"));
    let kept = file.and_then(|file| private_file(&file).and_then(|()| history_in(file)).ok());
    Box::new(kept.unwrap_or_default())
}

fn history_in(file: PathBuf) -> io::Result<FileBackedHistory> {
    FileBackedHistory::with_file(HISTORY_MAX, file).map_err(io::Error::other)
}

/// Makes the file where there is none. Statements may hold what only their author should read.
fn private_file(file: &Path) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let open = OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    open.set_permissions(Permissions::from_mode(0o600))
}

struct Questions;

impl Prompt for Questions {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        PROMPT.trim_end_matches("> ").into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        "> ".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        PROMPT_MORE.into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        format!("(history: {}) ", search.term).into()
    }
}

struct Completeness;

impl Validator for Completeness {
    fn validate(&self, text: &str) -> ValidationResult {
        match dot::is_command(text) || sql::is_complete(text) {
            true => ValidationResult::Complete,
            false => ValidationResult::Incomplete,
        }
    }
}

struct Completion(Arc<Mutex<Names>>);

impl Completer for Completion {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        let (before, after) = line.split_at_checked(pos).unwrap_or((line, ""));
        let names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, found) = complete(before, after, &names);
        let suggestion = |candidate: super::complete::Candidate| Suggestion {
            value: candidate.text,
            description: Some(candidate.about).filter(|about| !about.is_empty()),
            span: Span::new(start, before.len()),
            ..Suggestion::default()
        };
        CompletionResult::fresh(found.into_iter().map(suggestion).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use reedline::{HistoryItem, SearchDirection, SearchQuery};

    use super::*;

    fn environment(state: &Path) -> Environment {
        Environment::of(&[("XDG_STATE_HOME", state.to_str().unwrap())])
    }

    fn kept(history: &dyn History) -> Vec<String> {
        let all = history.search(SearchQuery::everything(SearchDirection::Forward, None)).unwrap();
        all.into_iter().map(|item| item.command_line).collect()
    }

    #[test]
    fn the_history_is_a_private_file_in_a_folder_that_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("not/there");
        let mut first = history(&environment(&state));
        first.save(HistoryItem::from_command_line("SELECT 1\n;")).unwrap();
        drop(first);
        let file = state.join("hclake/history");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(state.join("hclake")).unwrap().permissions().mode() & 0o777, 0o700);
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(kept(history(&environment(&state)).as_ref()), ["SELECT 1\n;"]);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_history_keeps_the_last_thousand_statements() {
        let folder = tempfile::tempdir().unwrap();
        let mut long = history(&environment(folder.path()));
        for n in 0..HISTORY_MAX + 5 {
            long.save(HistoryItem::from_command_line(format!("SELECT {n};"))).unwrap();
        }
        drop(long);
        let lines = fs::read_to_string(folder.path().join("hclake/history")).unwrap();
        assert_eq!(lines.lines().count(), HISTORY_MAX);
        assert!(lines.ends_with("SELECT 1004;\n"));
    }

    #[test]
    fn without_a_folder_for_it_the_history_is_in_memory() {
        for environment in [Environment::of(&[]), environment(Path::new("/proc/none"))] {
            let mut history = history(&environment);
            history.save(HistoryItem::from_command_line("SELECT 1;")).unwrap();
            assert_eq!(kept(history.as_ref()), ["SELECT 1;"]);
        }
    }

    #[test]
    fn enter_runs_what_is_complete_and_continues_what_is_not() {
        let is_complete = |text: &str| matches!(Completeness.validate(text), ValidationResult::Complete);
        assert!(is_complete("SELECT 1;") && is_complete(".tables") && is_complete("exit") && is_complete(""));
        assert!(!is_complete("SELECT 1") && !is_complete("SELECT ';'"));
    }

    #[test]
    fn suggestions_replace_the_word_at_the_cursor() {
        use super::super::names::RelationKind;
        let names = Names::of(&[("apps", RelationKind::Table, &["id"])]);
        let mut completion = Completion(Arc::new(Mutex::new(names)));
        let result = completion.complete("FROM ap WHERE", 7);
        let [only] = result.suggestions() else { panic!("{result:?}") };
        assert_eq!((only.value.as_str(), only.span), ("apps", Span::new(5, 7)));
        assert_eq!(only.description.as_deref(), Some("table"));
    }
}

//! Shows how far a publishing has come.

use crate::cli::progress::bars::FileBar;
use crate::publish::Step;

pub(crate) fn show_step(bar: Option<&FileBar>, step: Step<'_>) {
    if let Some(bar) = bar {
        bar.at(step.files_done, step.files, step.path);
    }
}

//! Notices that the terminal is gone, and ends the process then: the line editor would wait for its keys for ever. It knows
//! nothing of lines.

use std::fs;
use std::io::stdin;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::base::exit::Exit;

/// The longest wait for it.
const LOOK: Duration = Duration::from_secs(1);

/// Looks at the terminal from time to time.
pub(super) struct Watch {
    /// The folder to remove when the process ends.
    spill: Arc<Mutex<Option<PathBuf>>>,
}

impl Watch {
    /// Begins to look. `folder` is removed when the process ends.
    pub(super) fn begin(folder: Option<&Path>) -> Watch {
        let spill = Arc::new(Mutex::new(folder.map(Path::to_owned)));
        let held = Arc::clone(&spill);
        thread::spawn(move || {
            while !is_gone_within(LOOK) {}
            let folder = held.lock().unwrap_or_else(PoisonError::into_inner).take();
            let _ = folder.map(fs::remove_dir_all);
            process::exit(Exit::Interrupted.code().into());
        });
        Watch { spill }
    }

    /// The folder that is removed from now on.
    pub(super) fn spill(&self, folder: Option<&Path>) {
        *self.spill.lock().unwrap_or_else(PoisonError::into_inner) = folder.map(Path::to_owned);
    }
}

/// Whether nobody is at the other end of standard input, now or before the time is up.
fn is_gone_within(time: Duration) -> bool {
    let input = stdin();
    let mut looked_at = [PollFd::new(&input, PollFlags::empty())];
    let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: 0 };
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    poll(&mut looked_at, Some(&time)).is_ok() && looked_at[0].revents().intersects(gone)
}

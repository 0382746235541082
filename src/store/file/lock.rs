//! One run at a time: a lock file beside the store, locked by the operating system, that names its holder.
//! It knows nothing of DuckDB.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::holder::Holder;
use crate::store::error::Error;

/// Pause between two tries at a lock that another run holds.
const POLL: Duration = Duration::from_millis(100);
/// Longest text that is read from a lock file.
const HOLDER_BYTES_MAX: u64 = 4096;

/// The lock; dropping it releases it. The file is emptied and stays: removing it would race with a run that has
/// opened it and is about to lock it.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, or waits for it no longer than `timeout`. A file that no process has locked is taken over,
    /// whatever is in it.
    pub(crate) fn take(path: &Path, holder: &Holder, timeout: Duration, wait: fn(Duration)) -> Result<Lock, Error> {
        let mut file = open(path)?;
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => {
                    return Err(Error::Io { action: "lock", path: path.to_owned(), source });
                }
                Err(TryLockError::WouldBlock) if waited >= timeout => {
                    return Err(Error::Busy { path: path.to_owned(), holder: read_holder(&mut file) });
                }
                Err(TryLockError::WouldBlock) => {
                    let pause = POLL.min(timeout - waited);
                    wait(pause);
                    waited += pause;
                }
            }
        }
        let text = serde_json::to_string(holder).expect("a holder is plain texts and a number");
        let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
        written.map_err(Error::io("write", path))?;
        Ok(Lock { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A name left in the file would mislead. Only the system knows whether a run holds the lock.
        let _ = self.file.set_len(0);
    }
}

fn open(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| {
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
        if path.exists() {
            Error::Io { action: "open", path: path.to_owned(), source }
        } else {
            Error::FolderNotWritable { folder, source }
        }
    })
}

pub(crate) fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(HOLDER_BYTES_MAX).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use std::fs;

    use super::*;
    use crate::base::clock::Timestamp;

    fn holder(pid: u32) -> Holder {
        Holder { pid, host: "night-host".into(), started_at: Timestamp(0).to_string() }
    }

    thread_local! {
        static WAITED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
        static KEPT: Cell<Option<Lock>> = const { Cell::new(None) };
    }

    #[test]
    fn the_second_waits_no_longer_than_it_may_and_names_the_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        let _first = Lock::take(&path, &holder(7), Duration::ZERO, |_| panic!("no wait")).unwrap();
        let timeout = Duration::from_millis(250);
        let error = Lock::take(&path, &holder(8), timeout, |pause| WAITED.set(WAITED.get() + pause)).unwrap_err();
        assert!(matches!(&error, Error::Busy { holder: Some(who), .. } if *who == holder(7)), "{error}");
        assert!(error.to_string().contains("process 7 on night-host"), "{error}");
        assert_eq!(WAITED.get(), timeout);
    }

    #[test]
    fn a_lock_that_is_released_while_another_run_waits_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        KEPT.set(Some(Lock::take(&path, &holder(7), Duration::ZERO, |_| ()).unwrap()));
        Lock::take(&path, &holder(8), Duration::from_secs(9), |_| drop(KEPT.take())).unwrap();
    }

    #[test]
    fn a_lock_file_that_nobody_holds_is_taken_over_whatever_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        fs::write(&path, "left by a machine that lost its power").unwrap();
        let lock = Lock::take(&path, &holder(9), Duration::ZERO, |_| ()).unwrap();
        assert_eq!(serde_json::from_str::<Holder>(&fs::read_to_string(&path).unwrap()).unwrap(), holder(9));
        drop(lock);
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }
}

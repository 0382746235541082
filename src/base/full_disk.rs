//! Whether there is no room to write. It knows nothing of what was to be written.

use std::io::{self, ErrorKind};

/// Whether a disk, a quota or a file takes no more.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

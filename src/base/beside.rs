//! The path of what stands beside a file and is named after it. It touches no file.

use std::path::{Path, PathBuf};

/// The path with `ending` behind its name: `hclake.duckdb.archive`.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut named = path.to_owned().into_os_string();
    named.push(ending);
    named.into()
}

//! Opens what is a file. Opening a pipe would wait until another program writes to it, and reading a device may never end.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Opens a file to read it. Errors: [`ErrorKind::InvalidInput`] for a folder, a pipe, a socket or a device, and those of
/// the file system.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    match fs::metadata(path)?.is_file() {
        true => File::open(path),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it is not a file")),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_file_is_opened_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let (file, socket) = (folder.path().join("file"), folder.path().join("socket"));
        fs::write(&file, "text").unwrap();
        let _listener = UnixListener::bind(&socket).unwrap();
        assert_eq!(io::read_to_string(open(&file).unwrap()).unwrap(), "text");
        let kind = |path: &Path| open(path).unwrap_err().kind();
        assert_eq!([kind(folder.path()), kind(&socket)], [ErrorKind::InvalidInput; 2]);
        assert_eq!(kind(&folder.path().join("nothing")), ErrorKind::NotFound);
    }
}

//! The objects of a lake for plain functions: whole files, uploads that end as a whole, and the engine that reads Delta
//! logs. It knows nothing of tables.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use delta_kernel_default_engine::executor::tokio::TokioMultiThreadExecutor;
use delta_kernel_default_engine::{DefaultEngine, DefaultEngineBuilder};
use object_store::path::Path;
use object_store::{Error as ObjectError, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, WriteMultipart};
use tokio::runtime::{Builder, Runtime};
use url::Url;

use super::error::Error;
use super::synced_files::SyncedFiles;
use crate::publish::bucket::{BucketFault, one_of_many_creates};
use crate::publish::{self, Site};

pub(super) type Engine = DefaultEngine<TokioMultiThreadExecutor>;

/// Folder of objects that are tried and removed.
const PROBES: &str = "_exporters";
/// Threads that wait for answers. Few requests run at a time.
const THREADS: usize = 2;
/// Bytes of an upload that are sent in one piece; buckets want at least 5 MiB.
const PIECE_BYTES: usize = 8 << 20;
/// Pieces on their way before the writer waits.
const PIECES_MAX: usize = 2;

/// A folder or a bucket's prefix that holds Delta tables.
#[derive(Clone)]
pub(crate) struct Lake {
    /// As people write it.
    name: String,
    /// With a slash at its end.
    url: Url,
    /// The same as a name of objects.
    root: Path,
    objects: Arc<dyn ObjectStore>,
    runtime: Arc<Runtime>,
    engine: Arc<Engine>,
    is_bucket: bool,
    /// One program alone writes here, and the service need not keep others away.
    has_one_writer: bool,
}

impl Lake {
    /// A folder, or the objects of a bucket below a prefix. Nothing is asked of a bucket yet.
    pub(crate) fn at(site: &Site) -> Result<Lake, publish::Error> {
        match site {
            Site::Folder(folder) => Lake::in_folder(folder),
            Site::Bucket(bucket) => {
                let url = Url::parse(&format!("{}/", bucket.name().trim_end_matches('/')));
                let url = url.expect("the place of a bucket is a URL");
                Lake::open(bucket.name(), url, bucket.prefix().clone(), Arc::clone(bucket.store()))
            }
        }
    }

    /// The same, without making a folder: `None` if there is none.
    pub(super) fn find(site: &Site) -> Result<Option<Lake>, publish::Error> {
        let is_missing = matches!(site, Site::Folder(folder) if !folder.is_dir());
        (!is_missing).then(|| Lake::at(site)).transpose()
    }

    /// A folder; it is made if the folder above it is there.
    pub(crate) fn in_folder(folder: &FilePath) -> Result<Lake, publish::Error> {
        match fs::create_dir(folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
            Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotADirectory) => {
                return Err(publish::Error::NotAFolder { path: folder.to_owned() });
            }
            made => made.map_err(publish::Error::io("make", folder))?,
        }
        let whole = folder.canonicalize().map_err(publish::Error::io("read", folder))?;
        let url = Url::from_directory_path(&whole).expect("a whole path of a folder is a URL");
        let root = Path::from_url_path(url.path()).expect("the URL of a folder is a path");
        Lake::open(folder.display().to_string(), url, root, Arc::new(SyncedFiles::below(&whole)))
    }

    /// The objects below a URL, whose path is part of their names.
    fn open(name: String, url: Url, root: Path, objects: Arc<dyn ObjectStore>) -> Result<Lake, publish::Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_all()
            .build()
            .map_err(|source| Error::Runtime { source })?;
        let executor = Arc::new(TokioMultiThreadExecutor::new(runtime.handle().clone()));
        let engine = DefaultEngineBuilder::new(Arc::clone(&objects)).with_task_executor(executor).build();
        let is_bucket = url.scheme() != "file";
        let (runtime, engine) = (Arc::new(runtime), Arc::new(engine));
        Ok(Lake { name, url, root, objects, runtime, engine, is_bucket, has_one_writer: false })
    }

    /// A folder of it, in which one program alone writes.
    pub(super) fn of_one_writer(&self, folder: &str) -> Lake {
        Lake {
            name: self.place(folder),
            url: self.folder_url(folder),
            root: self.path(folder),
            objects: Arc::clone(&self.objects),
            runtime: Arc::clone(&self.runtime),
            engine: Arc::clone(&self.engine),
            is_bucket: self.is_bucket,
            has_one_writer: true,
        }
    }

    pub(super) fn has_one_writer(&self) -> bool {
        self.has_one_writer
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The URL of a folder, with a slash at its end.
    pub(super) fn folder_url(&self, folder: &str) -> Url {
        self.url.join(&format!("{folder}/")).expect("names of tables are parts of a URL")
    }

    /// A file or folder as people write it; the lake itself where the path is empty.
    pub(crate) fn place(&self, path: &str) -> String {
        let whole = format!("{}/{path}", self.name.trim_end_matches('/'));
        if path.is_empty() { self.name.clone() } else { whole }
    }

    /// A folder as other programs find it: a whole path, or a URL.
    pub(super) fn address(&self, path: &str) -> String {
        let url = self.folder_url(path);
        let address = url.to_file_path().map_or_else(|()| url.to_string(), |path| path.display().to_string());
        address.trim_end_matches('/').to_owned()
    }

    /// Where a file lies on this machine's disk, if it does.
    pub(super) fn on_disk(&self, path: &str) -> Option<PathBuf> {
        self.url.join(path).ok()?.to_file_path().ok()
    }

    fn path(&self, path: &str) -> Path {
        let parts = path.split('/').filter(|part| !part.is_empty());
        parts.fold(self.root.clone(), |path, part| path.join(part))
    }

    fn fault(&self, action: &'static str, path: &str) -> impl FnOnce(ObjectError) -> Error {
        let place = self.place(path);
        move |source| Error::Objects { action, place, source }
    }

    /// The contents of a file; `None` if there is none.
    pub(super) fn read(&self, path: &str) -> Result<Option<Bytes>, Error> {
        let read = async { self.objects.get(&self.path(path)).await?.bytes().await };
        match self.runtime.block_on(read) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ObjectError::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.fault("read", path)(error)),
        }
    }

    /// Tries whether of two programs that write one object the second is refused. Where it is not, commits would be lost.
    pub(super) fn creates_once(&self) -> Result<bool, publish::Error> {
        let probe = format!("{PROBES}/.{:016x}", fastrand::u64(..));
        let create = || match self.create(&probe, String::new()).map_err(publish::Error::from) {
            Ok(is_created) => Ok(Some(is_created)),
            Err(publish::Error::Bucket { fault: BucketFault::NotSupported, .. }) => Ok(None),
            // A mounted bucket may be a folder without links.
            Err(_) if !self.is_bucket && self.replace(&probe, String::new()).is_ok() => Ok(None),
            Err(error) => Err(error),
        };
        let is_once = match create()? {
            Some(true) => create()? == Some(false),
            _ => false,
        };
        self.remove(&probe)?;
        Ok(is_once)
    }

    /// The same of programs that write it at the same moment.
    pub(super) fn creates_once_for_many(&self) -> Result<bool, publish::Error> {
        let probe = format!("{PROBES}/.{:016x}", fastrand::u64(..));
        let object_of = |round| self.path(&format!("{probe}-{round}"));
        let tried = self.runtime.block_on(one_of_many_creates(self.objects.as_ref(), object_of));
        Ok(tried.map_err(self.fault("write", &probe))?)
    }

    /// Writes a file that must not be there yet. False if it is.
    pub(super) fn create(&self, path: &str, text: String) -> Result<bool, Error> {
        if self.has_one_writer {
            let is_there = self.read(path)?.is_some();
            return if is_there { Ok(false) } else { self.replace(path, text).map(|()| true) };
        }
        let place = self.path(path);
        let put = self.objects.put_opts(&place, text.into(), PutMode::Create.into());
        match self.runtime.block_on(put) {
            Ok(_) => Ok(true),
            Err(ObjectError::AlreadyExists { .. } | ObjectError::Precondition { .. }) => Ok(false),
            Err(error) => Err(self.fault("write", path)(error)),
        }
    }

    pub(super) fn replace(&self, path: &str, text: String) -> Result<(), Error> {
        let put = self.runtime.block_on(self.objects.put(&self.path(path), text.into()));
        put.map(drop).map_err(self.fault("write", path))
    }

    pub(super) fn remove(&self, path: &str) -> Result<(), Error> {
        match self.runtime.block_on(self.objects.delete(&self.path(path))) {
            Ok(()) | Err(ObjectError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.fault("remove", path)(error)),
        }
    }

    /// The files of a folder, and the names of the folders in it. Both are empty if there is no such folder.
    pub(super) fn list(&self, folder: &str) -> Result<(Vec<ObjectMeta>, Vec<String>), Error> {
        let found = match self.runtime.block_on(self.objects.list_with_delimiter(Some(&self.path(folder)))) {
            Ok(found) => found,
            Err(ObjectError::NotFound { .. }) => return Ok((Vec::new(), Vec::new())),
            Err(error) => return Err(self.fault("list", folder)(error)),
        };
        let names = found.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect();
        Ok((found.objects, names))
    }

    /// Begins a file that is not there until it is finished.
    pub(super) fn upload(&self, path: &str) -> Result<Upload<'_>, Error> {
        let begun = self.runtime.block_on(self.objects.put_multipart(&self.path(path)));
        let upload = begun.map_err(self.fault("write", path))?;
        let parts = WriteMultipart::new_with_chunk_size(upload, PIECE_BYTES);
        Ok(Upload { lake: self, path: path.to_owned(), parts, bytes: 0, fault: None })
    }
}

/// A file on its way.
pub(super) struct Upload<'a> {
    lake: &'a Lake,
    path: String,
    parts: WriteMultipart,
    bytes: u64,
    /// Why a piece could not be sent.
    fault: Option<ObjectError>,
}

impl Upload<'_> {
    /// Makes the file appear, and returns its size.
    pub(super) fn finish(self) -> Result<u64, Error> {
        let finished = self.lake.runtime.block_on(self.parts.finish());
        finished.map_err(self.lake.fault("write", &self.path))?;
        Ok(self.bytes)
    }

    /// Gives up, and says why if a piece could not be sent.
    pub(super) fn abort(self) -> Option<Error> {
        // What stays behind is not part of any table.
        let _ = self.lake.runtime.block_on(self.parts.abort());
        self.fault.map(self.lake.fault("write", &self.path))
    }
}

impl Write for Upload<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let parts = &mut self.parts;
        let sent = self.lake.runtime.block_on(async {
            parts.wait_for_capacity(PIECES_MAX).await?;
            parts.write(bytes);
            Ok::<_, ObjectError>(())
        });
        if let Err(fault) = sent {
            let failed = io::Error::other(fault.to_string());
            self.fault = Some(fault);
            return Err(failed);
        }
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

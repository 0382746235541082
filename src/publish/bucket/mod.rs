//! A part of a bucket: objects put, read, listed, copied and removed, each with limits and an error that says what to
//! do. It speaks S3 as OBS understands it: no checksum headers, and no copy that only succeeds where nothing is. It
//! knows nothing of Parquet or of manifests.

mod cause;
mod fault;
mod probe;
mod race;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{Read, Seek, Write};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, S3ConditionalPut, S3CopyIfNotExists};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    RetryConfig, UpdateVersion,
};
use tokio::runtime::Runtime;

pub(crate) use cause::BucketFault;
pub(crate) use probe::{Probe, Verdict, probe};
pub(crate) use race::one_of_many_creates;

use super::error::Error;
use crate::base::place::BucketPlace;
use crate::config::BucketSettings;

/// Bytes of one part of a large file. An upload has 10,000 parts at most.
pub(crate) const PART_BYTES: usize = 16 << 20;
/// Parts of one file that are on their way at a time.
const PARTS_AT_ONCE: usize = 2;
/// Largest object that is read whole into memory, such as a manifest.
const WHOLE_BYTES_MAX: u64 = 256 << 20;
/// Objects below one prefix that are listed at most.
const OBJECTS_MAX: usize = 2_000_000;
/// For a connection, and for one request with its body.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// Attempts after the first, and the time after which no more are made.
const RETRIES: usize = 6;
const RETRY_TIMEOUT: Duration = Duration::from_secs(180);

/// An object as a listing or an answer describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub bytes: u64,
    pub etag: Option<String>,
}

/// The bytes of an object, and its version.
pub(crate) type Versioned = (Vec<u8>, Option<String>);

/// How an object may be put.
pub(crate) enum Put {
    /// Whatever is there is replaced.
    Replace,
    /// Only where nothing is.
    Create,
    /// Only where this version is.
    Update(String),
}

/// The objects below a prefix. Names are relative to it.
#[derive(Debug)]
pub(crate) struct Bucket {
    place: BucketPlace,
    prefix: Path,
    store: Arc<dyn ObjectStore>,
    /// Present until the bucket is dropped.
    runtime: Option<Runtime>,
}

impl Bucket {
    /// Asks nothing yet. Errors: no endpoint, no keys.
    pub(crate) fn open(place: &BucketPlace, settings: &BucketSettings) -> Result<Bucket, Error> {
        let unset = |fault: &String| Error::BucketUnset { place: place.to_string(), fault: fault.clone() };
        let endpoint = settings.endpoint.as_ref().map_err(unset)?;
        let keys = settings.keys.as_ref().map_err(unset)?;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&place.bucket)
            .with_endpoint(address(endpoint, place, settings.is_virtual_hosted))
            .with_virtual_hosted_style_request(settings.is_virtual_hosted)
            .with_region(settings.region.as_deref().unwrap_or("us-east-1"))
            .with_access_key_id(&keys.ak)
            .with_secret_access_key(keys.sk.expose())
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_copy_if_not_exists(S3CopyIfNotExists::Multipart)
            .with_client_options(client_options(endpoint))
            .with_retry(retries());
        if let Some(token) = &keys.security_token {
            builder = builder.with_token(token.expose());
        }
        let store = builder.build().map_err(|error| fault::of(&place.to_string(), "reach", &error))?;
        Bucket::over(Arc::new(store), place.clone())
    }

    fn over(store: Arc<dyn ObjectStore>, place: BucketPlace) -> Result<Bucket, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|source| Error::Io {
            action: "start a thread for",
            path: place.to_string().into(),
            source,
        })?;
        let prefix = Path::from(place.prefix.as_str());
        Ok(Bucket { place, prefix, store, runtime: Some(runtime) })
    }

    /// `s3://BUCKET/PREFIX`, for people.
    pub(crate) fn name(&self) -> String {
        self.place.to_string()
    }

    /// An object's address, for people.
    pub(crate) fn name_of(&self, relative: &str) -> String {
        format!("{}/{relative}", self.place)
    }

    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    pub(crate) fn prefix(&self) -> &Path {
        &self.prefix
    }

    fn path(&self, relative: &str) -> Path {
        relative.split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }

    fn fault(&self, relative: &str, action: &'static str) -> impl FnOnce(object_store::Error) -> Error {
        let name = self.name_of(relative);
        move |error| fault::of(&name, action, &error)
    }

    /// Waits for requests from any thread, also one that serves a runtime of its own.
    pub(crate) fn wait<T: Send>(&self, requests: impl Future<Output = T> + Send) -> T {
        let runtime = self.runtime.as_ref().expect("it is there until the bucket is dropped");
        std::thread::scope(|scope| match scope.spawn(|| runtime.block_on(requests)).join() {
            Ok(answer) => answer,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }

    /// A small object, with its version; `None` where there is none.
    pub(crate) fn read(&self, relative: &str) -> Result<Option<Versioned>, Error> {
        let read = async {
            let answer = self.store.get(&self.path(relative)).await?;
            let (bytes, etag) = (answer.meta.size, answer.meta.e_tag.clone());
            Ok(if bytes > WHOLE_BYTES_MAX { Err(bytes) } else { Ok((answer.bytes().await?.to_vec(), etag)) })
        };
        match self.wait(read) {
            Ok(Ok(whole)) => Ok(Some(whole)),
            Ok(Err(bytes)) => Err(Error::TooLarge { name: self.name_of(relative), bytes, limit: WHOLE_BYTES_MAX }),
            Err(error) if fault::is_missing_object(&error) => Ok(None),
            Err(error) => Err(self.fault(relative, "read")(error)),
        }
    }

    /// Part of an object.
    pub(crate) fn read_range(&self, relative: &str, range: std::ops::Range<u64>) -> Result<Vec<u8>, Error> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let read = async { self.store.get_opts(&self.path(relative), options).await?.bytes().await };
        self.wait(read).map(|bytes| bytes.to_vec()).map_err(self.fault(relative, "read a part of"))
    }

    /// Puts a small object and gives its version. `None`: it was not put, because another was in its place.
    pub(crate) fn put(&self, relative: &str, bytes: Vec<u8>, how: Put) -> Result<Option<Found>, Error> {
        let size = bytes.len() as u64;
        let mode = match how {
            Put::Replace => PutMode::Overwrite,
            Put::Create => PutMode::Create,
            Put::Update(etag) => PutMode::Update(UpdateVersion { e_tag: Some(etag), version: None }),
        };
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.wait(self.store.put_opts(&self.path(relative), bytes.into(), options)) {
            Ok(put) => Ok(Some(Found { bytes: size, etag: put.e_tag })),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(None),
            Err(error) => Err(self.fault(relative, "put")(error)),
        }
    }

    /// Puts a file, in parts where it is large. At most [`PARTS_AT_ONCE`] parts are in memory.
    pub(crate) fn upload(&self, relative: &str, file: &mut std::fs::File) -> Result<Found, Error> {
        let unreadable =
            |source| Error::Io { action: "read what goes to", path: self.name_of(relative).into(), source };
        file.rewind().map_err(unreadable)?;
        let bytes = file.metadata().map_err(unreadable)?.len();
        if bytes <= PART_BYTES as u64 {
            let mut whole = Vec::with_capacity(bytes as usize);
            file.read_to_end(&mut whole).map_err(unreadable)?;
            let put = self.put(relative, whole, Put::Replace)?;
            return put.ok_or_else(|| self.changed(relative));
        }
        let path = self.path(relative);
        self.wait(async {
            let mut upload = self.store.put_multipart(&path).await.map_err(self.fault(relative, "begin"))?;
            let sent = send_parts(upload.as_mut(), file, bytes).await;
            match sent {
                Ok(put) => Ok(Found { bytes, etag: put.e_tag }),
                Err(fault) => {
                    // What was sent is of no use. Where this fails too, the bucket's own rule removes it.
                    let _ = upload.abort().await;
                    Err(match fault {
                        PartFault::File(source) => unreadable(source),
                        PartFault::Bucket(error) => self.fault(relative, "put")(error),
                    })
                }
            }
        })
    }

    /// Writes an object to a file as it comes.
    pub(crate) fn download(&self, relative: &str, file: &mut std::fs::File) -> Result<(), Error> {
        let path = self.path(relative);
        self.wait(async {
            let answer = self.store.get(&path).await.map_err(self.fault(relative, "read"))?;
            let mut chunks = answer.into_stream();
            while let Some(chunk) = chunks.try_next().await.map_err(self.fault(relative, "read"))? {
                file.write_all(&chunk).map_err(|source| Error::Io {
                    action: "keep a copy of",
                    path: self.name_of(relative).into(),
                    source,
                })?;
            }
            Ok(())
        })
    }

    /// Every object below a part of the prefix, by its name.
    pub(crate) fn list(&self, below: &str) -> Result<BTreeMap<String, Found>, Error> {
        let within = if below.is_empty() { self.prefix.clone() } else { self.path(below) };
        let listed = async {
            let mut found = BTreeMap::new();
            let mut objects = self.store.list(Some(&within)).take(OBJECTS_MAX + 1);
            while let Some(object) = objects.try_next().await? {
                let Some(parts) = object.location.prefix_match(&self.prefix) else { continue };
                let name: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
                found.insert(name.join("/"), Found { bytes: object.size, etag: object.e_tag });
            }
            Ok(found)
        };
        let found = self.wait(listed).map_err(self.fault(below, "list"))?;
        match found.len() > OBJECTS_MAX {
            true => Err(Error::TooMany { name: self.name_of(below), limit: OBJECTS_MAX }),
            false => Ok(found),
        }
    }

    /// Whether anything at all lies below the prefix.
    pub(crate) fn is_empty(&self) -> Result<bool, Error> {
        let first = async { self.store.list(Some(&self.prefix)).try_next().await };
        self.wait(first).map(|first| first.is_none()).map_err(self.fault("", "list"))
    }

    /// Copies an object within the bucket, over whatever is there.
    pub(crate) fn copy(&self, from: &str, to: &str) -> Result<(), Error> {
        self.wait(self.store.copy(&self.path(from), &self.path(to))).map_err(self.fault(to, "copy to"))
    }

    /// Removes objects, 1,000 with a request; those that are not there are removed already.
    pub(crate) fn remove(&self, names: &[String]) -> Result<(), Error> {
        let paths: Vec<_> = names.iter().map(|name| Ok(self.path(name))).collect();
        let removed = self.store.delete_stream(futures_util::stream::iter(paths).boxed());
        let outcomes: Vec<_> = self.wait(removed.collect());
        let fault = outcomes.into_iter().filter_map(Result::err).find(|error| !fault::is_missing_object(error));
        fault.map_or(Ok(()), |error| Err(self.fault("", "remove objects of")(error)))
    }

    fn changed(&self, relative: &str) -> Error {
        Error::Overtaken { target: self.name(), what: relative.to_owned() }
    }
}

/// What went wrong with an object that is not reached through a [`Bucket`].
pub(crate) fn fault_of(name: &str, action: &'static str, error: &object_store::Error) -> Error {
    fault::of(name, action, error)
}

impl Drop for Bucket {
    fn drop(&mut self) {
        // Waiting for its thread is not allowed where another runtime is served.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

enum PartFault {
    File(std::io::Error),
    Bucket(object_store::Error),
}

async fn send_parts(
    upload: &mut dyn object_store::MultipartUpload,
    file: &mut std::fs::File,
    bytes: u64,
) -> Result<object_store::PutResult, PartFault> {
    let mut left = bytes;
    while left > 0 {
        let mut parts = Vec::with_capacity(PARTS_AT_ONCE);
        while left > 0 && parts.len() < PARTS_AT_ONCE {
            let mut part = vec![0; left.min(PART_BYTES as u64) as usize];
            file.read_exact(&mut part).map_err(PartFault::File)?;
            left -= part.len() as u64;
            parts.push(upload.put_part(PutPayload::from(part)));
        }
        futures_util::future::try_join_all(parts).await.map_err(PartFault::Bucket)?;
    }
    upload.complete().await.map_err(PartFault::Bucket)
}

/// The endpoint as the client takes it: with the bucket's name in the host, where it belongs there.
fn address(endpoint: &str, place: &BucketPlace, is_virtual_hosted: bool) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    match endpoint.split_once("://") {
        Some((scheme, rest)) if is_virtual_hosted => format!("{scheme}://{}.{rest}", place.bucket),
        _ => endpoint.to_owned(),
    }
}

fn client_options(endpoint: &str) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(endpoint.starts_with("http://"))
        .with_http1_only()
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_timeout(REQUEST_TIMEOUT)
}

fn retries() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT }
}

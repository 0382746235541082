//! The objects of a folder, on its disk before they count as written: a power failure leaves no commit that is empty or
//! names a file that is not there. It knows nothing of tables.

use std::fmt::{self, Display, Formatter};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::ready;
use futures_util::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::{Path, PathPart};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, RenameTargetMode, Result,
    UploadPart,
};
use tokio::task::spawn_blocking;

const STAGED: &str = ".staged-";

/// The file system below a folder.
#[derive(Clone, Debug)]
pub(super) struct SyncedFiles {
    files: LocalFileSystem,
    folder: PathBuf,
}

impl SyncedFiles {
    /// `folder` is a whole path. Names of objects are whole paths, too.
    pub(super) fn below(folder: &FilePath) -> SyncedFiles {
        SyncedFiles { files: LocalFileSystem::new(), folder: folder.to_owned() }
    }

    async fn sync_file(&self, object: &Path) -> Result<()> {
        let path = self.files.path_to_filesystem(object)?;
        blocking(move || File::open(path)?.sync_all()).await
    }

    /// Syncs the names of a file and of the folders above it.
    async fn sync_names(&self, object: &Path) -> Result<()> {
        let path = self.files.path_to_filesystem(object)?;
        let last = self.folder.parent().unwrap_or(&self.folder).to_owned();
        blocking(move || {
            // The file is in its place. Only a power failure could still lose its name.
            let folders = path.ancestors().skip(1).take_while(|folder| folder.starts_with(&last));
            folders.for_each(|folder| drop(File::open(folder).and_then(|folder| folder.sync_all())));
            Ok(())
        })
        .await
    }

    /// Gives a file that is on the disk its name.
    async fn place(&self, staged: &Path, object: &Path, mode: RenameTargetMode) -> Result<()> {
        self.sync_file(staged).await?;
        self.files.rename_opts(staged, object, RenameOptions::new().with_target_mode(mode)).await?;
        self.sync_names(object).await
    }
}

async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> Result<()> {
    let done = spawn_blocking(work).await?;
    done.map_err(|source| Error::Generic { store: "folder", source: source.into() })
}

/// A name beside an object, which readers of Delta pass over.
fn staged_name(object: &Path) -> Path {
    let mut parts: Vec<PathPart> = object.parts().collect();
    parts.pop();
    let staged = format!("{STAGED}{:016x}", fastrand::u64(..));
    parts.into_iter().chain([staged.into()]).collect()
}

/// A file that is being written is no object yet, nor is one that was left so.
fn is_staged(object: &ObjectMeta) -> bool {
    object.location.filename().is_some_and(|name| name.starts_with(STAGED))
}

fn but_staged(objects: BoxStream<'static, Result<ObjectMeta>>) -> BoxStream<'static, Result<ObjectMeta>> {
    objects.try_filter(|object| ready(!is_staged(object))).boxed()
}

impl Display for SyncedFiles {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.folder.display())
    }
}

#[async_trait]
impl ObjectStore for SyncedFiles {
    async fn put_opts(&self, object: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let mode = match options.mode {
            PutMode::Overwrite => RenameTargetMode::Overwrite,
            PutMode::Create => RenameTargetMode::Create,
            PutMode::Update(_) => return self.files.put_opts(object, payload, options).await,
        };
        let staged = staged_name(object);
        let written = self.files.put_opts(&staged, payload, PutOptions { mode: PutMode::Overwrite, ..options }).await?;
        let placed = self.place(&staged, object, mode).await;
        if placed.is_err() {
            // What stays behind is a hidden file.
            let _ = self.files.delete(&staged).await;
        }
        placed.map(|()| written)
    }

    async fn put_multipart_opts(
        &self,
        object: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let parts = self.files.put_multipart_opts(object, options).await?;
        Ok(Box::new(SyncedUpload { files: self.clone(), object: object.clone(), parts }))
    }

    async fn get_opts(&self, object: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(object, options).await
    }

    async fn get_ranges(&self, object: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.files.get_ranges(object, ranges).await
    }

    fn delete_stream(&self, objects: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(objects)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        but_staged(self.files.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        but_staged(self.files.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut found = self.files.list_with_delimiter(prefix).await?;
        found.objects.retain(|object| !is_staged(object));
        Ok(found)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await?;
        self.sync_file(to).await?;
        self.sync_names(to).await
    }
}

/// A file in pieces. Nothing names it before it is complete, so it is synced then.
#[derive(Debug)]
struct SyncedUpload {
    files: SyncedFiles,
    object: Path,
    parts: Box<dyn MultipartUpload>,
}

#[async_trait]
impl MultipartUpload for SyncedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let written = self.parts.complete().await?;
        self.files.sync_file(&self.object).await?;
        self.files.sync_names(&self.object).await?;
        Ok(written)
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.abort().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    fn names_in(folder: &FilePath) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn place() -> (TempDir, SyncedFiles, Path) {
        let folder = tempfile::tempdir().unwrap();
        let object = Path::from_absolute_path(folder.path()).unwrap().join("log").join("0.json");
        let files = SyncedFiles::below(folder.path());
        (folder, files, object)
    }

    #[tokio::test]
    async fn of_many_that_create_an_object_one_succeeds_and_nothing_else_stays() {
        let (folder, files, object) = place();
        let create = |text: String| files.put_opts(&object, text.into(), PutMode::Create.into());
        let outcomes = futures_util::future::join_all((0..20).map(|n| create(format!("writer {n}")))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let winner = outcomes.iter().position(Result::is_ok).unwrap();
        let lost = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        assert!(lost.into_iter().all(|error| matches!(error, Error::AlreadyExists { .. })));
        assert_eq!(fs::read_to_string(folder.path().join("log/0.json")).unwrap(), format!("writer {winner}"));
        assert_eq!(names_in(&folder.path().join("log")), ["0.json"]);
    }

    #[tokio::test]
    async fn what_is_not_written_to_its_end_is_not_listed() {
        let (folder, files, object) = place();
        let log = Path::from_absolute_path(folder.path()).unwrap().join("log");
        files.put(&staged_name(&object), "half".into()).await.unwrap();
        assert_eq!(names_in(&folder.path().join("log")).len(), 1);
        assert!(files.list_with_delimiter(Some(&log)).await.unwrap().objects.is_empty());
        assert!(files.list(Some(&log)).next().await.is_none());
        assert!(files.list_with_offset(Some(&log), &log).next().await.is_none());
        files.put(&object, "whole".into()).await.unwrap();
        assert_eq!(files.list(Some(&log)).next().await.unwrap().unwrap().location, object);
    }

    #[tokio::test]
    async fn an_object_is_replaced_as_a_whole_and_a_folder_in_its_place_is_an_error() {
        let (folder, files, object) = place();
        files.put(&object, "first".into()).await.unwrap();
        files.put(&object, "second".into()).await.unwrap();
        assert_eq!(files.get(&object).await.unwrap().bytes().await.unwrap(), "second");
        fs::remove_file(folder.path().join("log/0.json")).unwrap();
        fs::create_dir(folder.path().join("log/0.json")).unwrap();
        files.put(&object, "third".into()).await.unwrap_err();
        assert_eq!(names_in(&folder.path().join("log")), ["0.json"]);
    }

    #[tokio::test]
    async fn an_upload_in_pieces_is_there_when_it_is_complete() {
        let (folder, files, object) = place();
        let mut upload = files.put_multipart(&object).await.unwrap();
        upload.put_part("one ".into()).await.unwrap();
        upload.put_part("two".into()).await.unwrap();
        assert!(!folder.path().join("log/0.json").exists());
        upload.complete().await.unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("log/0.json")).unwrap(), "one two");
    }
}

//! Where a dataset lies: a folder, or the objects of a bucket whose names begin alike. It reads and asks nothing.

use std::fmt;
use std::path::PathBuf;

pub(crate) const SCHEME: &str = "s3://";
/// Lengths of a bucket's name.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=63;
/// Longest prefix, in bytes. A name of an object has 1,024 at most.
const PREFIX_BYTES_MAX: usize = 512;

/// A folder or a part of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path of this machine.
    Folder(PathBuf),
    /// Objects of a service that speaks S3.
    Bucket(BucketPlace),
}

/// The objects of a bucket whose names begin with `PREFIX/`; all of them where the prefix is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketPlace {
    /// Its name, unique in the whole service.
    pub bucket: String,
    /// Without a slash at its ends.
    pub prefix: String,
}

impl Place {
    /// What is expected, in words.
    pub(crate) const FORM: &str = "a folder, or s3://BUCKET/PREFIX";

    /// Errors: the text names an address that is not of this form.
    pub(crate) fn parse(text: &str) -> Result<Place, String> {
        match text.split_once("://") {
            None if text.is_empty() => Err(format!("\"\" names nothing: write {}", Place::FORM)),
            None => Ok(Place::Folder(PathBuf::from(text))),
            Some(("s3", rest)) => bucket(rest).map(Place::Bucket),
            Some(("obs", rest)) => Err(format!("write {SCHEME}{rest}: buckets of OBS are spoken to as S3")),
            Some((scheme, _)) => Err(format!("{scheme}:// is not known: write {}", Place::FORM)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Folder(folder) => write!(f, "{}", folder.display()),
            Place::Bucket(place) => place.fmt(f),
        }
    }
}

impl fmt::Display for BucketPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "{SCHEME}{}{slash}{}", self.bucket, self.prefix)
    }
}

fn bucket(rest: &str) -> Result<BucketPlace, String> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.trim_end_matches('/');
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if !NAME_CHARS.contains(&bucket.len()) || !bucket.chars().all(is_name) {
        return Err(format!(
            "{bucket:?} is no bucket's name: it has {} to {} lower-case letters, digits, hyphens and dots",
            NAME_CHARS.start(),
            NAME_CHARS.end()
        ));
    }
    let is_part = |part: &str| {
        let is_char = |c: char| c.is_alphanumeric() || "-_.=".contains(c);
        !part.is_empty() && part != "." && part != ".." && part.chars().all(is_char)
    };
    if prefix.len() > PREFIX_BYTES_MAX || !(prefix.is_empty() || prefix.split('/').all(is_part)) {
        return Err(format!(
            "the prefix {prefix:?} cannot be used: it has {PREFIX_BYTES_MAX} bytes at most, of letters, digits and `-_.=`, \
             and no empty part between slashes"
        ));
    }
    Ok(BucketPlace { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_or_a_bucket_with_a_prefix() {
        let folder = |path: &str| Ok(Place::Folder(path.into()));
        let bucket = |bucket: &str, prefix: &str| {
            Ok(Place::Bucket(BucketPlace { bucket: bucket.into(), prefix: prefix.into() }))
        };
        for (text, place) in [
            ("bi", folder("bi")),
            ("s3:/x", folder("s3:/x")),
            ("s3://my-lake", bucket("my-lake", "")),
            ("s3://my-lake/", bucket("my-lake", "")),
            ("s3://my.lake/hclake/办公/region=cn-north-4/", bucket("my.lake", "hclake/办公/region=cn-north-4")),
        ] {
            assert_eq!(Place::parse(text), place, "{text}");
        }
        assert_eq!(Place::parse("s3://my-lake/a/b/").unwrap().to_string(), "s3://my-lake/a/b");
        assert_eq!(Place::parse("s3://my-lake/").unwrap().to_string(), "s3://my-lake");
    }

    #[test]
    fn what_is_no_place_is_refused_with_what_to_write() {
        for text in
            ["", "gs://x/y", "obs://lake/x", "s3://", "s3://UPPER/x", "s3://ab", "s3://lake/a//b", "s3://lake/../b"]
        {
            let fault = Place::parse(text).unwrap_err();
            assert!(!fault.is_empty(), "{text}");
        }
        assert_eq!(Place::parse("obs://lake/x").unwrap_err(), "write s3://lake/x: buckets of OBS are spoken to as S3");
    }
}

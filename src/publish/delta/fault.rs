//! What a bucket did not do for Delta tables, as the same error that any publishing into a bucket gives. It knows no codes
//! of services.

use std::error::Error as _;

use delta_kernel::Error as KernelError;
use object_store::Error as ObjectError;

use super::error::Error;
use crate::base::place::SCHEME;
use crate::publish;
use crate::publish::bucket::fault_of;

impl From<Error> for publish::Error {
    fn from(error: Error) -> publish::Error {
        let of_bucket = match &error {
            Error::Objects { action: "write", place, source } => Some((place, "put", source)),
            Error::Objects { action, place, source } => Some((place, *action, source)),
            Error::Log { place, source } => cause(source).map(|cause| (place, "read or write the log of", cause)),
            _ => None,
        };
        match of_bucket.filter(|(place, ..)| place.starts_with(SCHEME)) {
            Some((place, action, source)) => fault_of(place, action, source),
            None => publish::Error::Delta(error),
        }
    }
}

/// The fault of the object store that a log could not be used for.
fn cause(error: &KernelError) -> Option<&ObjectError> {
    match error {
        KernelError::ObjectStore(cause) => return Some(cause),
        KernelError::Backtraced { source, .. } => return cause(source),
        _ => {}
    }
    let mut inner = error.source();
    while let Some(error) = inner {
        if let Some(cause) = error.downcast_ref::<ObjectError>() {
            return Some(cause);
        }
        inner = error.source();
    }
    None
}

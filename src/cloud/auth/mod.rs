//! Authentication: credentials, tokens, signatures, and the clock that signatures use. It sends no list request and
//! knows nothing of lists.

pub(super) mod cached;
pub(crate) mod credentials;
pub(super) mod gate;
pub(super) mod headers;
pub(super) mod metadata;
pub(super) mod provider;
pub(crate) mod sign;
pub(super) mod skew;
pub(super) mod token;

//! What authorises a request: credentials, tokens, signatures, and the time that they are made for. It sends no list
//! request and knows nothing of lists.

pub(super) mod cached;
pub mod credentials;
pub(super) mod gate;
pub(super) mod headers;
pub(super) mod metadata;
pub(super) mod provider;
pub mod sign;
pub(super) mod skew;
pub(super) mod token;

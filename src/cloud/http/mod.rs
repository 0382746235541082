//! One exchange with a service: bytes out, bytes in, within limits, with secrets redacted and error bodies read. It
//! neither signs nor retries.

pub mod error_body;
pub(super) mod exchange;

//! What must hold of an endpoint, and between endpoints, before anything is asked of the cloud.

use super::spec::Endpoint;

/// Faults of one endpoint.
pub(super) fn endpoint(_endpoint: &Endpoint) -> Vec<String> {
    Vec::new()
}

/// Faults that show only when all endpoints stand side by side.
pub(super) fn together(_endpoints: &[Endpoint]) -> Vec<String> {
    Vec::new()
}

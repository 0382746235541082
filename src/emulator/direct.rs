//! The emulated services without a server: a request is answered at once from the world. For simulations in one
//! thread, where something may happen between any two requests.

use super::server::answers::Answer;
use super::server::routes::{self, Call, PageFault};
use super::world::tenant::World;

/// A request that has passed the gateway.
pub(crate) struct Asked<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a [(String, String)],
    pub body: &'a [u8],
}

/// The answer: its status, headers and body.
pub(crate) fn answer(world: &World, asked: &Asked) -> Answer {
    let call = Call {
        method: asked.method,
        path: asked.path,
        query: asked.query,
        body: asked.body,
        project_header: None,
        request_id: "",
        number: 0,
        page_fault: PageFault::default(),
    };
    routes::answer(world, &call)
}

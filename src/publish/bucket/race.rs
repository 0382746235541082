//! Whether of several writers that create one object at the same moment only one succeeds. A service may refuse what is
//! there already, and still look first and write later. It knows nothing of what is kept in the objects.

use bytes::Bytes;
use futures_util::future::join_all;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};

/// How often it is tried, each time with another object.
const ROUNDS: usize = 4;
const WRITERS: usize = 6;
/// Enough that a service is a while at taking an object in.
const OBJECT_BYTES: usize = 64 << 10;

/// Tries it on an object for each round, and removes them. `false` shows that commits could be lost; `true` only that none
/// was lost here.
pub(crate) async fn one_of_many_creates(
    store: &dyn ObjectStore,
    object_of: impl Fn(usize) -> Path,
) -> Result<bool, Error> {
    let bytes = Bytes::from(vec![b'r'; OBJECT_BYTES]);
    for round in 0..ROUNDS {
        let object = object_of(round);
        let create = || store.put_opts(&object, bytes.clone().into(), PutOptions::from(PutMode::Create));
        let outcomes = join_all((0..WRITERS).map(|_| create())).await;
        // Where it cannot be removed, a person finds it by its name.
        let _ = store.delete(&object).await;
        let mut created = 0;
        for outcome in outcomes {
            match outcome {
                Ok(_) => created += 1,
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if created > 1 {
            return Ok(false);
        }
    }
    Ok(true)
}

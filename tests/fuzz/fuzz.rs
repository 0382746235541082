//! One binary for each target, all from this source: the binary's name says which target it runs.
#![no_main]

mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<targets::Target> = LazyLock::new(|| {
    let name = env!("CARGO_BIN_NAME");
    let found = targets::TARGETS.into_iter().find(|(target, _)| *target == name);
    found.expect("a binary for each target").1
});

fuzz_target!(|data: &[u8]| TARGET(data));

//! The fuzz targets over their committed inputs, each as it is and mutated in a few hundred ways, so that earlier finds of
//! the fuzzer are tested also where no fuzzer is installed.

#[path = "../../fuzz/targets.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fastrand::Rng;

/// Mutated forms of each input.
const BENT: u64 = 200;
/// Pieces that readers of text often get wrong.
const PIECES: [&[u8]; 14] = [
    b"\"",
    b"{",
    b"[",
    b"]",
    b"}",
    b",",
    b"null",
    b"-1",
    b"1e999",
    b"\\u0000",
    b"\xff",
    b"\n",
    b"9999999999999999999",
    b"",
];

fn bent(input: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..rng.usize(1..4) {
        let from = rng.usize(..=bytes.len());
        let to = (from + rng.usize(..8)).min(bytes.len());
        match rng.u8(..4) {
            0 => bytes.truncate(from),
            1 => bytes[from..to].iter_mut().for_each(|byte| *byte ^= 1 << rng.u8(..8)),
            2 => drop(bytes.splice(from..to, PIECES[rng.usize(..PIECES.len())].iter().copied())),
            _ => bytes.extend_from_within(from..to),
        }
    }
    bytes
}

fn replay(name: &str, target: targets::Target) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let mut inputs: Vec<_> =
        fs::read_dir(folder).expect("a folder of inputs").map(|e| e.expect("read").path()).collect();
    inputs.sort();
    for path in &inputs {
        let input = fs::read(path).expect("readable");
        target(&input);
        for seed in 0..BENT {
            let bytes = bent(&input, &mut Rng::with_seed(seed));
            let text = String::from_utf8_lossy(&bytes);
            let held = catch_unwind(AssertUnwindSafe(|| target(&bytes)));
            assert!(held.is_ok(), "{name}: {} bent by {seed}:\n{text}", path.display());
        }
    }
    inputs.len()
}

#[test]
fn every_fuzz_target_passes_for_its_inputs_and_their_mutations() {
    for (name, target) in targets::TARGETS {
        assert!(replay(name, target) >= 4, "{name} has inputs");
    }
}

#[test]
fn every_folder_of_inputs_belongs_to_a_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for entry in fs::read_dir(corpus).expect("the inputs") {
        let name = entry.expect("read").file_name().into_string().expect("text");
        assert!(targets::TARGETS.iter().any(|(target, _)| *target == name), "{name} has no target");
    }
}

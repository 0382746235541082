//! Tells the linker where the prebuilt DuckDB library will be found when the program runs.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=src/build.rs");
    println!("cargo:rerun-if-env-changed=DUCKDB_LIB_DIR");
    if env::var_os("CARGO_FEATURE_BUNDLED").is_some() {
        return;
    }
    if let Some(folder) = env::var_os("DUCKDB_LIB_DIR") {
        // A release, which has no debug information, is installed elsewhere: it has no path of this machine in it.
        if env::var("DEBUG").is_ok_and(|is_for_this_machine| is_for_this_machine == "true") {
            let folder = Path::new(&folder).canonicalize().unwrap_or_else(|_| Path::new(&folder).to_owned());
            println!("cargo:rustc-link-arg=-Wl,-rpath,{}", folder.display());
        }
        // An installed program looks beside itself: bin/hclake finds lib/hclake/libduckdb.so.
        println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib/hclake");
    }
}

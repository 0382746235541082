//! What is said in two places about packages is the same in both: accepted licences, the parts of the image, makefiles. It
//! builds nothing; `make test-package` does.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_licences_that_are_accepted_are_those_that_may_be_depended_upon() {
    let file = |path: &str| read(path).parse::<toml::Table>().expect("TOML");
    let names = |list: &toml::Value| list.clone().try_into::<BTreeSet<String>>().expect("a list of names");
    let accepted = names(&file(".pack/about.toml")["accepted"]);
    assert_eq!(accepted, names(&file(".cargo/deny.toml")["licenses"]["allow"]));
}

#[test]
fn the_image_is_built_by_make_and_runs_as_a_user_without_rights_or_keys() {
    let file = read(".pack/Containerfile");
    let makefiles = read("Makefile") + &read(".pack/pack.mk");
    let (build, image) = file.split_once("\n\n").expect("two stages");
    let made: Vec<&str> = build.lines().filter_map(|line| line.strip_prefix("RUN make ")).collect();
    assert!(made.iter().any(|words| words.contains("install DESTDIR=/image PREFIX=/usr")), "{made:?}");
    for target in made.iter().flat_map(|words| words.split(' ')).filter(|word| !word.contains('=')) {
        assert!(makefiles.contains(&format!("\n{target}:")), "make {target}");
    }
    let user = image.lines().filter_map(|line| line.strip_prefix("USER ")).next_back().expect("a user");
    assert!(user.parse::<u32>().is_ok_and(|id| id > 0), "{user}");
    let sets = |line: &&str| ["ENV ", "ARG "].iter().any(|word| line.starts_with(word));
    assert_eq!(file.lines().filter(sets).collect::<Vec<_>>(), ["ARG SOURCE_DATE_EPOCH"]);
    let copied: Vec<&str> = image.lines().filter(|line| line.starts_with("COPY ")).collect();
    assert_eq!(copied, ["COPY --from=build /image/usr /usr"], "only what was installed");
    let rust = read("Cargo.toml").lines().find_map(|line| line.strip_prefix("rust-version = ").map(str::to_owned));
    assert!(
        build.contains(&format!("FROM rust:{}-", rust.expect("a version").trim_matches('"'))),
        "the Rust of Cargo.toml"
    );
}

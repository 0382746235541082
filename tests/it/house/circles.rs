//! No circles: no file of `src` uses, directly or through others, a file that uses it. Each path is followed to the file
//! that defines its name: a file that only re-exports a name, as a `mod.rs` does, does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::house::tidy::{files, is_test_file, root, without_tests};

/// Files that may re-export a name, between its definition and its use.
const HOPS_MAX: usize = 16;

/// A file by its path below `crate`: `["cloud", "auth", "token"]`.
type Module = Vec<String>;
/// For each file, the files that it uses, and the names that it uses of each.
type Edges = BTreeMap<Module, BTreeMap<Module, BTreeSet<String>>>;

/// A name that a file declares with `use`.
struct Import {
    name: String,
    path: Vec<String>,
    /// Public, and not used in the file itself.
    is_handed_on: bool,
}

struct Source {
    /// Below `src`.
    file: String,
    imports: Vec<Import>,
    /// The code without imports and module declarations.
    code: String,
}

impl Source {
    fn read(file: String, text: &str) -> Source {
        let (mut uses, mut code) = (Vec::new(), String::new());
        let mut lines = without_tests(text).lines().map(str::trim).filter(|line| !line.starts_with("//"));
        while let Some(line) = lines.next() {
            let (is_public, declaration) = after_visibility(line);
            if let Some(begun) = declaration.strip_prefix("use ") {
                let mut tree = begun.to_owned();
                while !tree.ends_with(';') {
                    tree.push_str(lines.next().expect("a declaration ends"));
                }
                uses.push((is_public, tree));
            } else if !declaration.starts_with("mod ") {
                code.push_str(line);
                code.push('\n');
            }
        }
        let words: BTreeSet<&str> = code.split(|c: char| !is_of_name(c)).collect();
        let import = |is_public, (path, name): (Vec<String>, String)| Import {
            is_handed_on: is_public && !words.contains(name.as_str()),
            path,
            name,
        };
        let imports = uses.iter().flat_map(|(is_public, tree)| {
            leaves(tree.trim_end_matches(';')).into_iter().map(|leaf| import(*is_public, leaf))
        });
        Source { file, imports: imports.collect(), code }
    }

    fn import(&self, name: &str) -> Option<&Import> {
        self.imports.iter().find(|import| import.name == name)
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a declaration is public in any way, and the declaration without that.
fn after_visibility(line: &str) -> (bool, &str) {
    let limited = || line.strip_prefix("pub(")?.split_once(") ").map(|(_, declaration)| declaration);
    match line.strip_prefix("pub ").or_else(limited) {
        Some(declaration) => (true, declaration),
        None => (false, line),
    }
}

/// The paths of a `use` tree, each with the name that it gives.
fn leaves(tree: &str) -> Vec<(Vec<String>, String)> {
    if let Some((stem, branches)) = tree.split_once('{') {
        let stem = segments(stem);
        let branches = branches.trim_end().strip_suffix('}').expect("a brace is closed");
        let joined = |(path, name): (Vec<String>, String)| match path == ["self"] {
            true if name == "self" => (stem.clone(), stem.last().cloned().unwrap_or_default()),
            true => (stem.clone(), name),
            false => ([stem.clone(), path].concat(), name),
        };
        return outer_parts(branches).into_iter().flat_map(leaves).map(joined).collect();
    }
    let (path, name) = tree.split_once(" as ").unwrap_or((tree, tree.rsplit("::").next().unwrap_or(tree)));
    vec![(segments(path), name.trim().to_owned())]
}

/// Parts between the commas outside braces.
fn outer_parts(branches: &str) -> Vec<&str> {
    let mut depth = 0;
    let is_end = |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    };
    branches.split(is_end).map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(|segment| segment.trim().to_owned()).filter(|segment| !segment.is_empty()).collect()
}

/// The paths with several segments in code, without those that begin after a `::`.
fn paths_in(code: &str) -> impl Iterator<Item = Vec<String>> {
    let words = code.split(|c: char| !is_of_name(c) && c != ':').filter(|word| !word.starts_with("::"));
    words.map(segments).filter(|path| path.len() > 1)
}

/// All files.
struct Sources(BTreeMap<Module, Source>);

impl Sources {
    /// From files, each with its path below `src` and its text.
    fn of(files: impl IntoIterator<Item = (String, String)>) -> Sources {
        Sources(files.into_iter().map(|(file, text)| (module_of(&file), Source::read(file, &text))).collect())
    }

    /// The absolute path of a path in `module`; `None` where it leads to another crate.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let ups = path.iter().take_while(|segment| *segment == "super").count();
        Some(match path[0].as_str() {
            "crate" => path[1..].to_vec(),
            "self" => [module, &path[1..]].concat(),
            "super" => [&module[..module.len().checked_sub(ups)?], &path[ups..]].concat(),
            child if self.0.contains_key(&[module, &[child.to_owned()]].concat()) => [module, path].concat(),
            _ => return None,
        })
    }

    /// The same for a path that may begin with an imported name.
    fn followed(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let imported = || {
            let import = self.0[module].import(&path[0])?;
            Some([self.absolute(module, &import.path)?, path[1..].to_vec()].concat())
        };
        self.absolute(module, path).or_else(imported)
    }

    /// The file that defines what an absolute path names, and its name there; `None` for a file as a whole.
    fn home(&self, mut path: Vec<String>) -> Option<(Module, String)> {
        for _ in 0..HOPS_MAX {
            let depth = (0..=path.len()).rev().find(|depth| self.0.contains_key(&path[..*depth]))?;
            let (module, rest) = path.split_at(depth);
            let name = rest.first()?;
            let import = self.0[module].import(name);
            match import.and_then(|import| self.absolute(module, &import.path)) {
                Some(target) => path = [&target, &rest[1..]].concat(),
                None => return Some((module.to_vec(), name.clone())),
            }
        }
        panic!("{} is handed on more than {HOPS_MAX} times", path.join("::"))
    }

    fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (module, source) in &self.0 {
            let imported =
                source.imports.iter().filter(|import| !import.is_handed_on).map(|import| import.path.clone());
            for path in imported.chain(paths_in(&source.code)) {
                let home = self.followed(module, &path).and_then(|path| self.home(path));
                if let Some((home, name)) = home.filter(|(home, _)| home != module) {
                    edges.entry(module.clone()).or_default().entry(home).or_default().insert(name);
                }
            }
        }
        edges
    }
}

/// The uses that make each circle; empty where there is none.
fn ties(sources: &Sources) -> Vec<String> {
    let edges = sources.edges();
    let tie = |from: &Module, to: &Module, names: &BTreeSet<String>| {
        let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("  {} uses {}: {names}\n", sources.0[from].file, sources.0[to].file)
    };
    let of_circle = |circle: BTreeSet<&Module>| {
        let used_in = |from| edges[from].iter().filter(|(to, _)| circle.contains(to));
        circle.iter().flat_map(|from| used_in(*from).map(|(to, names)| tie(from, to, names))).collect()
    };
    circles(&edges).into_iter().map(of_circle).collect()
}

/// Without `mod` and `lib`, which mean their folder.
fn module_of(file: &str) -> Module {
    let mut module: Module = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    module.pop_if(|last| last == "mod" || last == "lib");
    module
}

/// Sets of files of which each uses itself through the others.
fn circles(edges: &Edges) -> BTreeSet<BTreeSet<&Module>> {
    let reached_from = |module| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![module]);
        while let Some(module) = next.pop() {
            next.extend(edges.get(module).into_iter().flat_map(BTreeMap::keys).filter(|used| reached.insert(*used)));
        }
        reached
    };
    let reached: BTreeMap<&Module, BTreeSet<&Module>> =
        edges.keys().map(|module| (module, reached_from(module))).collect();
    let mut found = BTreeSet::new();
    for (module, others) in &reached {
        let leads_back = |other: &&Module| reached.get(other).is_some_and(|used| used.contains(module));
        let circle: BTreeSet<&Module> = others.iter().copied().filter(leads_back).collect();
        if !circle.is_empty() {
            found.insert(circle);
        }
    }
    found
}

#[test]
fn files_do_not_use_one_another_in_a_circle() {
    let src = root().join("src");
    let below_src = |path: &Path| path.strip_prefix(&src).expect("below src").to_string_lossy().into_owned();
    let read = files(&src, "rs").into_iter().filter(|path| !is_test_file(path) && !path.ends_with("main.rs"));
    let sources = Sources::of(read.map(|path| (below_src(&path), fs::read_to_string(&path).expect("readable"))));
    let found = ties(&sources);
    assert!(found.is_empty(), "these files use one another in a circle:\n{}", found.join("and these:\n"));
}

/// The uses that make the circles of these files.
fn tied(files: &[(&str, &str)]) -> String {
    let sources = Sources::of(files.iter().map(|(file, text)| (file.to_string(), text.to_string())));
    ties(&sources).concat()
}

#[test]
fn a_tree_of_imports_becomes_single_paths() {
    let flat = |tree| -> Vec<String> {
        leaves(tree).into_iter().map(|(path, name)| format!("{} = {name}", path.join("::"))).collect()
    };
    assert_eq!(flat("a::b"), ["a::b = b"]);
    assert_eq!(flat("a::b as c"), ["a::b = c"]);
    assert_eq!(flat("a::*"), ["a::* = *"]);
    assert_eq!(
        flat("a::{self, b, c::{d as e, f::*}, g}"),
        ["a = a", "a::b = b", "a::c::d = e", "a::c::f::* = *", "a::g = g"]
    );
    assert_eq!(flat("super::super::{a::{self as b},}"), ["super::super::a = b"]);
}

#[test]
fn imports_are_separated_from_code_and_tests_are_not_read() {
    let source = Source::read(
        "r.rs".to_owned(),
        "//! use crate::x;\nmod m;\npub(super) use m::{A,\n    B};\nuse crate::y::C;\nlet b: B = C::new(z::D);\n\
         #[cfg(test)]\nmod tests {\n    use crate::t::E;\n}\n",
    );
    let imports: Vec<_> = source.imports.iter().map(|i| (i.path.join("::"), i.is_handed_on)).collect();
    assert_eq!(imports, [("m::A".into(), true), ("m::B".into(), false), ("crate::y::C".into(), false)]);
    assert_eq!(paths_in(&source.code).collect::<Vec<_>>(), [["C", "new"], ["z", "D"]]);
    assert_eq!(paths_in("<T as ::a::B>::c::d(Vec::<u8>::new(), x..e::f)").collect::<Vec<_>>(), [["e", "f"]]);
}

#[test]
fn a_circle_is_found_through_any_number_of_files_and_its_users_are_not_in_it() {
    let files = [
        ("r/a.rs", "use super::b::B;"),
        ("r/b.rs", "fn f() { crate::r::c::g() }"),
        ("r/c.rs", "use super::{a, b};\nfn g() { a::h() }"),
        ("r/d.rs", "use super::a::A;\nuse std::fmt;"),
    ];
    assert_eq!(tied(&files), "  r/a.rs uses r/b.rs: B\n  r/b.rs uses r/c.rs: g\n  r/c.rs uses r/a.rs: h\n");
    assert_eq!(tied(&files[1..]), "");
}

#[test]
fn names_are_followed_to_the_file_that_defines_them() {
    let hands_on = "mod a;\nmod b;\npub use a::A;";
    let through = [("r/mod.rs", hands_on), ("r/a.rs", "use crate::r::b::B;"), ("r/b.rs", "use super::A as X;")];
    assert_eq!(tied(&through), "  r/a.rs uses r/b.rs: B\n  r/b.rs uses r/a.rs: A\n");
    let by_module =
        [("r/mod.rs", hands_on), ("r/a.rs", "use super::b::B;"), ("r/b.rs", "use crate::r;\nfn f() { r::A::new() }")];
    assert_eq!(tied(&by_module), tied(&through));
}

#[test]
fn a_file_that_re_exports_is_not_part_of_a_circle_and_one_that_uses_is() {
    let child = ("r/a.rs", "use super::T;");
    assert_eq!(tied(&[("r/mod.rs", "mod a;\npub use a::f;\npub struct T;"), child]), "");
    assert_eq!(
        tied(&[("r/mod.rs", "mod a;\npub use a::f;\npub struct T;\nfn g() { f() }"), child]),
        "  r/mod.rs uses r/a.rs: f\n  r/a.rs uses r/mod.rs: T\n"
    );
    assert_eq!(
        tied(&[("r/mod.rs", "mod a;\nstruct T;\nfn g() { a::f() }"), child]),
        "  r/mod.rs uses r/a.rs: f\n  r/a.rs uses r/mod.rs: T\n"
    );
}

//! The README and the pages under `docs/` stay true: commands run and have the columns shown, links work, and all features
//! are described. It does not judge the prose.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Ran, Tenant, unlimited_rates};

const README_LINES_MAX: usize = 200;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A page of Markdown, by its path from the root.
pub struct Page {
    path: PathBuf,
    text: String,
}

impl Page {
    pub fn of(path: &str) -> Page {
        let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Page { path: path.into(), text }
    }

    /// Fenced blocks, each with its language; and the lines of the rest.
    fn parts(&self) -> (Vec<(String, String)>, Vec<&str>) {
        let (mut blocks, mut prose) = (Vec::new(), Vec::new());
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            match line.strip_prefix("```") {
                None => prose.push(line),
                Some(language) => {
                    let block = lines.by_ref().take_while(|line| *line != "```");
                    blocks.push((language.to_owned(), block.map(|line| format!("{line}\n")).collect()));
                }
            }
        }
        (blocks, prose)
    }

    pub fn blocks(&self, language: &str) -> Vec<String> {
        let (blocks, _) = self.parts();
        blocks.into_iter().filter(|(of, _)| of == language).map(|(_, block)| block).collect()
    }

    /// Lines of code in fenced and indented blocks, and inline code.
    fn code(&self) -> Vec<String> {
        let (blocks, prose) = self.parts();
        let fenced = blocks.iter().flat_map(|(_, block)| block.lines()).map(str::to_owned);
        let indented = prose.iter().filter_map(|line| line.strip_prefix("    ")).map(str::to_owned);
        let prose = prose.iter().filter(|line| !line.starts_with("    ")).copied().collect::<Vec<_>>().join(" ");
        let inline = prose.split('`').skip(1).step_by(2).map(str::to_owned);
        fenced.chain(indented).chain(inline).collect()
    }

    /// Targets of links outside code.
    fn links(&self) -> Vec<String> {
        let (_, prose) = self.parts();
        let prose = prose.join("\n");
        let without_code: String = prose.split('`').step_by(2).collect();
        without_code.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
    }

    /// What links can name behind `#`: the headings, as GitHub writes them.
    fn anchors(&self) -> BTreeSet<String> {
        let (_, prose) = self.parts();
        let is_heading = |line: &&str| line.starts_with('#') && line.trim_start_matches('#').starts_with(' ');
        prose.into_iter().filter(is_heading).map(|line| anchor(line.trim_start_matches('#').trim())).collect()
    }
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// Pages of Markdown in a folder and those below it.
fn pages_in(folder: &str) -> Vec<Page> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).expect("the folder") {
        let path = entry.expect("readable").path();
        let name = path.strip_prefix(root()).expect("below the root").to_str().expect("text");
        if path.is_dir() {
            found.extend(pages_in(name));
        } else if name.ends_with(".md") {
            found.push(Page::of(name));
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The README, then the pages for users.
pub fn pages() -> Vec<Page> {
    std::iter::once(Page::of("README.md")).chain(pages_in("docs")).collect()
}

/// The same, then the pages for those who change the program.
fn all_pages() -> Vec<Page> {
    let others = ["CONTRIBUTING.md", "CHANGELOG.md", "tests/README.md"];
    pages().into_iter().chain(others.map(Page::of)).collect()
}

fn blocks(language: &str) -> Vec<String> {
    pages().iter().flat_map(|page| page.blocks(language)).collect()
}

/// Words of a command line; quotes of either kind join words.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ', None) => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.into_iter().chain(word).collect()
}

/// Each command of a block, with the lines that are shown below it.
fn commands(block: &str) -> Vec<(&str, Vec<&str>)> {
    let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ hclake "), commands.last_mut()) {
            (Some(command), _) => commands.push((command, Vec::new())),
            (None, Some((_, shown))) => shown.push(line),
            (None, None) => panic!("`{line}` is before any command"),
        }
    }
    commands
}

/// The headers of the tables in an output, each as its words: a header may be broken over lines, at spaces and at `_`.
fn headers(lines: &[&str]) -> Vec<BTreeMap<String, usize>> {
    let rules = lines.iter().enumerate().filter(|(_, line)| line.starts_with('─'));
    rules
        .map(|(rule, _)| {
            let header = lines[..rule].iter().rev().take_while(|line| !line.is_empty());
            let mut counts = BTreeMap::new();
            for word in header.flat_map(|line| line.split([' ', '_'])).filter(|word| !word.is_empty()) {
                *counts.entry(word.to_owned()).or_default() += 1;
            }
            counts
        })
        .collect()
}

/// A line with each number as 0, and single spaces.
fn without_numbers(line: &str) -> String {
    let mut kept = String::new();
    for c in line.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        match c.is_ascii_digit() {
            true if kept.ends_with('0') => {}
            true => kept.push('0'),
            false => kept.push(c),
        }
    }
    kept
}

/// Asserts that the tables shown have only columns of those printed, or, without a table, that the first line was printed.
fn assert_shown(place: &str, shown: &[&str], ran: &Ran) {
    let printed: Vec<&str> = ran.stdout.lines().chain(ran.stderr.lines()).collect();
    let (wanted, found) = (headers(shown), headers(&printed));
    assert!(wanted.len() <= found.len(), "{place}: {} tables are shown, {} printed", wanted.len(), found.len());
    for (wanted, found) in wanted.iter().zip(&found) {
        let is_there = |(word, count): (&String, &usize)| found.get(word).is_some_and(|there| there >= count);
        assert!(wanted.iter().all(is_there), "{place}: shown are {:?}, printed {:?}", wanted.keys(), found.keys());
    }
    if let (true, Some(first)) = (wanted.is_empty(), shown.first()) {
        let first = without_numbers(first);
        assert!(
            printed.iter().any(|line| without_numbers(line) == first),
            "{place}: no line is\n{first}\nin {printed:#?}"
        );
    }
}

#[test]
fn every_command_shown_runs_and_shows_the_columns_that_the_page_shows() {
    let tenant = Tenant::new();
    for night in 0..3 {
        if night > 0 {
            tenant.advance();
        }
        tenant.sync().exits(0);
    }
    let mut ran = 0;
    for page in pages() {
        tenant.write("hclake.toml", &unlimited_rates());
        for block in page.blocks("console") {
            for (command, shown) in commands(&block) {
                let args = words(command);
                if args[0] == "init" {
                    // The command overwrites no file.
                    fs::remove_file(tenant.path("hclake.toml")).expect("removed");
                }
                let result = tenant.run(&args.iter().map(String::as_str).collect::<Vec<_>>()).exits(0);
                assert_shown(&format!("{}: hclake {command}", page.path.display()), &shown, &result);
                ran += 1;
            }
        }
    }
    assert!(ran >= 30, "{ran} commands were found");
}

/// Commands that cannot run here, such as those with keys of a real cloud, are at least known to the program.
#[test]
fn every_command_named_is_one_that_the_program_knows() {
    let tenant = Tenant::new();
    let mut named: BTreeMap<String, PathBuf> = BTreeMap::new();
    for page in all_pages() {
        for line in page.code() {
            let line = line.trim_start().trim_start_matches("$ ");
            let ends = [" >", " |", ";", " #", " &&"];
            let end = ends.iter().filter_map(|end| line.find(end)).min().unwrap_or(line.len());
            let command = &line[..end];
            if let Some(args) = command.strip_prefix("hclake ") {
                named.entry(args.trim().to_owned()).or_insert_with(|| page.path.clone());
            }
        }
    }
    assert!(named.len() >= 40, "{} commands were found", named.len());
    for (command, page) in named {
        let args = words(&command);
        let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
        args.push("--help");
        let ran = Ran::of(tenant.bare_command(&args).output().expect("starts"));
        assert_eq!(ran.code, 0, "{}: hclake {command}: {}", page.display(), ran.stderr);
    }
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let mut faults = Vec::new();
    let mut links = 0;
    for page in all_pages() {
        for link in page.links().into_iter().filter(|link| !link.starts_with("https://")) {
            links += 1;
            let (file, heading) = link.split_once('#').map_or((link.as_str(), None), |(file, h)| (file, Some(h)));
            let target = match file {
                "" => root().join(&page.path),
                file => root().join(&page.path).parent().expect("a folder").join(file),
            };
            let has_heading = |heading: &str| {
                let text = fs::read_to_string(&target).unwrap_or_default();
                Page { path: target.clone(), text }.anchors().contains(heading)
            };
            if !target.exists() || !heading.is_none_or(has_heading) {
                faults.push(format!("{}: {link}", page.path.display()));
            }
        }
    }
    assert!(links > 50, "{links} links were found");
    assert!(faults.is_empty(), "these lead nowhere:\n{}", faults.join("\n"));
}

#[test]
fn every_page_is_linked_from_the_readme() {
    let linked = Page::of("README.md").links();
    for page in pages_in("docs") {
        let path = page.path.to_str().expect("text");
        assert!(linked.iter().any(|link| link.split('#').next() == Some(path)), "{path} is not linked");
    }
}

#[test]
fn the_readme_is_short() {
    let lines = Page::of("README.md").text.lines().count();
    assert!(lines <= README_LINES_MAX, "{lines} lines are more than {README_LINES_MAX}; move some to docs/");
}

/// The demo runs on three days in a row, and examples use its store; a question may also name the day after.
#[test]
fn the_dates_in_examples_are_those_of_one_demo() {
    let blocks = blocks("console");
    let commands = blocks.iter().flat_map(|block| commands(block)).map(|(command, _)| command);
    let is_date = |word: &&str| word.len() == 10 && word.starts_with("20") && word.matches('-').count() == 2;
    let dates = commands.flat_map(|command| command.split(|c: char| !(c.is_ascii_digit() || c == '-'))).filter(is_date);
    let days = dates.map(|date| date.parse::<chrono::NaiveDate>().expect("a date"));
    let days: BTreeSet<_> = days.collect();
    let (first, last) = (days.first().expect("a date"), days.last().expect("a date"));
    assert!((*last - *first).num_days() < 4, "{days:?}");
    let shown = blocks.concat();
    assert!(shown.contains(&format!("{first} ")), "no output is of {first}");
}

#[test]
fn every_path_named_is_there() {
    let mut faults = Vec::new();
    for page in all_pages() {
        for code in page.code() {
            let is_path = ["src/", "sql/", "tests/", "docs/"].iter().any(|folder| code.starts_with(folder));
            let is_pattern = ["NAME", "NNNN", " "].iter().any(|placeholder| code.contains(placeholder));
            if is_path && !is_pattern && !root().join(&code).exists() {
                faults.push(format!("{}: {code}", page.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "these are not there:\n{}", faults.join("\n"));
}

#[test]
fn every_make_target_named_is_in_the_makefile() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("a makefile");
    let makefile = read("Makefile") + &read(".pack/pack.mk");
    let mut targets = BTreeSet::new();
    for code in all_pages().iter().flat_map(Page::code) {
        let Some(words) = code.strip_prefix("make ") else { continue };
        let words = words.split('#').next().unwrap_or_default().split_whitespace();
        targets.extend(words.filter(|word| !word.contains('=') && *word != "…").map(str::to_owned));
    }
    assert!(targets.len() >= 10, "{targets:?}");
    for target in targets {
        assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
    }
}

/// Whether a line matches the pattern, in which words such as FOLDER stand for what differs between runs.
fn fits(line: &str, pattern: &str) -> bool {
    let mut pieces = vec![pattern];
    for word in ["FOLDER", "PORT", "in N ms", "ID", "SIZE"] {
        let is_word = |piece: &str, at: usize| !piece[..at].ends_with(char::is_alphabetic);
        pieces = pieces
            .into_iter()
            .flat_map(|piece| match piece.find(word).filter(|at| is_word(piece, *at)) {
                Some(at) => vec![&piece[..at], &piece[at + word.len()..]],
                None => vec![piece],
            })
            .collect();
    }
    let (first, last) = (pieces[0], pieces[pieces.len() - 1]);
    line.starts_with(first) && line.ends_with(last) && pieces.iter().all(|piece| line.contains(piece))
}

#[test]
fn the_check_shown_is_one_that_a_test_makes() {
    let made = include_str!(
        "../setup/snapshots/it__setup__first_steps__a_check_finds_what_is_wrong_with_lists_projects_and_clock.snap"
    );
    let made: Vec<&str> = made.split("\n---\n").nth(1).expect("below its head").lines().collect();
    let page = Page::of("docs/first-steps.md");
    let shown = page.blocks("text").into_iter().find(|block| block.starts_with("$ hclake check")).expect("a check");
    let shown: Vec<&str> = shown.lines().skip(1).collect();
    assert_eq!(shown.len(), made.len(), "write into the page what the snapshot has");
    for (shown, made) in shown.iter().zip(&made) {
        assert!(fits(shown, made), "shown:\n{shown}\nmade:\n{made}");
    }
}

#[test]
fn the_messages_on_credentials_are_the_programs() {
    let tenant = Tenant::new();
    let page = Page::of("docs/credentials.md").blocks("text").concat();
    let is_shown = |ran: Ran| {
        let home = tenant.path("home").display().to_string();
        for line in ran.exits(2).stderr.replace(&home, "/home/me").lines() {
            assert!(page.contains(&format!("{line}\n")), "docs/credentials.md lacks:\n{line}");
        }
    };
    is_shown(tenant.run_at_home(&["sync"], &[("HW_USER_NAME", "nightly"), ("HW_USER_PASSWORD", "password")]));
    let koocli = r#"{"current": "default", "authEncrypt": "true", "profiles": [{"name": "default", "mode": "AKSK"}]}"#;
    tenant.write_at_home(".hcloud/config.json", koocli);
    is_shown(tenant.run_at_home(&["sync"], &[]));
    let keys = "ak = access-key\nsk = secret-key\n";
    tenant.write_at_home(".huaweicloud/credentials", &format!("[basic]\n{keys}[prod]\n{keys}"));
    is_shown(tenant.run_at_home(&["--profile", "staging", "sync"], &[]));
}

#[test]
fn the_configuration_shown_is_accepted() {
    let tenant = Tenant::new();
    let (catalog_files, configurations): (Vec<String>, Vec<String>) =
        blocks("toml").into_iter().partition(|block| block.contains("[[column]]"));
    assert!(configurations.len() >= 3 && !catalog_files.is_empty());
    for shown in &configurations {
        tenant.write("shown.toml", shown);
        tenant.run(&["--config", "shown.toml", "config"]).exits(0);
    }
    for shown in &catalog_files {
        tenant.write("list.toml", shown);
        tenant.run(&["catalog", "check", "list.toml"]).exits(0);
    }
    let example = configurations.iter().find(|block| block.contains("[rate]")).expect("the example");
    let switched_on = ["[[scope]]", "region", "tables"]
        .iter()
        .fold(example.clone(), |text, setting| text.replace(&format!("\n# {setting}"), &format!("\n{setting}")));
    tenant.write("hclake.toml", &switched_on);
    let ran = tenant.run_with(&["sync", "--dry-run"], &[("HCLAKE_CODEARTS_PROJECTS", "")]).exits(0);
    assert!(ran.stdout.contains("cn-north-4"), "{}", ran.stdout);
}

#[test]
fn python_reads_the_store_as_shown() {
    let has_duckdb = Command::new("python3").args(["-c", "import duckdb"]).output().is_ok_and(|o| o.status.success());
    if !has_duckdb {
        eprintln!("skipped: python3 has no duckdb module here");
        return;
    }
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    for block in blocks("python") {
        let output = Command::new("python3").args(["-c", &block]).current_dir(tenant.folder()).output();
        let output = output.expect("python3 starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("app_name"));
    }
}

#[test]
fn the_table_of_tables_is_the_catalogs() {
    let page = Page::of("docs/what-is-kept.md").text;
    let shown = page.split("<!-- tables -->\n").nth(1).and_then(|rest| rest.split("<!-- /tables -->").next());
    let tables = Tenant::new().run(&["tables", "--api", "--format", "markdown"]).exits(0).stdout;
    assert_eq!(
        shown.expect("the marks are there"),
        tables,
        "write between the marks what `hclake tables --api --format markdown` says:\n{tables}"
    );
}

#[test]
fn the_table_of_settings_is_the_programs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once("<!-- settings -->\n").expect("the first mark");
    let (shown, after) = rest.split_once("<!-- /settings -->").expect("the second mark");
    let table = hclake::config::reference();
    if std::env::var_os("HCLAKE_WRITE_DOCS").is_some() {
        let renewed = format!("{before}<!-- settings -->\n{table}<!-- /settings -->{after}");
        return fs::write(&path, renewed).expect("written");
    }
    assert!(
        shown == table,
        "docs/configuration.md is not what the table of settings says; write it again:\n\
         HCLAKE_WRITE_DOCS=1 cargo test --locked --no-default-features --test it table_of_settings"
    );
}

#[test]
fn the_keys_of_alerts_are_the_programs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/alerts.md");
    for (name, table) in ["alert", "notify"].into_iter().zip(hclake::config::reference_of_alerts()) {
        let page = fs::read_to_string(&path).expect("the page");
        let (first, second) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
        let (before, rest) = page.split_once(&first).expect("the first mark");
        let (shown, after) = rest.split_once(&second).expect("the second mark");
        if std::env::var_os("HCLAKE_WRITE_DOCS").is_some() {
            fs::write(&path, format!("{before}{first}{table}{second}{after}")).expect("written");
        } else {
            assert!(
                shown == table,
                "docs/alerts.md is not what the keys of [[{name}]] say; write it again:\n\
                 HCLAKE_WRITE_DOCS=1 cargo test --locked --no-default-features --test it keys_of_alerts"
            );
        }
    }
}

#[test]
fn the_table_of_services_is_the_programs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lists-of-your-own.md");
    let page = fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once("<!-- services -->\n").expect("the first mark");
    let (shown, after) = rest.split_once("<!-- /services -->").expect("the second mark");
    let table = hclake::catalog::Services::built_in().reference();
    if std::env::var_os("HCLAKE_WRITE_DOCS").is_some() {
        let renewed = format!("{before}<!-- services -->\n{table}<!-- /services -->{after}");
        return fs::write(&path, renewed).expect("written");
    }
    assert!(
        shown == table,
        "docs/lists-of-your-own.md is not what the table of services says; write it again:\n\
         HCLAKE_WRITE_DOCS=1 cargo test --locked --no-default-features --test it table_of_services"
    );
}

#[test]
fn every_exit_code_is_described() {
    let page = Page::of("docs/exit-codes.md").text;
    for code in ["0", "1", "2", "3", "4", "130"] {
        assert!(page.contains(&format!("\n| {code} | ")), "exit code {code}");
    }
}

#[test]
fn every_report_and_command_is_described() {
    let text: String = pages().into_iter().map(|page| page.text).collect();
    for report in hclake::report::Reports::built_in().iter() {
        assert!(text.contains(&report.name), "report {}", report.name);
    }
    let help = Tenant::new().run(&["--help"]).exits(0).stdout;
    let commands = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("commands");
    for command in commands.lines().filter_map(|line| line.split_whitespace().next()).filter(|c| *c != "help") {
        assert!(text.contains(&format!("hclake {command}")), "command {command}");
    }
}

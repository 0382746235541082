//! The README stays true: its commands run, its outputs have the columns it shows, its tables are complete.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::Tenant;

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("the README")
}

/// The blocks of one language, without their fences.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    readme().split(&fence).skip(1).map(|rest| rest.split("```").next().expect("a closing fence").to_owned()).collect()
}

/// Words of a command line; double quotes hold words together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('"').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

#[test]
fn every_command_shown_runs_and_shows_the_columns_that_the_readme_shows() {
    let tenant = Tenant::new();
    for night in 0..3 {
        if night > 0 {
            tenant.advance();
        }
        tenant.sync().exits(0);
    }
    let mut commands = 0;
    for block in blocks("console") {
        let mut lines = block.lines().peekable();
        while let Some(line) = lines.next() {
            let Some(command) = line.strip_prefix("$ hclake ") else { continue };
            let args = words(command);
            let ran = tenant.run(&args.iter().map(String::as_str).collect::<Vec<_>>()).exits(0);
            commands += 1;
            if let Some(shown) = lines.peek().filter(|next| !next.starts_with("$ ")) {
                let columns = |header: &str| header.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
                let header = ran.stdout.lines().next().unwrap_or_default();
                assert_eq!(columns(header), columns(shown), "hclake {command}");
            }
        }
    }
    assert!(commands >= 10, "{commands} commands were found");
}

#[test]
fn every_make_target_shown_is_in_the_makefile() {
    let makefile = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Makefile")).expect("the Makefile");
    let shown = readme();
    let targets: Vec<&str> = shown
        .split("make ")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '-').next())
        .filter(|word| ["demo", "test", "install", "help"].contains(word))
        .collect();
    assert!(targets.len() >= 4);
    for target in targets {
        assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
    }
}

#[test]
fn the_configuration_shown_is_taken() {
    let tenant = Tenant::new();
    let shown = blocks("toml")
        .iter()
        .find(|block| block.contains("[rate]"))
        .expect("the configuration")
        .replace("# [[scope]]", "[[scope]]")
        .replace("\n# region", "\nregion");
    tenant.write("hclake.toml", &shown.replace("\n# tables", "\ntables"));
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
    let output = Command::new("python3").args(["-c", &blocks("python").concat()]).current_dir(tenant.folder()).output();
    let output = output.expect("python3 starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("app_name"));
}

/// The README's table of tables, as the program writes it.
fn tables() -> String {
    Tenant::new().run(&["tables", "--api", "--format", "markdown"]).exits(0).stdout
}

#[test]
fn the_table_of_tables_is_the_catalogs() {
    let readme = readme();
    let shown = readme.split("<!-- tables -->\n").nth(1).and_then(|rest| rest.split("<!-- /tables -->").next());
    let tables = tables();
    assert_eq!(
        shown.expect("the marks are there"),
        tables,
        "write between the marks what `hclake tables --api --format markdown` says:\n{tables}"
    );
}

#[test]
fn every_exit_code_is_told() {
    let readme = readme();
    for code in ["0", "1", "2", "3", "4", "130"] {
        assert!(readme.contains(&format!("\n| {code} | ")), "exit code {code}");
    }
}

#[test]
fn every_report_and_command_is_told() {
    let readme = readme();
    for report in hclake::report::reports() {
        assert!(readme.contains(report.name), "report {}", report.name);
    }
    let help = Tenant::new().run(&["--help"]).exits(0).stdout;
    let commands = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("commands");
    for command in commands.lines().filter_map(|line| line.split_whitespace().next()).filter(|c| *c != "help") {
        assert!(readme.contains(&format!("hclake {command}")), "command {command}");
    }
}

//! `hclake mcp` as an assistant's program uses it: JSON-RPC over pipes. Tools answer, only read, keep to their limits, and
//! explain what they refuse.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Ran, Tenant};

const ENDLESS: &str = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = -1";

struct Assistant {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    asked: u64,
}

impl Assistant {
    /// A server that has been greeted, and its greeting.
    fn greeted(tenant: &Tenant, args: &[&str]) -> (Assistant, Value) {
        let mut assistant = Assistant::started(tenant, args);
        let client =
            json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let greeting = assistant.ask("initialize", client);
        assistant.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        (assistant, greeting["result"].clone())
    }

    fn started(tenant: &Tenant, args: &[&str]) -> Assistant {
        let mut command = tenant.command(&[&["mcp"], args].concat());
        command.env("TMPDIR", tenant.path("tmp"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().expect("piped")));
        Assistant { child, to, from, asked: 0 }
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.to.as_mut().expect("open"), "{message}").expect("sent");
    }

    fn begin(&mut self, method: &str, params: Value) -> u64 {
        self.asked += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params}));
        self.asked
    }

    /// Sends a request, and returns the message that answers it.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        loop {
            let mut line = String::new();
            self.from.read_line(&mut line).expect("text");
            let message: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: only messages: {line:?}"));
            if message["id"] == id {
                return message;
            }
        }
    }

    /// What a tool answers, and whether it is an error.
    fn call(&mut self, tool: &str, arguments: Value) -> (String, bool) {
        let message = self.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        let result = &message["result"];
        let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{tool}: {message}"));
        (text.to_owned(), result["isError"] == true)
    }

    #[track_caller]
    fn answer(&mut self, tool: &str, arguments: Value) -> Value {
        let (text, is_error) = self.call(tool, arguments);
        assert!(!is_error, "{tool}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    #[track_caller]
    fn refuses(&mut self, tool: &str, arguments: Value, pieces: &[&str]) {
        let (text, is_error) = self.call(tool, arguments.clone());
        assert!(is_error, "{tool} {arguments}: {text}");
        for piece in pieces {
            assert!(text.contains(piece), "`{piece}` is not in: {text}");
        }
    }

    /// Ends the server as an assistant's program does, and returns what it wrote besides.
    fn closed(mut self) -> Ran {
        drop(self.to.take());
        self.ended()
    }

    fn ended(self) -> Ran {
        let Assistant { child, to: _to, from, .. } = self;
        let mut ran = Ran::of(child.wait_with_output().expect("ended"));
        ran.stdout = from.lines().map(|line| line.expect("text")).collect();
        ran
    }
}

fn tenant() -> Tenant {
    let tenant = Tenant::new();
    fs::create_dir(tenant.path("tmp")).expect("made");
    tenant
}

fn synced() -> Tenant {
    let tenant = tenant();
    tenant.sync().exits(0);
    tenant
}

fn column<'a>(answer: &'a Value, list: &str, name: &str) -> Vec<&'a str> {
    answer[list].as_array().expect("a list").iter().map(|entry| entry[name].as_str().expect("text")).collect()
}

#[test]
fn an_assistant_is_greeted_and_finds_five_tools_that_only_read() {
    let tenant = synced();
    let (mut assistant, greeting) = Assistant::greeted(&tenant, &[]);
    assert_eq!(greeting["serverInfo"]["name"], "hclake");
    let instructions = greeting["instructions"].as_str().expect("text");
    for piece in ["UTC", "_valid_from", "run_report", "T_as_of"] {
        assert!(instructions.contains(piece), "{piece}: {instructions}");
    }
    let listed = assistant.ask("tools/list", json!({}));
    let tools = listed["result"]["tools"].as_array().expect("tools");
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["describe_table", "list_reports", "list_tables", "query", "run_report"]);
    for tool in tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
        assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
    }
    let query = &tools[3]["inputSchema"];
    assert_eq!(query["required"], json!(["sql"]));
    assert_eq!(query["properties"]["limit"]["maximum"], 1000);
    let ran = assistant.closed().exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
}

#[test]
fn every_tool_answers_from_the_store() {
    let tenant = synced();
    let (mut assistant, _) = Assistant::greeted(&tenant, &[]);
    let tables = assistant.answer("list_tables", json!({}));
    assert!(column(&tables, "tables", "table").contains(&"app_install_jobs"));
    assert!(tables["newest_run"].is_string());
    let apps = tables["tables"].as_array().expect("tables").iter().find(|t| t["table"] == "apps").expect("apps");
    assert_eq!(apps["rows"], tenant.number("SELECT count(*) FROM apps"));
    assert!(apps["newest_complete"].is_string(), "{apps}");

    let described = assistant.answer("describe_table", json!({"table": "app_install_jobs"}));
    let columns = column(&described, "columns", "name");
    assert!(columns.contains(&"job_status") && columns.contains(&"_valid_from"), "{columns:?}");
    assert!(described["columns"].as_array().expect("columns").iter().all(|c| c["meaning"].is_string()), "{described}");
    assert!(described["fresh"][0]["newest_complete"].is_string());
    for derived in ["apps_versions", "apps_history", "apps_as_of", "apps_as_of(ts)", "APPS", "runs"] {
        let described = assistant.answer("describe_table", json!({"table": derived}));
        assert!(derived == "runs" || described["columns"][0]["meaning"].is_string(), "{derived}: {described}");
        assert!(described["about"].is_string(), "{derived}: {described}");
    }

    let reports = assistant.answer("list_reports", json!({}));
    assert_eq!(
        column(&reports, "reports", "name"),
        hclake::report::Reports::built_in().iter().map(|r| r.name.clone()).collect::<Vec<_>>()
    );
    let failures = assistant.answer("run_report", json!({"name": "install_failures", "by": "version", "since": "8w"}));
    assert!(failures["rows"].as_array().is_some_and(|rows| !rows.is_empty()), "{failures}");
    assert!(failures["notes"].to_string().contains("by version"), "{failures}");
    let about_errors = "A job counts under the message of its newest failure";
    assert!(!failures["notes"].to_string().contains(about_errors), "a note on a column that is not there: {failures}");
    let by_error = assistant.answer("run_report", json!({"name": "install_failures", "by": "error"}));
    assert!(by_error["notes"].to_string().contains(about_errors), "{by_error}");
    for report in hclake::report::Reports::built_in().iter().filter(|report| report.sets_needed().is_empty()) {
        let places = report.header.args.iter().map(|name| (name.clone(), json!("apps"))).collect();
        assistant.answer("run_report", json!({"name": report.name, "limit": 5, "parameters": Value::Object(places)}));
    }

    assistant.refuses("run_report", json!({"name": "install_pools"}), &["no table desktops", "to the setting `lists`"]);

    let rows = assistant.answer("query", json!({"sql": "SELECT count(*) AS b, 'x' AS a FROM apps"}));
    assert_eq!(rows["columns"], json!(["b", "a"]));
    assert_eq!(rows["rows"], json!([{"b": tenant.number("SELECT count(*) FROM apps"), "a": "x"}]));
    assert_eq!(rows["is_cut"], false);
    let cut = assistant.answer("query", json!({"sql": "FROM range(100000)", "limit": 3}));
    assert_eq!((cut["rows"].as_array().map(Vec::len), &cut["is_cut"]), (Some(3), &json!(true)));
    assert!(cut["notes"][0].as_str().expect("a note").contains("there are more"));
    assert_eq!(
        assistant.answer("query", json!({"sql": "FROM range(500)"}))["rows"].as_array().map(Vec::len),
        Some(200)
    );

    tenant.advance();
    tenant.sync().exits(0);
    let runs = assistant.answer("query", json!({"sql": "SELECT count(*) AS n FROM runs;"}));
    assert_eq!(runs["rows"][0]["n"], 2, "the store is opened for each call");
    assistant.closed().exits(0);
    assert_eq!(fs::read_dir(tenant.path("tmp")).expect("a folder").count(), 0);
}

#[test]
fn what_cannot_be_answered_is_explained_and_changes_nothing() {
    let tenant = synced();
    let before = fs::read(tenant.store()).expect("readable");
    let (mut assistant, _) = Assistant::greeted(&tenant, &[]);
    let unknown = assistant.ask("tools/call", json!({"name": "drop_table", "arguments": {}}));
    let message = unknown["error"]["message"].as_str().expect("a message");
    assert!(message.contains("`drop_table`") && message.contains("query"), "{message}");
    let sql = |sql: &str| json!({"sql": sql});
    assistant.refuses("query", sql("SELECT nope FROM apps"), &["Binder Error", "nope"]);
    assistant.refuses("query", sql("SELEC 1"), &["error: Parser Error"]);
    assistant.refuses("query", sql(""), &["there is no statement"]);
    assistant.refuses("query", sql("SELECT 1; SELECT 2"), &["more than one", "hint:"]);
    assistant.refuses("query", sql("SELECT 1 AS a, 2 AS a"), &["same name", "hint:"]);
    assistant.refuses("query", sql("SELECT error('late') FROM range(5000) WHERE range > 4000"), &["late"]);
    for write in [
        "DELETE FROM apps",
        "DROP TABLE apps",
        "UPDATE apps SET name = 'x'",
        "INSERT INTO apps SELECT * FROM apps",
        "CREATE TABLE t (i INT)",
        "COPY apps TO 'apps.csv'",
        "ATTACH 'other.duckdb'",
        "FROM read_csv('/etc/passwd')",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ] {
        assistant.refuses("query", sql(write), &["error:"]);
    }
    assistant.refuses("query", sql("DELETE FROM apps"), &["hint: a query only reads"]);
    assistant.refuses("query", json!({"sql": "SELECT 1", "limit": 5000}), &["1 to 1000", "hint:"]);
    assistant.refuses("query", json!({"statement": "SELECT 1"}), &["statement"]);
    assistant.refuses("describe_table", json!({"table": "app"}), &["did you mean `apps`?", "hint: list_tables"]);
    assistant.refuses("run_report", json!({"name": "install_failure"}), &["hint: did you mean `install_failures`?"]);
    assistant.refuses("run_report", json!({"name": "install_failures", "by": "colour"}), &["hint:", "version"]);
    assistant.refuses("run_report", json!({"name": "install_failures", "since": "yesterday"}), &["hint:", "7d"]);
    assistant.refuses("run_report", json!({"name": "install_failures", "as_of": "2206-05-01"}), &["future", "hint:"]);
    assistant.refuses("query", sql("SELECT map {1: 2} AS m"), &["hint: cast the column"]);
    assert_eq!(assistant.answer("query", sql("SELECT 1 AS a"))["rows"], json!([{"a": 1}]), "it goes on");
    assistant.closed().exits(0);
    assert_eq!(fs::read(tenant.store()).expect("readable"), before);
    assert!(!tenant.path("apps.csv").exists() && !tenant.path("other.duckdb").exists());
}

#[test]
fn without_a_store_the_tools_say_how_to_make_one() {
    let tenant = tenant();
    let (mut assistant, _) = Assistant::greeted(&tenant, &[]);
    for (tool, arguments) in [("list_tables", json!({})), ("query", json!({"sql": "SELECT 1"}))] {
        assistant.refuses(tool, arguments, &["error:", "hint:", "hclake sync"]);
    }
    tenant.sync().exits(0);
    assistant.answer("list_tables", json!({}));
    assistant.closed().exits(0);
}

#[test]
fn a_question_without_end_is_stopped_by_the_time_limit_and_by_cancelling() {
    let tenant = synced();
    let (mut assistant, _) = Assistant::greeted(&tenant, &["--time-limit", "1s"]);
    let begun = Instant::now();
    assistant.refuses("query", json!({"sql": ENDLESS}), &["longer than 1 s", "hint:"]);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(assistant.answer("query", json!({"sql": "SELECT 1 AS a"}))["rows"], json!([{"a": 1}]));
    assistant.closed().exits(0);

    let (mut assistant, _) = Assistant::greeted(&tenant, &[]);
    for _ in 0..3 {
        let id = assistant.begin("tools/call", json!({"name": "query", "arguments": {"sql": ENDLESS}}));
        let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
        assistant.send(&cancelled);
    }
    // More than run at once: those that were cancelled hold nobody up.
    let begun = Instant::now();
    assistant.answer("query", json!({"sql": "SELECT 1 AS a"}));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assistant.closed().exits(0);
    assert_eq!(fs::read_dir(tenant.path("tmp")).expect("a folder").count(), 0);
}

#[test]
fn a_server_that_is_told_to_end_ends_at_once_and_leaves_nothing() {
    let tenant = synced();
    for (signal, sql) in [("-TERM", None), ("-TERM", Some(ENDLESS)), ("-INT", Some(ENDLESS))] {
        let (mut assistant, _) = Assistant::greeted(&tenant, &[]);
        if let Some(sql) = sql {
            assistant.begin("tools/call", json!({"name": "query", "arguments": {"sql": sql}}));
            while fs::read_dir(tenant.path("tmp")).expect("a folder").count() == 0 {
                std::thread::yield_now();
            }
        }
        let sent = Command::new("kill").args([signal, &assistant.child.id().to_string()]).status().expect("kill");
        assert!(sent.success());
        let begun = Instant::now();
        let ran = assistant.ended().exits(0);
        assert!(begun.elapsed() < Duration::from_secs(10), "{signal}: {:?}", begun.elapsed());
        assert_eq!(ran.stderr, "");
        assert_eq!(fs::read_dir(tenant.path("tmp")).expect("a folder").count(), 0, "{signal}");
    }
    // One that nobody greets.
    assert_eq!(Assistant::started(&tenant, &[]).closed().exits(0).stderr, "");
    tenant.run(&["mcp", "--time-limit", "0s"]).exits(2).says(&["leaves no time at all"]);
}

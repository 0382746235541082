//! Records from the examples in the cloud's documentation, which differ in some ways from its declarations.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Decoded, column, decode, list};
use crate::catalog::Catalog;
use crate::catalog::spec::Endpoint;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, alias = "result", alias = "jobs")]
    items: Vec<&'a RawValue>,
}

fn decode_answer(endpoint: &Endpoint, answer: &str) -> Decoded {
    let answer: Answer<'_> = serde_json::from_str(answer).unwrap();
    let rows: Vec<&str> = answer.items.iter().map(|row| row.get()).collect();
    let decoded = decode(endpoint, &rows);
    assert_eq!((decoded.bad.as_slice(), decoded.unknown.as_slice()), ([].as_slice(), [].as_slice()));
    assert_eq!(decoded.good.len(), rows.len());
    decoded
}

/// A list with a column for each `NAME TYPE`.
fn plain(columns: &[&str], nested: &str) -> Endpoint {
    let columns: String = columns
        .iter()
        .map(|column| {
            let (name, ty) = column.split_once(' ').unwrap_or((column, "text"));
            format!("[[column]]\nname = \"{name}\"\ntype = \"{ty}\"\nabout = \"…\"\n")
        })
        .collect();
    list(r#"[{ column = "id" }]"#, &format!("{columns}\n{nested}"))
}

fn row(decoded: &Decoded, row: usize) -> Value {
    let schema = decoded.batch.schema();
    let names = schema.fields().iter().map(|field| field.name()).filter(|name| *name != "_hash");
    names.map(|name| (name.clone(), column(decoded, name)[row].clone())).filter(|(_, value)| !value.is_null()).collect()
}

#[test]
fn the_documented_install_job_is_stored_as_it_stands() {
    let catalog = Catalog::builtin().unwrap();
    let answer = include_str!("../../../tests/fixtures/api/app_install_jobs.json");
    let decoded = decode_answer(catalog.get("app_install_jobs").unwrap(), answer);
    let wanted = json!({
        "id": "xxxxx-xxx-xx", "app_id": "xxxx-xxx-xxx-xxx", "app_name": "Workspace.exe", "app_version": "v1.1.1",
        "instance_id": "xxx-xxxx-xxxx", "instance_sid": "xxxx-xxx-xxxx", "instance_name": "APS-XXXXXX",
        "operator": "zhangsan**@huawei.com", "target": "lisi**@huawei.com", "job_status": "INIT", "error_message": "",
        "create_time": 1_646_649_643_858_000_i64, "update_time": 1_646_649_643_858_000_i64,
    });
    assert_eq!(row(&decoded, 0), wanted);
}

#[test]
fn the_documented_app_has_a_number_for_a_text_and_a_nested_store() {
    let endpoint = plain(
        &[
            "id",
            "tenant_id",
            "name",
            "version",
            "description",
            "authorization_type",
            "app_icon_url",
            "install_type",
            "install_command",
            "uninstall_command",
            "support_os",
            "status",
            "application_source",
            "create_time timestamp",
            "catalog_id",
            "catalog",
            "install_info",
        ],
        r#"[[column]]
        name = "app_file_store"
        type = "struct"
        about = "Where the file lies."
        fields = [
            { name = "store_type", type = "text", about = "Kind." },
            { name = "file_link", type = "text", about = "Link." },
            { name = "bucket_store", type = "struct", about = "Bucket.", fields = [
                { name = "bucket_name", type = "text", about = "Bucket." },
                { name = "bucket_file_path", type = "text", about = "Object." },
            ] },
        ]"#,
    );
    let decoded = decode_answer(&endpoint, include_str!("../../../tests/fixtures/api/apps.json"));
    assert_eq!(column(&decoded, "catalog_id"), ["1"]);
    assert_eq!(column(&decoded, "install_command"), ["${FILE_PATH} /S"]);
    let store = json!({
        "store_type": "OBS", "file_link": "https://host-addresss/xxxxx.jpg",
        "bucket_store": {"bucket_name": "wks-appcenter-xxxx", "bucket_file_path": "app-file/xxxx.exe"},
    });
    assert_eq!(column(&decoded, "app_file_store"), [store]);
}

fn deploy_tasks() -> Endpoint {
    plain(
        &[
            "id",
            "task_id",
            "app_id",
            "name",
            "project_id",
            "project_name",
            "deploy_system",
            "create_time timestamp",
            "update_time timestamp",
            "execution_time timestamp",
            "state",
            "execution_state",
            "duration elapsed",
            "description",
            "is_defaut_permission bool",
            "owner",
            "nick_name",
            "owner_id",
            "is_care bool",
            "can_modify bool",
            "can_delete bool",
            "can_view bool",
            "can_execute bool",
            "can_copy bool",
            "can_manage bool",
            "can_disable bool",
            "role_id int32",
            "release_id int32",
            "is_disable bool",
            "executor_id",
            "executor_nick_name",
        ],
        r#"[[column]]
        name = "app_component_list"
        type = "list"
        about = "Components."
        item = { type = "struct", fields = [
            { name = "comp_id", type = "text", about = "Component." },
            { name = "state", type = "text", about = "State." },
        ] }
        [[column]]
        name = "steps"
        type = "map"
        about = "Steps by their identity."
        item = { type = "struct", fields = [
            { name = "id", type = "text", about = "PathStep." },
            { name = "name", type = "text", about = "Name." },
            { name = "params", type = "map", item = { type = "text" }, about = "Parameters." },
            { name = "enable", type = "bool", about = "Whether it runs." },
        ] }"#,
    )
}

#[test]
fn the_documented_deploy_tasks_lack_nine_members_and_have_no_zone() {
    let decoded = decode_answer(&deploy_tasks(), include_str!("../../../tests/fixtures/api/deploy_tasks.json"));
    assert_eq!(column(&decoded, "state"), ["succeeded", "failed"], "neither is among the declared values");
    assert_eq!(column(&decoded, "create_time")[0], 1_644_395_660_000_000_i64, "16:34:20 in +08:00");
    assert_eq!(column(&decoded, "duration"), ["00:00:50", "00:02:36"]);
    assert_eq!(column(&decoded, "duration_s"), [50, 156]);
    assert_eq!(column(&decoded, "role_id"), [-1, -1]);
    assert_eq!(column(&decoded, "is_defaut_permission"), [false, false]);
    for absent in ["task_id", "app_id", "description", "app_component_list", "steps"] {
        assert_eq!(column(&decoded, absent), [Value::Null, Value::Null], "{absent}");
    }
}

#[test]
fn a_deploy_task_with_all_that_the_examples_lack_is_stored_natively() {
    let record = r#"{"id":"t","app_component_list":[{"comp_id":"c","state":0},{"comp_id":"d","state":"1"}],
        "steps":{"step1":{"id":"1","name":"Install","params":{"port":8080,"host":"h"},"enable":true},"step2":null}}"#;
    let decoded = decode(&deploy_tasks(), &[record]);
    assert_eq!((decoded.bad.len(), decoded.unknown.len()), (0, 0));
    let components = json!([{"comp_id": "c", "state": "0"}, {"comp_id": "d", "state": "1"}]);
    assert_eq!(column(&decoded, "app_component_list"), [components]);
    let first = json!({"id": "1", "name": "Install", "params": {"port": "8080", "host": "h"}, "enable": true});
    assert_eq!(column(&decoded, "steps"), [json!({"step1": first, "step2": null})]);
}

#[test]
fn one_record_may_write_its_times_with_and_without_a_fraction() {
    let endpoint = plain(&["id", "create_time timestamp", "execution_time timestamp"], "");
    let record = r#"{"id":"a","create_time":"2023-07-05 20:34:40.0","execution_time":"2023-08-18 09:40:16"}"#;
    let decoded = decode(&endpoint, &[record]);
    assert_eq!(column(&decoded, "create_time"), [1_688_560_480_000_000_i64]);
    assert_eq!(column(&decoded, "execution_time"), [1_692_322_816_000_000_i64]);
}

#[test]
fn the_documented_image_job_has_a_type_that_is_in_no_list_of_values() {
    let columns = ["id", "job_type", "begin_time timestamp", "end_time timestamp", "status", "sub_jobs_total int32"];
    let decoded = decode_answer(&plain(&columns, ""), include_str!("../../../tests/fixtures/api/image_jobs.json"));
    let at = 1_646_649_643_858_000_i64;
    let wanted = json!({
        "id": "1", "job_type": "createServer", "begin_time": at, "end_time": at, "status": "WAITING",
        "sub_jobs_total": 10,
    });
    assert_eq!(row(&decoded, 0), wanted);
}

#[test]
fn the_documented_instance_job_keeps_its_microseconds() {
    let columns = [
        "id",
        "instance_id",
        "resource_id",
        "resource_name",
        "type",
        "status",
        "reason",
        "created_at timestamp",
        "updated_at timestamp",
    ];
    let answer = include_str!("../../../tests/fixtures/api/swr_instance_jobs.json");
    let decoded = decode_answer(&plain(&columns, ""), answer);
    assert_eq!(column(&decoded, "created_at"), [1_620_791_438_305_978_i64]);
    assert_eq!(column(&decoded, "updated_at"), [1_620_791_443_315_473_i64]);
    assert_eq!(column(&decoded, "type"), ["CreateInstance"]);
}

//! Pages: what a plain client reads, page by page, is the world's own listing.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{CODEARTS_PROJECT, IAM_PROJECT, TOKEN, answer, get, post, running, small};
use crate::base::secret::Secret;
use crate::catalog::Catalog;
use crate::catalog::spec::Paging;
use crate::emulator::server::pages::{Place, Refusal, place};
use crate::emulator::*;

fn target(table: &str) -> String {
    let path = Catalog::core().unwrap().get(table).unwrap().path.clone();
    let project = if table.starts_with("deploy") { CODEARTS_PROJECT } else { IAM_PROJECT };
    path.replace("{project_id}", project)
}

fn records_of(emulator: &Running, table: &str) -> Vec<Value> {
    emulator.with_world(|world| world.records(table))
}

#[tokio::test]
async fn offset_pages_put_together_are_the_listing() {
    let emulator = running().await;
    for (table, step, limit) in [("app_install_jobs", 99, 100), ("apps", 30, 30), ("app_install_jobs", 7, 7)] {
        let truth = records_of(&emulator, table);
        let mut read = Vec::new();
        for start in (0..truth.len()).step_by(step) {
            let (status, page) =
                answer(get(&emulator, &format!("{}?limit={limit}&offset={start}", target(table))).await).await;
            assert_eq!((status, page["count"].as_u64()), (200, Some(truth.len() as u64)));
            read.extend(page["items"].as_array().unwrap().iter().take(step).cloned());
        }
        assert_eq!(read, truth, "{table}");
    }
}

#[tokio::test]
async fn an_offset_list_gives_ten_records_where_no_number_is_named_and_none_beyond_the_end() {
    let emulator = running().await;
    let (_, first) = answer(get(&emulator, &target("apps")).await).await;
    assert_eq!(first["items"].as_array().unwrap()[..], records_of(&emulator, "apps")[..10]);
    let (status, beyond) = answer(get(&emulator, &format!("{}?offset=2147483647", target("apps"))).await).await;
    assert_eq!((status, &beyond["items"]), (200, &json!([])));
}

#[tokio::test]
async fn numbered_pages_put_together_are_the_listing() {
    let emulator = running().await;
    let (tasks, apps) = (records_of(&emulator, "deploy_tasks"), records_of(&emulator, "deploy_apps"));
    let (mut read_tasks, mut read_apps) = (Vec::new(), Vec::new());
    for page in 1..=8 {
        let query = format!("{}?page={page}&size=25", target("deploy_tasks"));
        let (_, answered) = answer(get(&emulator, &query).await).await;
        assert_eq!(answered["total_num"].as_u64(), Some(tasks.len() as u64));
        read_tasks.extend(answered["result"].as_array().unwrap().clone());
        let body = json!({ "project_id": CODEARTS_PROJECT, "page": page, "size": 25 });
        let (_, answered) = answer(post(&emulator, &target("deploy_apps"), body).await).await;
        assert_eq!(answered["total_num"].as_u64(), Some(apps.len() as u64));
        read_apps.extend(answered["result"].as_array().unwrap().clone());
    }
    assert_eq!((read_tasks, read_apps), (tasks, apps));
}

#[tokio::test]
async fn each_value_of_the_fixed_parameter_has_a_listing_of_its_own() {
    let emulator = running().await;
    let mut read = Vec::new();
    for job_type in ["CREATE_SERVER", "CREATE_SERVER_IMAGE", "DELETE_SERVER"] {
        let query = format!("{}?job_type={job_type}&limit=100", target("image_jobs"));
        let (_, page) = answer(get(&emulator, &query).await).await;
        assert_eq!(page["count"].as_u64(), Some(40));
        read.extend(page["items"].as_array().unwrap().clone());
    }
    assert_eq!(read, records_of(&emulator, "image_jobs"));
}

#[tokio::test]
async fn the_registry_accepts_only_offsets_that_are_multiples_and_both_parameters_or_none() {
    let emulator = running().await;
    let jobs = target("swr_instance_jobs");
    let truth = records_of(&emulator, "swr_instance_jobs");
    let (_, whole) = answer(get(&emulator, &jobs).await).await;
    assert_eq!(whole["jobs"].as_array(), Some(&truth));
    let (_, third) = answer(get(&emulator, &format!("{jobs}?offset=20&limit=10")).await).await;
    assert_eq!(third["jobs"].as_array().unwrap()[..], truth[20..30]);
    for wrong in ["offset=20", "limit=10", "offset=15&limit=10"] {
        let (status, body) = answer(get(&emulator, &format!("{jobs}?{wrong}")).await).await;
        assert_eq!((status, &body["errors"][0]["errorCode"]), (400, &body["error_code"]), "{wrong}");
        assert!(body["error_code"].as_str().unwrap().starts_with("SVCSTG.SWR."), "{wrong}");
    }
}

#[tokio::test]
async fn what_is_out_of_range_or_missing_is_refused_in_the_shape_of_the_service() {
    let emulator = running().await;
    for query in ["limit=0", "limit=101", "limit=ten", "offset=-1", "offset=2147483648"] {
        let (status, body) = answer(get(&emulator, &format!("{}?{query}", target("apps"))).await).await;
        assert_eq!((status, &body["error_code"]), (400, &json!("WKS.00000002")), "{query}");
        assert!(body.get("request_id").is_none());
    }
    for query in ["page=1", "size=10", ""] {
        let (status, body) = answer(get(&emulator, &format!("{}?{query}", target("deploy_tasks"))).await).await;
        assert_eq!((status, &body["error_code"]), (400, &json!("APIGW.0106")), "{query}");
        assert!(body["request_id"].is_string());
    }
    let (status, body) = answer(get(&emulator, &format!("{}?page=0&size=10", target("deploy_tasks"))).await).await;
    assert_eq!((status, &body["status"]), (400, &json!("failed")));
    let (status, body) = answer(get(&emulator, &target("image_jobs")).await).await;
    assert_eq!((status, &body["error_code"]), (400, &json!("APIGW.0106")));
    let (status, _) = answer(get(&emulator, &format!("{}?job_type=BUILD_IMAGE", target("image_jobs"))).await).await;
    assert_eq!(status, 400);
    let (status, body) = answer(post(&emulator, &target("deploy_apps"), json!({ "page": 1, "size": 10 })).await).await;
    assert_eq!((status, &body["error_code"]), (400, &json!("APIGW.0106")));
}

#[tokio::test]
async fn an_unknown_path_or_project_is_answered_as_the_cloud_does() {
    let emulator = running().await;
    for path in ["/v1/x/nothing", "/v1/applications/list", "/v1//app-center/jobs"] {
        let (status, body) = answer(get(&emulator, path).await).await;
        assert_eq!((status, &body["error_code"]), (404, &json!("APIGW.0101")), "{path}");
    }
    let (status, body) = answer(get(&emulator, "/v1/another/app-center/jobs").await).await;
    assert_eq!((status, &body["error_code"]), (403, &json!("APIGW.0302")));
    let (status, body) = answer(get(&emulator, "/v2/another/tasks/list?page=1&size=100").await).await;
    assert_eq!((status, body), (200, json!({ "result": [], "total_num": 0 })));
}

#[tokio::test]
async fn projects_are_found_by_region_and_codearts_lists_its_own() {
    let emulator = running().await;
    let (_, named) = answer(get(&emulator, "/v3/projects?name=ap-southeast-3").await).await;
    assert_eq!((&named["projects"][0]["id"], named["projects"].as_array().unwrap().len()), (&json!(IAM_PROJECT), 1));
    let (_, none) = answer(get(&emulator, "/v3/projects?name=cn-north-4&page=1&per_page=10").await).await;
    assert_eq!(none["projects"], json!([]));
    let (_, codearts) = answer(get(&emulator, "/v4/projects?offset=0&limit=1000").await).await;
    assert_eq!((&codearts["projects"][0]["project_id"], &codearts["total"]), (&json!(CODEARTS_PROJECT), &json!(1)));
    let (status, _) = answer(get(&emulator, "/v4/projects?limit=1001").await).await;
    assert_eq!(status, 400);
}

/// An emulator with lists that are not built in.
async fn with_lists(lists: &[&str]) -> Running {
    let files = lists.iter().enumerate().map(|(n, text)| (format!("{n}.toml"), text.to_string()));
    let settings = EmulatorSettings { auth_token: Some(Secret::new(TOKEN)), ..Default::default() };
    let catalog = Catalog::beside_builtin(files).unwrap();
    Emulator::start(World::new(&catalog, WorldSettings { other_rows: 23, ..small() }), settings).await.unwrap()
}

const BY_TEXT: &str = include_str!("../../../tests/fixtures/catalog/swr_all_repositories.toml");
const BY_NUMBER: &str = include_str!("../../../tests/fixtures/catalog/swr_repositories_v3.toml");
const BARE: &str = include_str!("../../../tests/fixtures/catalog/swr_shared_repositories.toml");
const UNPAGED: &str = include_str!("../../../tests/fixtures/catalog/app_catalogs.toml");

#[tokio::test]
async fn pages_by_marker_put_together_are_the_listing_and_the_last_has_no_marker() {
    let nested = BY_NUMBER
        .replace("\"repos\"", "\"data.repos\"")
        .replace("\"nextMarker\"", "\"page.next\"\nmore = \"page.more\"");
    for (list, table, path, items, next) in [
        (
            BY_TEXT,
            "swr_all_repositories",
            format!("/v3/{IAM_PROJECT}/repositories"),
            "/repositories",
            "/page_info/next_marker",
        ),
        (BY_NUMBER, "swr_repositories_v3", "/v3/manage/repos".to_owned(), "/repos", "/nextMarker"),
        (&nested, "swr_repositories_v3", "/v3/manage/repos".to_owned(), "/data/repos", "/page/next"),
    ] {
        let emulator = with_lists(&[list]).await;
        let truth = records_of(&emulator, table);
        let (mut read, mut query, mut pages) = (Vec::new(), "limit=7".to_owned(), 0);
        loop {
            let (status, page) = answer(get(&emulator, &format!("{path}?{query}")).await).await;
            assert_eq!(status, 200, "{page}");
            read.extend(page.pointer(items).unwrap().as_array().unwrap().clone());
            pages += 1;
            let marker = page.pointer(next).filter(|marker| !marker.is_null());
            assert!(page.pointer("/page/more").is_none_or(|more| *more == json!(marker.is_some())), "{page}");
            let Some(marker) = marker else { break };
            let text = marker.as_str().map_or_else(|| marker.to_string(), str::to_owned);
            query = format!("limit=7&marker={}", text.replace('+', "%2B").replace('=', "%3D").replace('&', "%26"));
        }
        assert_eq!((read, pages), (truth, 4), "{table}");
        let (status, _) = answer(get(&emulator, &format!("{path}?limit=7&marker=another")).await).await;
        assert_eq!(status, 400);
    }
}

#[tokio::test]
async fn a_marker_holds_its_place_although_its_record_is_gone() {
    let emulator = with_lists(&[BY_NUMBER]).await;
    let (_, first) = answer(get(&emulator, "/v3/manage/repos?limit=7").await).await;
    let marker = first["nextMarker"].to_string();
    let (_, before) = answer(get(&emulator, &format!("/v3/manage/repos?limit=7&marker={marker}")).await).await;
    emulator.with_world(|world| {
        let id = world.lists().find(|id| id.table == "swr_repositories_v3").unwrap().clone();
        world.remove(&id, &marker).unwrap();
    });
    let (_, after) = answer(get(&emulator, &format!("/v3/manage/repos?limit=7&marker={marker}")).await).await;
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_bare_array_has_its_total_in_the_header_and_needs_its_fixed_parameters() {
    let emulator = with_lists(&[BARE]).await;
    let truth = records_of(&emulator, "swr_shared_repositories");
    let path = "/v2/manage/repos?order_column=name&order_type=asc";
    let response = get(&emulator, &format!("{path}&offset=10&limit=10")).await.unwrap();
    assert_eq!(response.headers()["content-range"], "10-20/23");
    let page: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!(page.as_array().unwrap()[..], truth[10..20]);
    for wrong in ["/v2/manage/repos?offset=0&limit=10", "/v2/manage/repos?order_column=size&order_type=asc"] {
        assert_eq!(answer(get(&emulator, wrong).await).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_list_without_paging_comes_whole() {
    let emulator = with_lists(&[UNPAGED]).await;
    let (_, page) = answer(get(&emulator, &format!("/v1/{IAM_PROJECT}/app-center/app-catalogs")).await).await;
    assert_eq!(page["items"].as_array().unwrap()[..], records_of(&emulator, "app_catalogs"));
    assert_eq!(page.as_object().unwrap().len(), 1, "no total");
}

proptest! {
    /// Whatever is asked, a page is no longer than its size, and only valid numbers are accepted.
    #[test]
    fn a_window_is_what_was_asked_or_a_refusal(
        which in 0_usize..6,
        position in prop::option::of("-?[0-9]{1,11}|[a-z]{0,3}"),
        size in prop::option::of("-?[0-9]{1,4}|[a-z]{0,3}"),
    ) {
        let catalog = Catalog::core().unwrap();
        let endpoint = &catalog.endpoints()[which];
        let Paging::Counted(paging) = &endpoint.paging else { panic!("the built-in lists are counted") };
        let given = |name: &str| if name == paging.position { position.clone() } else { size.clone() };
        match place(paging, given) {
            Ok(Place { start, length }) => {
                prop_assert!((1..=100).contains(&length));
                if let Some(size) = &size {
                    prop_assert_eq!(size.parse::<usize>().unwrap(), length);
                }
                if let Some(position) = &position {
                    let position: usize = position.parse().unwrap();
                    prop_assert!(start == position || start == (position - 1) * length);
                }
            }
            Err(Refusal::Missing(name)) => prop_assert!(given(&name).is_none()),
            Err(Refusal::OutOfRange(_)) => prop_assert!(position.is_some() || size.is_some()),
        }
    }
}

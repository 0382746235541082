//! How the emulator issues tokens and keys, and revokes them.

use serde_json::json;

use super::*;

const PATH: &str = "/v1/0a1b2c3d4e5f60718293a4b5c6d7e8f9/app-center/apps?offset=0&limit=10";

fn user() -> EmulatedUser {
    EmulatedUser { password: Secret::new("p"), ..EmulatedUser::default() }
}

async fn with(user: EmulatedUser) -> Running {
    let settings = EmulatorSettings { user: Some(user), ..Default::default() };
    Emulator::start(small_world(), settings).await.unwrap()
}

fn request(password: &str, project: Value) -> Value {
    let user = json!({ "name": "nightly", "password": password, "domain": { "name": "emulator" } });
    let identity = json!({ "methods": ["password"], "password": { "user": user } });
    json!({ "auth": { "identity": identity, "scope": { "project": project } } })
}

async fn ask(emulator: &Running, body: Value) -> (u16, Option<String>, Value) {
    let url = format!("{}/v3/auth/tokens?nocatalog=true", emulator.base_url());
    let response = client().post(url).body(body.to_string()).send().await.unwrap();
    let token = response.headers().get("x-subject-token").map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), token, serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

async fn list_with(emulator: &Running, path: &str, token: &str) -> (u16, Value) {
    answer(client().get(format!("{}{path}", emulator.base_url())).header("X-Auth-Token", token).send().await).await
}

#[tokio::test]
async fn a_token_is_valid_in_its_project_given_by_id_or_name() {
    let ids = [IAM_PROJECT, "other"].map(str::to_owned).to_vec();
    let world = World::new(&Catalog::core().unwrap(), WorldSettings { iam_project_ids: ids, ..small() });
    let settings = EmulatorSettings { user: Some(user()), ..Default::default() };
    let emulator = Emulator::start(world, settings).await.unwrap();
    for project in [json!({ "id": IAM_PROJECT }), json!({ "name": "ap-southeast-3" })] {
        let (status, token, body) = ask(&emulator, request("p", project)).await;
        assert_eq!((status, &body["token"]["project"]["id"]), (201, &json!(IAM_PROJECT)));
        assert_eq!(list_with(&emulator, PATH, token.as_deref().unwrap()).await.0, 200);
    }
    let (_, other, _) = ask(&emulator, request("p", json!({ "id": "other" }))).await;
    let (status, body) = list_with(&emulator, PATH, other.as_deref().unwrap()).await;
    assert_eq!((status, &body["error_code"]), (401, &json!("APIGW.0307")));
    assert_eq!(ask(&emulator, request("p", json!({ "id": "none" }))).await.0, 404);
    assert_eq!(emulator.tokens_issued().len(), 3);
}

#[tokio::test]
async fn a_wrong_password_or_another_user_gets_no_token() {
    let emulator = with(user()).await;
    let (status, token, body) = ask(&emulator, request("q", json!({ "id": IAM_PROJECT }))).await;
    assert_eq!((status, token, &body["error"]["code"]), (401, None, &json!(401)));
    assert_eq!(ask(&emulator, json!({ "auth": {} })).await.0, 400);
    let bare = Emulator::start(small_world(), EmulatorSettings::default()).await.unwrap();
    assert_eq!(ask(&bare, request("p", json!({ "id": IAM_PROJECT }))).await.0, 401);
}

#[tokio::test]
async fn tokens_end_at_their_time_when_revoked_and_when_their_user_is_disabled() {
    let short = with(EmulatedUser { token_life_s: 0, ..user() }).await;
    let (_, token, _) = ask(&short, request("p", json!({ "id": IAM_PROJECT }))).await;
    let (status, body) = list_with(&short, PATH, token.as_deref().unwrap()).await;
    assert_eq!((status, &body["error_code"]), (401, &json!("APIGW.0301")));
    assert!(body["error_msg"].as_str().unwrap().contains("token expired"));
    for (fault, next) in [(Fault::RevokeTokens, 201), (Fault::DisableUser, 401)] {
        let emulator = with(user()).await;
        let (_, token, _) = ask(&emulator, request("p", json!({ "id": IAM_PROJECT }))).await;
        let token = token.unwrap();
        emulator.faults.add("app-center", When::First(1), fault);
        assert_eq!(list_with(&emulator, PATH, &token).await.0, 200, "the answer in hand is still given");
        let (status, body) = list_with(&emulator, PATH, &token).await;
        assert_eq!((status, &body["error_code"]), (401, &json!("APIGW.0307")));
        assert_eq!(ask(&emulator, request("p", json!({ "id": IAM_PROJECT }))).await.0, next);
    }
}

#[tokio::test]
async fn a_metadata_service_with_sessions_gives_keys_only_for_a_session() {
    let url = |emulator: &Running, path: &str| format!("{}{path}", emulator.base_url());
    for has_sessions in [true, false] {
        let metadata = Some(EmulatedMetadata { has_sessions, keys_life_s: 60 });
        let settings = EmulatorSettings { metadata, ..Default::default() };
        let emulator = Emulator::start(small_world(), settings).await.unwrap();
        let session = client().put(url(&emulator, "/meta-data/latest/api/token")).send().await.unwrap();
        assert_eq!(session.status().as_u16(), if has_sessions { 200 } else { 404 });
        let bare = client().get(url(&emulator, "/openstack/latest/securitykey")).send().await.unwrap();
        assert_eq!(bare.status().as_u16(), if has_sessions { 401 } else { 200 });
        let request = client().get(url(&emulator, "/openstack/latest/securitykey"));
        let keyed = request.header("X-Metadata-Token", session.text().await.unwrap()).send().await;
        assert_eq!(answer(keyed).await.1["credential"]["access"], EmulatorSettings::default().ak);
    }
    let off = Emulator::start(small_world(), EmulatorSettings::default()).await.unwrap();
    let keys = client().get(url(&off, "/openstack/latest/securitykey")).send().await.unwrap();
    assert_eq!(keys.status().as_u16(), 401, "it is no metadata service unless it is made one");
}

#[tokio::test]
async fn an_answer_without_a_date_has_no_time_at_all() {
    let emulator = running().await;
    emulator.faults.add("", When::First(1), Fault::NoDate);
    assert!(!get(&emulator, PATH).await.unwrap().headers().contains_key("date"));
    assert!(get(&emulator, PATH).await.unwrap().headers().contains_key("date"));
}

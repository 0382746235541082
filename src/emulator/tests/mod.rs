//! The emulator's world, pages, gate and faults, tested from outside by a plain HTTP client with its own signer.

mod faults;
mod gate;
mod identity;
mod pages;
mod parts;
mod world;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;
use crate::base::secret::Secret;
use crate::catalog::Catalog;

const IAM_PROJECT: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
const CODEARTS_PROJECT: &str = "332f53cbabc44863a46ce6b4f82a9fe7";
const TOKEN: &str = "a-token";

fn small() -> WorldSettings {
    WorldSettings {
        install_jobs: 400,
        deploy_apps: 60,
        image_jobs: 40,
        swr_jobs: 45,
        other_rows: 90,
        ..Default::default()
    }
}

fn small_world() -> World {
    World::new(&Catalog::core().unwrap(), small())
}

/// An emulator that also accepts a token, so that most tests need not sign.
async fn running() -> Running {
    let settings = EmulatorSettings { auth_token: Some(Secret::new(TOKEN)), ..Default::default() };
    Emulator::start(small_world(), settings).await.unwrap()
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Asks with the token.
async fn get(emulator: &Running, target: &str) -> reqwest::Result<reqwest::Response> {
    client().get(format!("{}{target}", emulator.base_url())).header("X-Auth-Token", TOKEN).send().await
}

async fn post(emulator: &Running, target: &str, body: Value) -> reqwest::Result<reqwest::Response> {
    let request = client().post(format!("{}{target}", emulator.base_url())).header("X-Auth-Token", TOKEN);
    request.header("Content-Type", "application/json").body(body.to_string()).send().await
}

/// Status and body, which must be JSON.
async fn answer(response: reqwest::Result<reqwest::Response>) -> (u16, Value) {
    let response = response.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

/// The headers that sign a request whose path and query need no encoding.
struct Signer {
    ak: String,
    sk: String,
    at: DateTime<Utc>,
    headers: BTreeMap<String, String>,
}

impl Signer {
    fn new() -> Self {
        let settings = EmulatorSettings::default();
        Self { ak: settings.ak, sk: settings.sk.expose().to_owned(), at: Utc::now(), headers: BTreeMap::new() }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    fn sign(mut self, method: &str, path: &str, query: &str, body: &[u8]) -> BTreeMap<String, String> {
        let date = self.at.format("%Y%m%dT%H%M%SZ").to_string();
        self.headers.insert("x-sdk-date".to_owned(), date.clone());
        let listed = self.headers.keys().cloned().collect::<Vec<_>>().join(";");
        let lines: String = self.headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let hash = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
        let canonical = format!("{method}\n{path}/\n{query}\n{lines}\n{listed}\n{}", hash(body));
        let mut mac = Hmac::<Sha256>::new_from_slice(self.sk.as_bytes()).unwrap();
        mac.update(format!("SDK-HMAC-SHA256\n{date}\n{}", hash(canonical.as_bytes())).as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let authorization =
            format!("SDK-HMAC-SHA256 Access={}, SignedHeaders={listed}, Signature={signature}", self.ak);
        self.headers.insert("authorization".to_owned(), authorization);
        self.headers
    }
}

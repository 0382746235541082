//! A service of buckets on loopback that speaks as much of S3 as publishing needs, and can be made to misbehave. What
//! real services answer is tested against one of them in `make test-interop`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};

pub const BUCKET: &str = "lake";
/// Objects that one answer to a listing holds.
const LISTED_AT_ONCE: usize = 7;
/// How long it takes to take an object in.
const TAKES_IN: Duration = Duration::from_millis(20);

/// What the service holds, and how it misbehaves.
#[derive(Default)]
pub struct State {
    pub objects: BTreeMap<String, Vec<u8>>,
    uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    /// Requests so far, as `PUT key`.
    pub requests: Vec<String>,
    /// Kinds of requests that are denied: `PUT`, `GET`, `LIST`, `DELETE`, `COPY`.
    pub denied: BTreeSet<&'static str>,
    /// The code that every request is answered with.
    pub code: Option<(u16, &'static str)>,
    pub ignores_conditions: bool,
    pub knows_no_conditions: bool,
    /// Whether an object is there is looked at before the object is taken in, and not again.
    pub looks_before_it_writes: bool,
    /// After this many requests that change something, connections are cut without an answer.
    pub cut_after_writes: Option<usize>,
    writes: usize,
}

pub struct BucketService {
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl BucketService {
    pub fn start() -> BucketService {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let served = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&served);
                thread::spawn(move || serve(stream, &state));
            }
        });
        BucketService { url, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread of the service failed")
    }

    /// The variables with which hclake finds the service.
    pub fn variables(&self) -> [(&str, &str); 4] {
        [
            ("HCLAKE_BUCKET_ENDPOINT", &self.url),
            ("HCLAKE_BUCKET_REGION", "cn-north-4"),
            ("AWS_ACCESS_KEY_ID", "lake-ak"),
            ("AWS_SECRET_ACCESS_KEY", "lake-secret-canary"),
        ]
    }
}

struct Request {
    method: String,
    key: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn of(status: u16, body: impl Into<Vec<u8>>) -> Answer {
        Answer { status, headers: Vec::new(), body: body.into() }
    }

    fn fault(status: u16, code: &str) -> Answer {
        Answer::of(status, format!("<Error><Code>{code}</Code><Message>the service says {code}</Message></Error>"))
    }

    fn with(mut self, name: &'static str, value: String) -> Answer {
        self.headers.push((name, value));
        self
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut writer = stream;
    while let Some(mut request) = read(&mut reader) {
        if state.lock().expect("sound").has_looked(&request) {
            thread::sleep(TAKES_IN);
            request.headers.remove("if-none-match");
        }
        let Some(answer) = state.lock().expect("sound").answer(&request) else { return };
        let mut head = format!("HTTP/1.1 {} x\r\ncontent-length: {}\r\n", answer.status, answer.body.len());
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let body: &[u8] = if request.method == "HEAD" { &[] } else { &answer.body };
        // In one piece: a second one would wait for the first to be acknowledged.
        if writer.write_all(&[head.as_bytes(), body].concat()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |text| text.parse().expect("a length"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let url = url::Url::parse(&format!("http://service{target}")).expect("a path");
    let path = percent_encoding::percent_decode_str(url.path()).decode_utf8().expect("text").into_owned();
    let key = path.strip_prefix(&format!("/{BUCKET}")).expect("the path names the bucket").trim_start_matches('/');
    let query = url.query_pairs().into_owned().collect();
    Some(Request { method, key: key.to_owned(), query, headers, body })
}

fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex::encode(&Sha256::digest(bytes)[..16]))
}

impl State {
    fn has_looked(&self, request: &Request) -> bool {
        let is_absent = request.headers.contains_key("if-none-match") && !self.objects.contains_key(&request.key);
        self.looks_before_it_writes && is_absent
    }

    /// `None`: the connection is cut.
    fn answer(&mut self, request: &Request) -> Option<Answer> {
        let kind = match request.method.as_str() {
            "GET" if request.key.is_empty() => "LIST",
            "PUT" if request.headers.contains_key("x-amz-copy-source") => "COPY",
            "POST" if request.query.contains_key("delete") => "DELETE",
            "POST" => "PUT",
            "HEAD" => "GET",
            other => ["GET", "PUT", "DELETE"].into_iter().find(|kind| *kind == other).expect("a known method"),
        };
        self.requests.push(format!("{kind} {}", request.key));
        let signature = request.headers.get("authorization").expect("every request is signed");
        assert!(signature.contains("Credential=lake-ak/") && signature.contains("/cn-north-4/s3/aws4_request"));
        let has_sum = request.headers.keys().any(|name| name.starts_with("x-amz-checksum"));
        assert!(!has_sum || request.headers.contains_key("content-md5"), "OBS knows no other sum than MD5: {kind}");
        if !matches!(kind, "GET" | "LIST") {
            self.writes += 1;
            if self.cut_after_writes.is_some_and(|most| self.writes > most) {
                return None;
            }
        }
        if let Some((status, code)) = self.code {
            return Some(Answer::fault(status, code));
        }
        if self.denied.contains(kind) {
            return Some(Answer::fault(403, "AccessDenied"));
        }
        Some(match kind {
            "LIST" => self.list(&request.query),
            "GET" => self.get(request),
            "COPY" => self.copy(request),
            "DELETE" => self.delete(request),
            _ => self.put(request),
        })
    }

    fn list(&self, query: &BTreeMap<String, String>) -> Answer {
        let prefix = query.get("prefix").map_or("", String::as_str);
        let after = query.get("continuation-token").or_else(|| query.get("start-after")).map_or("", String::as_str);
        let is_listed = |(key, _): &(&String, &Vec<u8>)| key.starts_with(prefix) && key.as_str() > after;
        let (found, folders) = match query.contains_key("delimiter") {
            true => self.level(prefix),
            false => (self.objects.iter().filter(is_listed).collect(), BTreeSet::new()),
        };
        let most = if query.contains_key("delimiter") { found.len() } else { LISTED_AT_ONCE };
        let page = &found[..found.len().min(most)];
        let contents: String = page
            .iter()
            .map(|(key, bytes)| {
                format!(
                    "<Contents><Key>{key}</Key><LastModified>2026-05-20T00:00:00.000Z</LastModified>\
                     <ETag>{}</ETag><Size>{}</Size></Contents>",
                    etag(bytes).replace('"', "&quot;"),
                    bytes.len()
                )
            })
            .collect();
        let more = match page.last() {
            Some((key, _)) if page.len() < found.len() => {
                format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{key}</NextContinuationToken>")
            }
            _ => "<IsTruncated>false</IsTruncated>".to_owned(),
        };
        let folders: String = folders
            .iter()
            .map(|folder| format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"))
            .collect();
        Answer::of(200, format!("<ListBucketResult><Name>{BUCKET}</Name>{more}{contents}{folders}</ListBucketResult>"))
    }

    /// The objects of one level, and the folders in it.
    fn level(&self, prefix: &str) -> (Vec<(&String, &Vec<u8>)>, BTreeSet<String>) {
        let below = self.objects.iter().filter_map(|(key, bytes)| Some((key, bytes, key.strip_prefix(prefix)?)));
        let (deeper, here): (Vec<_>, Vec<_>) = below.partition(|(_, _, rest)| rest.contains('/'));
        let folder = |rest: &str| rest.split('/').next().map(|name| format!("{prefix}{name}/"));
        let folders = deeper.into_iter().filter_map(|(_, _, rest)| folder(rest)).collect();
        (here.into_iter().map(|(key, bytes, _)| (key, bytes)).collect(), folders)
    }

    fn get(&self, request: &Request) -> Answer {
        let Some(bytes) = self.objects.get(&request.key) else { return Answer::fault(404, "NoSuchKey") };
        let described = |answer: Answer| {
            answer.with("etag", etag(bytes)).with("last-modified", "Wed, 20 May 2026 00:00:00 GMT".to_owned())
        };
        match request.headers.get("range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) {
            None => described(Answer::of(200, bytes.clone())),
            Some((from, to)) => {
                let from: usize = from.parse().expect("a range");
                let to = to.parse::<usize>().expect("a range").min(bytes.len() - 1);
                let range = format!("bytes {from}-{to}/{}", bytes.len());
                described(Answer::of(206, &bytes[from..=to])).with("content-range", range)
            }
        }
    }

    fn copy(&mut self, request: &Request) -> Answer {
        let source = percent_encoding::percent_decode_str(&request.headers["x-amz-copy-source"]);
        let source = source.decode_utf8().expect("text").trim_start_matches('/').to_owned();
        let key = source.strip_prefix(BUCKET).expect("in this bucket").trim_start_matches('/');
        let Some(bytes) = self.objects.get(key).cloned() else { return Answer::fault(404, "NoSuchKey") };
        let tag = etag(&bytes);
        self.objects.insert(request.key.clone(), bytes);
        Answer::of(200, format!("<CopyObjectResult><ETag>{tag}</ETag></CopyObjectResult>"))
    }

    /// Several objects by a list of their keys, or an upload that is not finished.
    fn delete(&mut self, request: &Request) -> Answer {
        let body = String::from_utf8_lossy(&request.body);
        let keys = body.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
        let deleted: String = keys
            .map(|key| {
                self.objects.remove(key);
                format!("<Deleted><Key>{key}</Key></Deleted>")
            })
            .collect();
        self.uploads.remove(request.query.get("uploadId").unwrap_or(&String::new()));
        Answer::of(200, format!("<DeleteResult>{deleted}</DeleteResult>"))
    }

    fn put(&mut self, request: &Request) -> Answer {
        if let Some(upload) = request.query.get("uploadId") {
            return self.put_part(upload, request);
        }
        if request.query.contains_key("uploads") {
            let id = format!("upload-{}", self.requests.len());
            self.uploads.insert(id.clone(), BTreeMap::new());
            return Answer::of(
                200,
                format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"),
            );
        }
        let held = self.objects.get(&request.key).map(|bytes| etag(bytes));
        let (create, known) = (request.headers.get("if-none-match"), request.headers.get("if-match"));
        if (create.is_some() || known.is_some()) && self.knows_no_conditions {
            return Answer::fault(501, "NotImplemented");
        }
        let is_met = match (create, known) {
            (Some(_), _) => held.is_none(),
            (None, Some(tag)) => held.as_ref() == Some(tag),
            (None, None) => true,
        };
        if !is_met && !self.ignores_conditions {
            return Answer::fault(412, "PreconditionFailed");
        }
        self.objects.insert(request.key.clone(), request.body.clone());
        Answer::of(200, "").with("etag", etag(&request.body))
    }

    fn put_part(&mut self, upload: &str, request: &Request) -> Answer {
        let parts = self.uploads.get_mut(upload).expect("a known upload");
        if let Some(number) = request.query.get("partNumber") {
            parts.insert(number.parse().expect("a number"), request.body.clone());
            return Answer::of(200, "").with("etag", etag(&request.body));
        }
        let whole: Vec<u8> = parts.values().flatten().copied().collect();
        self.uploads.remove(upload);
        let tag = etag(&whole);
        self.objects.insert(request.key.clone(), whole);
        Answer::of(200, format!("<CompleteMultipartUploadResult><ETag>{tag}</ETag></CompleteMultipartUploadResult>"))
    }
}

//! The message and the hint of each error, word for word.

use std::fmt::Write;

use super::*;
use crate::catalog::services::built_in;
use crate::cloud::http::error_body::ErrorBody;

fn api(status: u16, class: ErrorClass, body: &str) -> Error {
    let error_body = ErrorBody::read_or_quote(body.as_bytes());
    Error::Api(Box::new(ApiError {
        service: built_in("workspace"),
        host: "workspace.ap-southeast-3.myhuaweicloud.com".into(),
        status: Some(status),
        code: error_body.code,
        message: error_body.message.unwrap_or_else(|| "no text".into()),
        request_id: error_body.request_id,
        class,
        permission: Some("workspace:appcenter:listJobs".into()),
        identity: Identity { kind: IdentityKind::Keys, source: "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK".into() },
        is_page: error_body.is_page,
        wrong_project: None,
    }))
}

fn asked_by(kind: IdentityKind, mut error: Error) -> Error {
    if let Error::Api(error) = &mut error {
        error.identity.kind = kind;
    }
    error
}

fn shown(errors: &[Error]) -> String {
    let mut text = String::new();
    for error in errors {
        writeln!(text, "[{}] {error}", error.class()).unwrap();
        writeln!(text, "    {}", error.hint().unwrap_or_else(|| "-".into())).unwrap();
    }
    text
}

#[test]
fn the_six_shapes_of_an_error_body_are_read() {
    use ErrorClass::*;
    let errors = [
        api(
            403,
            Forbidden,
            r#"{"error_code":"WKS.00010003","error_msg":"no permission","encoded_authorization_message":"x"}"#,
        ),
        api(404, NotFound, r#"{"error_code":"APIGW.0101","error_msg":"The API does not exist","request_id":"5e1f"}"#),
        api(500, Upstream, r#"{"error":{"code":"Deploy.00011002","message":"task failed"},"status":"failed"}"#),
        api(
            400,
            Upstream,
            r#"{"errors":[{"errorCode":"SVCSTG.SWR.4000001","errorMessage":"inner","detail":"d"}],"error_code":"SVCSTG.SWR.4000001","error_msg":"bad limit","details":[]}"#,
        ),
        api(400, Upstream, r#"[{"errorCode":"SVCSTG.SWR.4001","errorMessage":"bad namespace","detail":""}]"#),
        api(404, NotFound, r#"{"error":{"code":404,"message":"Could not find project","title":"Not Found"}}"#),
        api(502, Upstream, "<html>\r\n<head><title>502 Bad\tGateway</title></head>\u{0}\u{1b}[31m</html>"),
        api(503, Upstream, ""),
    ];
    insta::assert_snapshot!(shown(&errors), @r#"
    [forbidden] workspace answered 403 WKS.00010003: no permission
        grant this user the IAM permission workspace:appcenter:listJobs
    [not_found] workspace answered 404 APIGW.0101: The API does not exist (request id 5e1f)
        the API is not published there: check the region, or set HCLAKE_ENDPOINT_URL_WORKSPACE
    [upstream] workspace answered 500 Deploy.00011002: task failed
        the fault is on the service's side; the next run asks again
    [upstream] workspace answered 400 SVCSTG.SWR.4000001: bad limit
        the request was refused as it stands: check the list's parameters and documentation page
    [upstream] workspace answered 400 SVCSTG.SWR.4001: bad namespace
        the request was refused as it stands: check the list's parameters and documentation page
    [not_found] workspace answered 404: Could not find project
        check the region and the project id
    [upstream] workspace answered 502: a web page in place of JSON, titled `502 Bad Gateway`
        something on the way may be answering in the service's place: check HTTPS_PROXY, NO_PROXY and HCLAKE_ENDPOINT_URL_WORKSPACE
    [upstream] workspace answered 503: no text
        the fault is on the service's side; the next run asks again
    "#);
}

#[test]
fn what_is_wrong_with_the_credentials_has_its_own_hint() {
    use ErrorClass::*;
    let gateway =
        |code: &str, text: &str| format!(r#"{{"error_code":"{code}","error_msg":"{text}","request_id":"r"}}"#);
    let errors = [
        api(401, Auth, &gateway("APIGW.0301", "Incorrect IAM authentication information: AK not found")),
        api(401, Auth, &gateway("APIGW.0301", "Incorrect IAM authentication information: verify aksk signature fail")),
        api(401, Clock, &gateway("APIGW.0301", "signature expired, signature time: X, server time: Y")),
        api(401, Auth, &gateway("APIGW.0301", "signature expired")),
        asked_by(IdentityKind::TemporaryKeys, api(401, Auth, &gateway("APIGW.0301", "signature expired"))),
        asked_by(IdentityKind::TemporaryKeys, api(401, Clock, &gateway("APIGW.0301", "signature expired"))),
        asked_by(IdentityKind::Token, api(401, Auth, &gateway("APIGW.0307", "The token must be updated."))),
        asked_by(IdentityKind::Password, api(401, Auth, &gateway("APIGW.0307", "The token must be updated."))),
        api(401, Auth, &gateway("APIGW.0305", "Incorrect authentication information")),
        api(403, Forbidden, &gateway("APIGW.0310", "The project is unavailable.")),
        api(403, Forbidden, &gateway("APIGW.0802", "The IAM user is forbidden in the currently selected region")),
        api(429, Throttled, &gateway("APIGW.0308", "policy user over ratelimit,limit:60,time:1 minute")),
    ];
    insta::assert_snapshot!(shown(&errors), @r#"
    [auth] workspace answered 401 APIGW.0301: Incorrect IAM authentication information: AK not found (request id r)
        no such access key is known there: check HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK for typos, and that the account is of the region's site (a key of the international site is unknown in a region of the China site, and the other way round); nothing more is asked with these keys, since failures in a row lock them for minutes
    [auth] workspace answered 401 APIGW.0301: Incorrect IAM authentication information: verify aksk signature fail (request id r)
        the secret key does not fit the access key: check HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK for typos, and that both are of one pair; nothing more is asked with these keys, since failures in a row lock them for minutes
    [clock] workspace answered 401 APIGW.0301: signature expired, signature time: X, server time: Y (request id r)
        this machine's clock said X, the service's Y: set this machine's clock, for instance by NTP
    [auth] workspace answered 401 APIGW.0301: signature expired (request id r)
        if the keys of HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK are temporary, they have run out, or their security token is not set; nothing more is asked with these keys, since failures in a row lock them for minutes
    [auth] workspace answered 401 APIGW.0301: signature expired (request id r)
        the temporary keys of HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK have run out, or their security token is another pair's: fetch new ones, all three parts
    [clock] workspace answered 401 APIGW.0301: signature expired (request id r)
        this machine's clock differs from the service's: set this machine's clock, for instance by NTP; if it is right, the temporary keys have run out: fetch new ones
    [auth] workspace answered 401 APIGW.0307: The token must be updated. (request id r)
        the token has run out, or is for another region: fetch a new one
    [auth] workspace answered 401 APIGW.0307: The token must be updated. (request id r)
        IAM gave a token for this user, and the service refuses it: check that the user is enabled and belongs to the project
    [auth] workspace answered 401 APIGW.0305: Incorrect authentication information (request id r)
        the keys are not accepted: check HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK; nothing more is asked with these keys, since failures in a row lock them for minutes
    [forbidden] workspace answered 403 APIGW.0310: The project is unavailable. (request id r)
        the project is frozen or of another region: check the project id
    [forbidden] workspace answered 403 APIGW.0802: The IAM user is forbidden in the currently selected region (request id r)
        this user may not use this region: have an administrator allow it, or choose another
    [throttled] workspace answered 429 APIGW.0308: policy user over ratelimit,limit:60,time:1 minute (request id r)
        lower `workspace` under [rate] in hclake.toml
    "#);
}

#[test]
fn an_action_that_a_refusal_names_is_found_in_it() {
    let found = |message: &str| action_in(message).map(str::to_owned);
    assert_eq!(found("Policy doesn't allow 'swr:job:list', sorry.").as_deref(), Some("swr:job:list"));
    assert_eq!(found("needs workspace:appcenter:*").as_deref(), Some("workspace:appcenter:*"));
    for message in ["no permission", "at 10:20:", "a: b: c", "https://a:b@c:d/"] {
        assert_eq!(found(message), None, "{message}");
    }
}

#[test]
fn every_other_error_says_where_and_what_next() {
    let service = built_in("swr");
    let host = || "swr-api.cn-north-4.myhuaweicloud.com".to_owned();
    let unusable =
        |fault| Error::UnusableBody { service, host: host(), status: 200, request_id: Some("r".into()), fault };
    let errors = [
        Error::UnknownRegion { service, region: "x".into(), nearest: None },
        Error::PlainHttp { service, host: "10.0.0.1".into() },
        Error::ProxyLogin { service, host: host() },
        Error::Unreachable { service, host: host(), cause: "tunnel error: proxy authorization required".into() },
        Error::Unreachable { service, host: host(), cause: "tunnel error: unsuccessful".into() },
        Error::Setting { name: "rate.swr".into(), fault: "must be 0 or more".into() },
        Error::Unreachable { service, host: host(), cause: "dns error: no such host".into() },
        Error::Unreachable { service, host: host(), cause: "invalid peer certificate: UnknownIssuer".into() },
        Error::Unreachable { service, host: host(), cause: "Connection refused (os error 111)".into() },
        Error::Timeout { service, host: host(), after: Duration::from_secs(35) },
        unusable(BodyFault::Empty),
        unusable(BodyFault::Html),
        unusable(BodyFault::Cut("end of file before message length reached".into())),
        unusable(BodyFault::Contradictory("8 bytes follow its packed end".into())),
        unusable(BodyFault::WrongShape("no member `jobs`".into())),
        unusable(BodyFault::TooLarge { limit_bytes: 1024 }),
        Error::RedirectRefused { service, host: host(), status: 302, location: "http://portal/".into() },
        Error::NoProject { region: "cn-north-4".into(), name: "cn-north-4".into(), known: Vec::new() },
        Error::NoProject {
            region: "r".into(),
            name: "r_team".into(),
            known: (1..=23).map(|n| (format!("r_{n}"), n.to_string())).collect(),
        },
        Error::NoKeys { place: "http://169.254.169.254".into(), fault: "it answered 500".into() },
        Error::MovingProjects { service: built_in("projectman"), reported: 3, read: 2 },
        Error::SeveralProjects {
            region: "r".into(),
            name: "r".into(),
            projects: vec![("a".into(), "1".into()), ("b".into(), "2".into())],
        },
    ];
    insta::assert_snapshot!(shown(&errors), @r#"
    [usage] swr: there is no region `x`
        swr is known in ae-ad-1, af-north-1, af-south-1, ap-southeast-1, ap-southeast-2, ap-southeast-3, ap-southeast-4, ap-southeast-5, cn-east-2, cn-east-3, cn-east-4, cn-east-5, cn-north-1, cn-north-11, cn-north-12, cn-north-2, cn-north-4, cn-north-9, cn-south-1, cn-south-2, cn-south-4, cn-southwest-2, cn-southwest-3, eu-west-0, eu-west-101, la-north-2, la-south-2, me-east-1, my-kualalumpur-1, na-mexico-1, ru-moscow-1, ru-northwest-2, sa-brazil-1, sa-peru-1, tr-west-1; a region that hclake does not know can be reached by setting HCLAKE_ENDPOINT_URL_SWR
    [usage] the address set for swr is plain http to 10.0.0.1
        use https; http is for this machine itself (127.0.0.1, ::1, localhost); it is set in HCLAKE_ENDPOINT_URL, in HCLAKE_ENDPOINT_URL_SWR or under [endpoint] in hclake.toml
    [unreachable] swr: a proxy on the way to swr-api.cn-north-4.myhuaweicloud.com asks for a log-in (407)
        write the proxy's user and password into HTTPS_PROXY (http://user:password@host:port), or name the host in NO_PROXY
    [unreachable] swr: no connection to swr-api.cn-north-4.myhuaweicloud.com: tunnel error: proxy authorization required
        the proxy asks for a log-in: write its user and password into HTTPS_PROXY (http://user:password@host:port); HCLAKE_ENDPOINT_URL_SWR sets another address
    [unreachable] swr: no connection to swr-api.cn-north-4.myhuaweicloud.com: tunnel error: unsuccessful
        the proxy does not let the connection pass: check HTTPS_PROXY, or name the host in NO_PROXY; HCLAKE_ENDPOINT_URL_SWR sets another address
    [usage] rate.swr must be 0 or more
        correct the value in hclake.toml or in the environment
    [unreachable] swr: no connection to swr-api.cn-north-4.myhuaweicloud.com: dns error: no such host
        the host's name is not known: check the region and this machine's DNS; HCLAKE_ENDPOINT_URL_SWR sets another address
    [unreachable] swr: no connection to swr-api.cn-north-4.myhuaweicloud.com: invalid peer certificate: UnknownIssuer
        the host's certificate is not trusted here: check the CA certificates of this machine and any proxy; HCLAKE_ENDPOINT_URL_SWR sets another address
    [unreachable] swr: no connection to swr-api.cn-north-4.myhuaweicloud.com: Connection refused (os error 111)
        check the network, the proxy and the region; HCLAKE_ENDPOINT_URL_SWR sets another address
    [unreachable] swr: no whole answer from swr-api.cn-north-4.myhuaweicloud.com after 35.0 s
        the service or the way to it is slow; try again later
    [data] swr: swr-api.cn-north-4.myhuaweicloud.com answered 200 with an empty body (request id r)
        something other than the service may be answering: check proxies and HCLAKE_ENDPOINT_URL_SWR
    [data] swr: swr-api.cn-north-4.myhuaweicloud.com answered 200 with a web page in place of JSON (request id r)
        something other than the service may be answering: check proxies and HCLAKE_ENDPOINT_URL_SWR
    [data] swr: swr-api.cn-north-4.myhuaweicloud.com answered 200 with a body that was cut off: end of file before message length reached (request id r)
        the connection broke off; the next run asks again
    [data] swr: swr-api.cn-north-4.myhuaweicloud.com answered 200 with a body that contradicts itself: 8 bytes follow its packed end (request id r)
        something on the way may be changing answers; the next run asks again
    [data] swr: swr-api.cn-north-4.myhuaweicloud.com answered 200 with a body of the wrong shape: no member `jobs` (request id r)
        the API may have changed: check the list's documentation page
    [data] swr: swr-api.cn-north-4.myhuaweicloud.com answered 200 with a body over 1024 bytes (request id r)
        ask for fewer records a page
    [upstream] swr: swr-api.cn-north-4.myhuaweicloud.com answered 302 and points to http://portal/, which is not followed
        a log-in page or a moved service answers there; check HCLAKE_ENDPOINT_URL_SWR
    [usage] IAM knows no project `cn-north-4` in region `cn-north-4`
        check the region's spelling, and that this user may use it; or set `project_id` in hclake.toml (HUAWEICLOUD_SDK_PROJECT_ID) to its id
    [usage] IAM knows no project `r_team` in region `r`; it knows r_1 (1), r_2 (2), r_3 (3), r_4 (4), r_5 (5), r_6 (6), r_7 (7), r_8 (8), r_9 (9), r_10 (10), r_11 (11), r_12 (12), r_13 (13), r_14 (14), r_15 (15), r_16 (16), r_17 (17), r_18 (18), r_19 (19), r_20 (20) and 3 more
        set `project` in hclake.toml to one of these names, or `project_id` in hclake.toml (HUAWEICLOUD_SDK_PROJECT_ID) to its id
    [auth] no keys came from the ECS metadata service at http://169.254.169.254: it answered 500
        give this ECS an agency with permission to read the lists, or switch [credentials] ecs_metadata off
    [data] projectman: the list of projects changed while it was read: 3 are reported, 2 were read
        projects were added or removed meanwhile; the next run asks again
    [usage] IAM knows several projects `r` in region `r`: a (1), b (2)
        choose one and set `project_id` in hclake.toml (HUAWEICLOUD_SDK_PROJECT_ID) to its id
    "#);
}

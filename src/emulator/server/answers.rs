//! The emulator's answers besides records: the error bodies of the gateway and of each service, in their real shapes.
//! It knows nothing of connections.

use serde_json::{Value, json};

use crate::catalog::ErrorForm;
use crate::catalog::spec::Service;

/// An answer before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Answer {
        Self::raw(status, body.to_string().into_bytes())
    }

    /// JSON that is already written.
    pub(crate) fn raw(status: u16, body: Vec<u8>) -> Answer {
        Answer { status, headers: vec![("Content-Type".to_owned(), "application/json;charset=utf-8".to_owned())], body }
    }
}

/// A refusal of the API gateway: with the request's id in the body.
pub(crate) fn gateway(status: u16, code: &str, message: &str, request_id: &str) -> Answer {
    Answer::json(status, &json!({ "error_code": code, "error_msg": message, "request_id": request_id }))
}

pub(crate) fn not_published(request_id: &str) -> Answer {
    gateway(404, "APIGW.0101", "The API does not exist or has not been published in the environment", request_id)
}

pub(crate) fn parameter_missing(name: &str, request_id: &str) -> Answer {
    let message = format!("Invalid request parameter: the mandatory parameter {name} is missing");
    gateway(400, "APIGW.0106", &message, request_id)
}

pub(crate) fn over_limit(limit: u32, window_s: u32, request_id: &str) -> Answer {
    let (time, unit) = if window_s.is_multiple_of(60) { (window_s / 60, "minute") } else { (window_s, "second") };
    let message = format!(
        "The throttling threshold has been reached: policy user over ratelimit, limit:{limit},time:{time} {unit}"
    );
    gateway(429, "APIGW.0308", &message, request_id)
}

/// How a service itself refuses a parameter.
pub(crate) fn out_of_range(service: Service, message: &str) -> Answer {
    let Refusals { bad_parameter, write, .. } = refusals(service);
    Answer::json(400, &write(400, bad_parameter, message))
}

/// How a service reports that what a request names is not there.
pub(crate) fn not_found(service: Service, message: &str) -> Answer {
    let Refusals { not_there, write, .. } = refusals(service);
    Answer::json(404, &write(404, not_there, message))
}

/// The codes by which a service refuses a request, and how it writes them.
struct Refusals {
    bad_parameter: &'static str,
    not_there: &'static str,
    write: ErrorBody,
}

fn refusals(service: Service) -> Refusals {
    let (bad_parameter, not_there, write): (_, _, ErrorBody) = match service.errors() {
        ErrorForm::Plain => ("INVALID_PARAMETER", "NOT_FOUND", workspace_error),
        ErrorForm::Workspace => ("WKS.00000002", "WKS.00000404", workspace_error),
        ErrorForm::Codearts => ("Deploy.00011020", "Deploy.00011404", codearts_error),
        ErrorForm::Swr => ("SVCSTG.SWR.4000002", "SVCSTG.SWR.4040001", swr_error),
        ErrorForm::Iam => ("Bad Request", "Not Found", iam_error),
    };
    Refusals { bad_parameter, not_there, write }
}

/// Writes an error: its status, code and message.
type ErrorBody = fn(u16, &str, &str) -> Value;

fn workspace_error(_: u16, code: &str, message: &str) -> Value {
    json!({ "error_code": code, "error_msg": message })
}

fn codearts_error(_: u16, code: &str, message: &str) -> Value {
    json!({ "error": { "code": code, "message": message }, "status": "failed" })
}

fn iam_error(status: u16, title: &str, message: &str) -> Value {
    json!({ "error": { "code": status, "message": message, "title": title } })
}

fn swr_error(_: u16, code: &str, message: &str) -> Value {
    json!({
        "errors": [{ "errorCode": code, "errorMessage": message, "detail": "", "encoded_authorization_message": "" }],
        "error_code": code,
        "error_msg": message,
        "details": [],
        "encoded_authorization_message": "",
    })
}

/// How a service reports that the caller lacks a permission.
pub(crate) fn project_denied(request_id: &str) -> Answer {
    let message = "The API is not accessible: the project does not belong to the caller";
    gateway(403, "APIGW.0302", message, request_id)
}

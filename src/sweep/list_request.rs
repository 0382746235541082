//! What is asked of one list: whose records, of which time, in which piece; and the call for each of its pages. Plain values;
//! it sends nothing and knows nothing of answers.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::page::{Marker, PageRequest, PagingShape, Steps};
use super::span::written;
use crate::base::clock::Timestamp;
use crate::catalog::reach::{Span, Window};
use crate::catalog::spec::{Count, Endpoint, Given, Method, Paging, PagingPlace, Scope};
use crate::cloud::Call;
use crate::cloud::auth::sign::path_part;
use crate::schema::ZoneRule;

/// The records of one list in one scope that are asked for.
#[derive(Clone)]
pub(crate) struct ListRequest {
    pub endpoint: Arc<Endpoint>,
    pub scope: Scope,
    /// The IAM project that the credentials act in.
    pub iam_project: Option<String>,
    /// The values of one parent, where the list has one.
    pub given: Given,
    /// The span of time to ask for, as the two values of the window's parameters.
    span: Option<(String, String)>,
    /// The value of the parameter that the list is split by, where one piece is asked for.
    piece: Option<String>,
}

impl ListRequest {
    /// Asks for all records of the list.
    pub(crate) fn new(endpoint: Arc<Endpoint>, scope: Scope, iam_project: Option<String>) -> ListRequest {
        ListRequest { endpoint, scope, iam_project, given: Given::default(), span: None, piece: None }
    }

    /// Asks for the records of one parent.
    pub(crate) fn with_given(self, given: Given) -> Self {
        Self { given, ..self }
    }

    /// Asks for the records of a span of time. `codearts_offset_s` is for times without a zone.
    pub(crate) fn with_span(self, span: Option<Span>, codearts_offset_s: i32) -> Self {
        let written = |window: &Window, at: i64| {
            let east_s = match window.zone {
                ZoneRule::Fixed(east_s) => east_s,
                ZoneRule::Codearts => codearts_offset_s,
            };
            written(window.format, Timestamp(at), east_s)
        };
        let both =
            |(window, span): (&Window, Span)| Some((written(window, span.from_us)?, written(window, span.to_us)?));
        let span = self.endpoint.window.as_ref().zip(span).and_then(both);
        Self { span, ..self }
    }

    /// The same request for each piece of a list that is split, with the piece's name.
    pub(crate) fn pieces(&self) -> Vec<(String, ListRequest)> {
        let split = self.endpoint.split.iter().filter(|_| self.piece.is_none());
        let values = split.flat_map(|split| split.values.iter().map(|value| (&split.param, value)));
        let piece = |value: &String| Self { piece: Some(value.clone()), ..self.clone() };
        values.map(|(param, value)| (format!("{param}={value}"), piece(value))).collect()
    }

    /// How the list is paged. `order_columns` and `has_updated` are of its records' envelope.
    pub(crate) fn shape(&self, (order_columns, has_updated): (usize, bool)) -> PagingShape {
        let (steps, limit, pages_max) = match &self.endpoint.paging {
            Paging::None => (Steps::Whole, u32::MAX, 1),
            Paging::Counted(paging) if paging.count == Count::Offset => {
                (Steps::Overlapping, paging.limit, paging.pages_max)
            }
            Paging::Counted(paging) => (Steps::Apart, paging.limit, paging.pages_max),
            Paging::Marker(paging) => (Steps::Markers, paging.limit, paging.pages_max),
        };
        let offset_max = match &self.endpoint.paging {
            Paging::Counted(paging) => paging.offset_max,
            Paging::None | Paging::Marker(_) => None,
        };
        PagingShape { limit, steps, pages_max, offset_max, order_columns, has_updated }
    }

    /// The path with each value encoded, so that a value is one part of it whatever its characters are.
    fn path(&self) -> String {
        let encoded = |(name, value): &(String, String)| (name.clone(), path_part(value));
        let given = Given(self.given.0.iter().map(encoded).collect());
        given.fill(&self.endpoint.path.replace("{project_id}", &path_part(&self.scope.project)))
    }

    /// The call that asks for a page.
    pub(crate) fn call(&self, request: &PageRequest) -> Call {
        let endpoint = &self.endpoint;
        let filled = |text: &str| self.given.fill(&text.replace("{project_id}", &self.scope.project));
        let fill = |(name, value): &(String, String)| (name.clone(), filled(value));
        let mut query = Vec::new();
        let mut body: serde_json::Map<_, _> =
            endpoint.body.iter().map(|(name, value)| (name.clone(), with_texts(value, &filled))).collect();
        match &endpoint.paging {
            Paging::None => {}
            Paging::Counted(paging) => {
                let position = match paging.count {
                    Count::Offset | Count::OffsetMultiple => request.offset,
                    Count::Page { start } => request.offset / u64::from(request.limit) + start,
                };
                match paging.place {
                    PagingPlace::Query => {
                        query.push((paging.position.clone(), position.to_string()));
                        query.push((paging.size.clone(), request.limit.to_string()));
                    }
                    PagingPlace::Body => {
                        body.insert(paging.position.clone(), position.into());
                        body.insert(paging.size.clone(), request.limit.into());
                    }
                }
            }
            Paging::Marker(paging) => {
                let marker = request.marker.as_ref();
                match paging.place {
                    PagingPlace::Query => {
                        query.extend(marker.map(|marker| (paging.marker.clone(), marker.to_string())));
                        query.extend(paging.size.as_ref().map(|size| (size.clone(), request.limit.to_string())));
                    }
                    PagingPlace::Body => {
                        body.extend(marker.map(|marker| (paging.marker.clone(), marker_json(marker))));
                        body.extend(paging.size.as_ref().map(|size| (size.clone(), request.limit.into())));
                    }
                }
            }
        }
        query.extend(endpoint.query.iter().map(fill));
        if let (Some(window), Some((from, to))) = (&endpoint.window, &self.span) {
            let pair = [(window.from.clone(), from.clone()), (window.to.clone(), to.clone())];
            match window.place {
                PagingPlace::Query => query.extend(pair),
                PagingPlace::Body => body.extend(pair.map(|(name, value)| (name, value.into()))),
            }
        }
        if let (Some(fixed), Some(value)) = (&endpoint.fixed, &self.scope.fixed) {
            match fixed.place {
                PagingPlace::Query => query.push((fixed.param.clone(), value.clone())),
                PagingPlace::Body => drop(body.insert(fixed.param.clone(), value.clone().into())),
            }
        }
        if let (Some(split), Some(value)) = (&endpoint.split, &self.piece) {
            match split.place {
                PagingPlace::Query => query.push((split.param.clone(), value.clone())),
                PagingPlace::Body => drop(body.insert(split.param.clone(), value.clone().into())),
            }
        }
        Call {
            service: endpoint.service,
            region: self.scope.region.clone(),
            method: endpoint.method,
            path: self.path(),
            query,
            body: (endpoint.method == Method::Post).then(|| Bytes::from(serde_json::Value::Object(body).to_string())),
            project_id: self.iam_project.clone(),
            permission: endpoint.permission.clone(),
        }
    }
}

/// The value with each of its texts filled, however deep.
fn with_texts(value: &Value, filled: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => filled(text).into(),
        Value::Array(items) => items.iter().map(|item| with_texts(item, filled)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), with_texts(value, filled))).collect()
        }
        other => other.clone(),
    }
}

/// A marker as a body holds it: a number stays one.
fn marker_json(marker: &Marker) -> Value {
    let number = marker.is_number.then(|| serde_json::from_str(&marker.text).ok()).flatten();
    number.unwrap_or_else(|| Value::from(&*marker.text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_of_a_body_are_filled_at_any_depth_and_other_values_stay() {
        let body = json!({ "a": ["{id}", 1, { "b": "x-{id}" }], "c": true, "{id}": null });
        let filled = with_texts(&body, &|text| text.replace("{id}", "7"));
        assert_eq!(filled, json!({ "a": ["7", 1, { "b": "x-7" }], "c": true, "{id}": null }));
    }

    #[test]
    fn a_marker_that_was_a_number_goes_back_as_one() {
        let json = |text: &str, is_number| marker_json(&Marker { text: text.into(), is_number });
        assert_eq!([json("12", true), json("12", false), json("x", true)], [json!(12), json!("12"), json!("x")]);
    }
}

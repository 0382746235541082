//! Questions to a report: by which groupings, of which range, and as it was on which night. It knows no report.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{DAY, Expected, Night, check, day, monday, text};
use crate::support::Tenant;

/// What is asked of a report, and how much is known then.
pub struct Question<'a> {
    pub by: &'a str,
    pub since_days: Option<i64>,
    pub more: &'a [&'a str],
    pub nights: &'a [Night],
}

impl<'a> Question<'a> {
    pub fn as_of(&self) -> i64 {
        self.nights[self.nights.len() - 1].at
    }

    pub fn since(&self) -> i64 {
        self.since_days.map_or(i64::MIN, |days| self.as_of() - days * DAY)
    }

    pub fn has(&self, grouping: &str) -> bool {
        self.by.split(',').any(|by| by == grouping)
    }

    /// What the last night knows of a list.
    pub fn listed(&self, table: &str) -> impl Iterator<Item = &'a Value> {
        self.nights[self.nights.len() - 1].of(table).iter().map(|(_, record)| record)
    }

    /// What was last seen of each record of a list, whether it is still there or not: by one of its members.
    pub fn last_seen(&self, table: &str, id: &str) -> BTreeMap<String, &'a Value> {
        self.nights.iter().flat_map(|night| night.of(table)).map(|(_, record)| (text(record, id), record)).collect()
    }

    /// The same of a list that is asked for in several scopes, whose ids need not differ.
    pub fn last_seen_in_scopes(&self, table: &str) -> BTreeMap<(&'a str, String), &'a Value> {
        let records = self.nights.iter().flat_map(|night| night.of(table));
        records.map(|(scope, record)| ((&**scope, text(record, "id")), record)).collect()
    }

    pub fn check(
        &self,
        tenant: &Tenant,
        report: &str,
        columns: impl Fn(&str) -> &'static [&'static str],
        rows: &Expected,
    ) {
        let since = self.since_days.map(|days| format!("{days}d"));
        let mut args = vec![report, "--by", self.by, "--as-of", &*self.nights[self.nights.len() - 1].at_text];
        args.extend(since.iter().flat_map(|since| ["--since", since]));
        args.extend(self.more);
        let keys: Vec<&str> = self.by.split(',').flat_map(|by| columns(by).iter().copied()).collect();
        check(tenant, &args, &keys, rows);
    }
}

/// A report by each of these groupings; the first also of the last 20 days, and as it was an earlier night.
pub fn questions<'a>(nights: &'a [Night], groupings: &[&'a str], more: &'a [&'a str]) -> Vec<Question<'a>> {
    let ask = |by: &&'a str| Question { by, since_days: None, more, nights };
    let mut questions: Vec<Question<'a>> = groupings.iter().map(ask).collect();
    questions.push(Question { since_days: Some(20), ..ask(&groupings[0]) });
    questions.push(Question { nights: &nights[..3], ..ask(&groupings[0]) });
    questions
}

pub fn is_time(by: &str) -> bool {
    matches!(by, "day" | "week")
}

/// The day or the week of a time.
pub fn time_key(by: &str, at: i64) -> Vec<String> {
    vec![if by == "week" { monday(day(at)) } else { day(at) }.to_string()]
}

//! Whether the host of a service answers, and what its clock shows. It sends one plain request without credentials, so
//! that it cannot lock a key. It ignores the content of the answer, and only recognises a proxy that answers instead.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, Url};

use super::endpoint::{Endpoint, EndpointOverrides, endpoint};
use crate::base::clock::{SharedClock, Timestamp};
use crate::catalog::spec::Service;
use crate::cloud::client::ClientSettings;
use crate::cloud::error::Error;
use crate::cloud::http::exchange::{Answer, NoAnswer, Outgoing, Transport, TransportSettings};

/// Time limit of the whole exchange with a host.
const LIMIT: Duration = Duration::from_secs(15);
const BODY_BYTES_MAX: u64 = 1 << 20;

/// A host that answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answered {
    pub status: u16,
    pub elapsed: Duration,
    /// How far the host's clock is ahead of this machine's, in microseconds. The header is exact to a second. `None`
    /// where the answer has no time.
    pub ahead_us: Option<i64>,
}

pub(crate) struct HostProbe {
    transport: Transport,
    overrides: EndpointOverrides,
    clock: SharedClock,
}

impl HostProbe {
    pub(crate) fn new(overrides: EndpointOverrides, connect_timeout: Duration, clock: SharedClock) -> Self {
        let transport = Transport::new(TransportSettings {
            connect_timeout,
            read_timeout: LIMIT,
            body_bytes_max: BODY_BYTES_MAX,
            user_agent: ClientSettings::USER_AGENT.to_owned(),
        });
        Self { transport, overrides, clock }
    }

    /// The host for requests to `service` in `region`, with its port where one is set.
    ///
    /// Errors: as those of [`endpoint`].
    pub(crate) fn host(&self, service: Service, region: &str) -> Result<String, Error> {
        Ok(endpoint(service, region, &self.overrides)?.authority)
    }

    /// Requests the root of the host of `service` in `region`.
    ///
    /// Errors: no such host, no connection, no answer in time, or a proxy that wants a log-in.
    pub(crate) async fn ask(&self, service: Service, region: &str) -> Result<Answered, Error> {
        let endpoint = endpoint(service, region, &self.overrides)?;
        let host = || endpoint.authority.clone();
        let unreachable = |cause| Error::Unreachable { service, host: host(), cause };
        let connections = self.transport.connections(&endpoint).map_err(unreachable)?;
        let outgoing = Outgoing {
            method: Method::GET,
            url: root(&endpoint)?,
            headers: HeaderMap::new(),
            body: None,
            limit: LIMIT,
        };
        let (sent, begun) = (self.clock.wall(), self.clock.mono());
        let answer = self.transport.exchange(connections, outgoing).await;
        let elapsed = self.clock.mono().saturating_sub(begun);
        match answer {
            Ok(answer) if answer.status == 407 => Err(Error::ProxyLogin { service, host: host() }),
            Ok(Answer { status, date, .. }) => {
                Ok(Answered { status, elapsed, ahead_us: date.map(|date| ahead_us(date, sent, elapsed)) })
            }
            Err(NoAnswer::Timeout) => Err(Error::Timeout { service, host: host(), after: elapsed }),
            Err(NoAnswer::Connection(cause)) => Err(unreachable(cause)),
        }
    }
}

fn root(endpoint: &Endpoint) -> Result<Url, Error> {
    let text = format!("{}://{}{}/", endpoint.scheme, endpoint.authority, endpoint.prefix);
    Url::parse(&text)
        .map_err(|_| Error::Setting { name: format!("the address {text}"), fault: "cannot be sent".into() })
}

/// The host wrote its time, cut to the second, at some moment between request and answer.
fn ahead_us(date: Timestamp, sent: Timestamp, elapsed: Duration) -> i64 {
    let elapsed_us = i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX);
    let (least, most) = (date.minus(sent).saturating_sub(elapsed_us), date.minus(sent).saturating_add(1_000_000));
    if least <= 0 && most >= 0 { 0 } else { (least + most) / 2 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::catalog::services::built_in;
    use crate::cloud::testing::{Reply, Server, TestClock};

    async fn asked(reply: Reply) -> (Result<Answered, Error>, Server) {
        let server = Server::start(vec![reply]).await;
        let overrides = EndpointOverrides {
            all: Some(format!("http://127.0.0.1:{}/pre", server.port)),
            by_service: BTreeMap::new(),
        };
        let probe = HostProbe::new(overrides, LIMIT, TestClock::shared());
        (probe.ask(built_in("swr"), "anywhere").await, server)
    }

    #[tokio::test]
    async fn any_answer_is_enough_and_no_credentials_are_sent() {
        let (answered, server) = asked(Reply::json(404, "{}")).await;
        assert_eq!(answered.unwrap().status, 404);
        let request = server.requests().remove(0);
        assert_eq!(request.target, "/pre/");
        for name in ["authorization", "x-auth-token", "x-project-id", "x-security-token"] {
            assert_eq!(request.header(name), None, "{name}");
        }
    }

    #[tokio::test]
    async fn a_proxy_that_wants_a_log_in_is_not_taken_for_the_service() {
        let (answered, _) = asked(Reply::json(407, "<html>")).await;
        assert!(matches!(answered, Err(Error::ProxyLogin { .. })), "{answered:?}");
    }

    #[test]
    fn clocks_that_may_agree_count_as_equal_and_others_differ_by_the_middle() {
        let (sent, second) = (Timestamp(10_900_000), Duration::from_secs(1));
        assert_eq!(ahead_us(Timestamp(10_000_000), sent, Duration::ZERO), 0);
        assert_eq!(ahead_us(Timestamp(11_000_000), sent, second), 0);
        assert_eq!(ahead_us(Timestamp(20_000_000), Timestamp(10_000_000), Duration::ZERO), 10_500_000);
        assert_eq!(ahead_us(Timestamp(0), Timestamp(1_200_000_000), Duration::ZERO), -1_199_500_000);
    }
}

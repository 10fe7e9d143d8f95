//! One request on one connection: all of HTTP/1.1 that these tests need.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer that takes longer will not come.
const LIMIT: Duration = Duration::from_secs(30);

/// A request that is not sent yet.
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until `send`"]
pub struct Request {
    address: SocketAddr,
    head: String,
    body: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The text behind them.
    pub body: String,
}

impl Request {
    pub(crate) fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
        let body = String::new();
        Self {
            address,
            head,
            body,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head.extend([name, ": ", value, "\r\n"]);
        self
    }

    /// With this body.
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string();
        self.header("content-type", "application/json")
    }

    /// The answer, which must come.
    pub async fn send(self) -> Response {
        let shown = self.head.lines().next().unwrap_or_default().to_owned();
        let answer = self.try_send().await;
        answer.unwrap_or_else(|error| panic!("{shown}: {error}"))
    }

    /// The answer, if there is anybody who gives one.
    ///
    /// # Errors
    /// If there is no connection, or it ends before an answer.
    pub async fn try_send(self) -> io::Result<Response> {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await?;
            let length = self.body.len();
            let request = format!("{}content-length: {length}\r\n\r\n{}", self.head, self.body);
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            let answer = String::from_utf8(answer).ok();
            let answer = answer.as_deref().and_then(Response::parse);
            answer.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        };
        timeout(LIMIT, exchange)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Response {
    /// `None` if it is no whole answer.
    fn parse(answer: &str) -> Option<Self> {
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.strip_prefix("HTTP/1.1 ")?;
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        // These applications know the length of whatever they send.
        let length = headers
            .get("content-length")
            .map_or(Some(0), |length| length.parse().ok());
        Some(Self {
            status: status.get(..3)?.parse().ok()?,
            body: body.to_owned(),
            headers,
        })
        .filter(|answer| Some(answer.body.len()) == length)
    }

    /// A header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body, which must be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.body))
    }

    /// The body of an answer with this status.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        if self.body.is_empty() {
            return Value::Null;
        }
        self.json()
    }
}

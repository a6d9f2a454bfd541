//! A browser that goes where it is sent, as far as a test needs one.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A page, and where it was found.
#[derive(Clone, Debug)]
pub struct Page {
    /// The address bar.
    pub url: String,
    pub status: u16,
    pub location: Option<String>,
    pub headers: String,
    pub body: String,
}

/// One GET over HTTP in clear, nothing followed. Nobody there: status 0.
pub fn get(url: &str) -> Page {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("not http: {url}"));
    let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let slash = if path.starts_with('/') { "" } else { "/" };
    let gone = Page { url: url.to_owned(), status: 0, location: None, headers: String::new(), body: String::new() };
    let Ok(mut stream) = TcpStream::connect(authority) else { return gone };
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET {slash}{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    if stream.read_to_end(&mut answer).is_err() && answer.is_empty() {
        return gone;
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let location = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("location").then(|| value.trim().to_owned())
    });
    Page { url: url.to_owned(), status, location, headers: head.to_owned(), body: body.to_owned() }
}

/// GET and every redirect.
pub fn follow(url: &str) -> Page {
    let mut page = get(url);
    for _ in 0..5 {
        let Some(next) = page.location.clone() else { break };
        page = get(&next);
    }
    page
}

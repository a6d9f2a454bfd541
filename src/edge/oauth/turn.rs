//! What a browser brings back: a code, or why there is none (RFC 6749, 4.1.2 and 4.1.2.1). It comes from outside, by a
//! request to a port of this machine that any page can make, or pasted by hand: what is not ours ends nothing.

use super::granted::{NotGranted, Why};
use super::pkce;
use crate::edge::quoted;
use secrecy::SecretString;

/// Longest code, in bytes.
const LONGEST: usize = 8 * 1024;

/// What came back.
#[derive(Debug)]
pub(super) enum Turn {
    /// The shopper agreed.
    Code(SecretString),
    /// She did not, or the provider refused.
    Refused(NotGranted),
    /// It does not belong to this login; why.
    Foreign(&'static str),
}

/// Reads the query of the address that a browser came back to.
pub(super) fn read(query: &str, state: &str) -> Turn {
    let Ok(url) = reqwest::Url::parse(&format!("http://127.0.0.1/?{}", query.replace('#', "%23"))) else {
        return Turn::Foreign("it cannot be read");
    };
    let once = |name: &str| {
        let mut found = url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let first = found.next();
        if found.next().is_some() { Err(()) } else { Ok(first) }
    };
    let (Ok(code), Ok(error), Ok(said), Ok(shown)) =
        (once("code"), once("error"), once("error_description"), once("state"))
    else {
        return Turn::Foreign("something is in it twice");
    };
    match shown {
        None => return Turn::Foreign("its `state` is missing"),
        Some(shown) if !pkce::same(&shown, state) => return Turn::Foreign("it belongs to another login"),
        Some(_) => {}
    }
    match (code, error) {
        (Some(code), None) if !code.is_empty() && code.len() <= LONGEST => Turn::Code(SecretString::from(code)),
        (None, Some(error)) => {
            let said = said.filter(|said| !said.is_empty());
            let said = said.map_or_else(|| error.clone(), |said| format!("{error}: {said}"));
            Turn::Refused(NotGranted::of_code(&error, &format!("the provider said {}", quoted(&said))))
        }
        _ => Turn::Foreign("there is no code in it"),
    }
}

/// The code in an address that was pasted by hand: the whole address, or what follows its question mark.
///
/// # Errors
/// There is none in it, and what to paste; or the provider refused.
pub(super) fn pasted(line: &str, state: &str) -> Result<SecretString, NotGranted> {
    let line = line.trim().trim_matches(['"', '\'', '<', '>']);
    let query = line.split_once('?').map_or(line, |(_, query)| query);
    match read(query.split('#').next().unwrap_or_default(), state) {
        Turn::Code(code) => Ok(code),
        Turn::Refused(refused) => Err(refused),
        Turn::Foreign(why) => Err(NotGranted::new(
            Why::Other,
            format!(
                "this is not the address that the browser ended at ({why}): paste all of it, from http:// to its end"
            ),
        )),
    }
}

/// What a request asks for, by its first lines.
pub(super) enum Asked<'a> {
    /// The query of the address of ours.
    Back(&'a str),
    /// Something else: the status to answer with.
    Other(u16),
}

/// Reads the head of a request to `port` of this machine.
pub(super) fn asked(head: &[u8], port: u16) -> Asked<'_> {
    let Ok(head) = std::str::from_utf8(head) else { return Asked::Other(400) };
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Asked::Other(400);
    };
    if !version.starts_with("HTTP/1.") {
        return Asked::Other(400);
    }
    // a name of somebody else's that leads to this machine is not believed
    let host = lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let ours = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{port}"));
    if !host.is_some_and(|(_, host)| ours.iter().any(|ours| host.trim().eq_ignore_ascii_case(ours))) {
        return Asked::Other(400);
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    match (method, path, query) {
        ("GET", "/", query) if !query.is_empty() => Asked::Back(query),
        ("GET" | "HEAD", _, _) => Asked::Other(404),
        _ => Asked::Other(405),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    #[test]
    fn what_comes_back_is_told_apart() {
        let code = |query: &str| match read(query, "s1") {
            Turn::Code(code) => code.expose_secret().to_owned(),
            other => panic!("{query}: {other:?}"),
        };
        assert_eq!(code("state=s1&code=4%2F0Aa+x"), "4/0Aa x");
        assert_eq!(code("code=x&state=s1&scope=a%20b&iss=https://id.example.jp"), "x");
        for (query, why) in [
            ("error=access_denied&state=s1", Why::Denied),
            ("error=invalid_scope&error_description=no+such&state=s1", Why::Scope),
            ("error=unauthorized_client&state=s1", Why::Client),
            ("error=temporarily_unavailable&state=s1", Why::Network),
            ("error=%E2%80%9D.+Run+rm&state=s1", Why::Other),
        ] {
            let Turn::Refused(refused) = read(query, "s1") else { panic!("{query}") };
            assert_eq!(refused.why, why, "{query}");
        }
        for foreign in [
            "", "code=x", "code=x&state=", "code=x&state=s2", "error=access_denied", "error=access_denied&state=s2",
            "code=x&code=y&state=s1", "code=x&state=s1&state=s1", "state=s1", "code=&state=s1",
            "code=x&error=y&state=s1", "%", "code=x&state=s1%00",
        ] {
            assert!(matches!(read(foreign, "s1"), Turn::Foreign(_)), "{foreign}");
        }
        assert!(matches!(read(&format!("state=s1&code={}", "x".repeat(9000)), "s1"), Turn::Foreign(_)));
    }

    #[test]
    fn addresses_are_taken_as_people_paste_them() {
        for line in [
            "http://127.0.0.1:4711/?state=s1&code=x",
            "  \"http://127.0.0.1:4711/?code=x&state=s1#\"  ",
            "code=x&state=s1",
            "<http://127.0.0.1:4711/?code=x&state=s1>",
        ] {
            assert_eq!(pasted(line, "s1").unwrap().expose_secret(), "x", "{line}");
        }
        for line in ["", "x", "http://127.0.0.1:4711/", "http://127.0.0.1:4711/?code=geheim&state=other"] {
            let error = pasted(line, "s1").unwrap_err();
            assert!(error.what.contains("paste all of it") && !error.what.contains("geheim"), "{error}");
        }
        assert_eq!(pasted("http://127.0.0.1/?error=access_denied&state=s1", "s1").unwrap_err().why, Why::Denied);
    }

    #[test]
    fn only_the_address_that_was_named_is_one() {
        let status = |head: &str| match asked(head.as_bytes(), 4711) {
            Asked::Back(query) => panic!("taken: {query}"),
            Asked::Other(status) => status,
        };
        let host = "Host: 127.0.0.1:4711\r\n\r\n";
        assert!(matches!(asked(format!("GET /?a=b HTTP/1.1\r\n{host}").as_bytes(), 4711), Asked::Back("a=b")));
        for (first, expected) in [
            ("GET /favicon.ico HTTP/1.1", 404),
            ("GET / HTTP/1.1", 404),
            ("GET /x?a=b HTTP/1.1", 404),
            ("HEAD /?a=b HTTP/1.1", 404),
            ("POST /?a=b HTTP/1.1", 405),
            ("OPTIONS * HTTP/1.1", 405),
            ("GET /?a=b HTTP/2.0", 400),
            ("GET /?a=b", 400),
            ("GET  /?a=b HTTP/1.1", 400),
            ("", 400),
        ] {
            assert_eq!(status(&format!("{first}\r\n{host}")), expected, "{first}");
        }
        for host in ["", "Host: evil.example.jp:4711\r\n", "Host: 127.0.0.1\r\n", "Host: 127.0.0.1:4712\r\n"] {
            assert_eq!(status(&format!("GET /?a=b HTTP/1.1\r\n{host}\r\n")), 400, "{host}");
        }
    }

    proptest! {
        #[test]
        fn any_query_is_read_without_a_panic_and_none_without_the_state_counts(query in any::<String>()) {
            prop_assert!(matches!(read(&query, "3b9f-nobody-guesses"), Turn::Foreign(_)));
            prop_assert!(pasted(&query, "3b9f-nobody-guesses").is_err());
        }

        #[test]
        fn any_request_is_read_without_a_panic(head in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = asked(&head, 4711);
        }

        #[test]
        fn any_code_comes_through(code in "[ -~]{1,200}") {
            let mut url = reqwest::Url::parse("http://127.0.0.1/").unwrap();
            url.query_pairs_mut().append_pair("code", &code).append_pair("state", "s");
            match read(url.query().unwrap(), "s") {
                Turn::Code(found) => prop_assert_eq!(found.expose_secret(), code),
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}

//! `[web]`: where the dashboard and the page with the button are served, and how other devices reach them.

use super::Web;
use super::check::Check;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use toml::Spanned;

/// Where pages are served when the table says nothing.
pub const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8580);

/// `[web]` as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    listen: Option<Spanned<String>>,
    public_url: Option<Spanned<String>>,
}

impl Check<'_> {
    /// Where pages are served; nowhere without the table.
    pub(super) fn web(&mut self, written: Option<&Written>) -> Option<Web> {
        let written = written?;
        let listen = match &written.listen {
            None => Some(USUAL),
            Some(listen) => self.listen(listen),
        };
        let public_url = match &written.public_url {
            None => None,
            Some(url) => Some(self.public_url(url)?),
        };
        Some(Web { listen: listen?, public_url })
    }

    fn listen(&mut self, listen: &Spanned<String>) -> Option<SocketAddr> {
        let address = listen.get_ref().parse::<SocketAddr>().ok().filter(|address| address.port() != 0);
        match address {
            None => self.wrong(
                listen.span(),
                format!("`{}` is not an address with a port", listen.get_ref()),
                "write it like \"127.0.0.1:8580\"",
            ),
            Some(address) if address.ip().is_unspecified() => self.wrong(
                listen.span(),
                "this would listen on every network that this machine is in",
                "name one address: 127.0.0.1 behind a reverse proxy, or the machine's address in your VPN",
            ),
            Some(_) => {}
        }
        address
    }

    fn public_url(&mut self, written: &Spanned<String>) -> Option<String> {
        let url = written.get_ref().trim_end_matches('/');
        if !is_page_address(url) {
            self.wrong(
                written.span(),
                "this must be an https:// address, without a user, a question mark or a #",
                "http:// is allowed to a private address alone, as in a VPN",
            );
            return None;
        }
        Some(url.to_owned())
    }
}

/// https to a host, or http to an address that is nobody else's.
fn is_page_address(url: &str) -> bool {
    let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return false,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:[]%".contains(c);
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() || !rest.chars().all(plain) {
        return false;
    }
    secure || is_private(host)
}

fn is_private(host: &str) -> bool {
    let address = match host.parse::<SocketAddr>() {
        Ok(address) => address.ip(),
        Err(_) => match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(address) => address,
            Err(_) => {
                let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
                return name.eq_ignore_ascii_case("localhost");
            }
        },
    };
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            // 100.64.0.0/10 is what some VPNs number their machines with (RFC 6598)
            address.is_loopback() || address.is_private() || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(address) => address == Ipv6Addr::LOCALHOST || address.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Broken, Config};
    use super::*;
    use std::path::Path;

    const SMALL: &str =
        "[[account]]\nhost = \"imap.example.jp\"\nuser = \"me@example.jp\"\npassword = { env = \"P\" }\n";

    fn parse(text: &str) -> Result<Config, Broken> {
        Config::parse(Path::new("/etc/modori/config.toml"), &format!("{SMALL}{text}"))
    }

    #[test]
    fn the_table_alone_is_enough() {
        let web = |text: &str| parse(text).unwrap().web;
        assert_eq!(web(""), None);
        assert_eq!(web("[web]\n"), Some(Web { listen: "127.0.0.1:8580".parse().unwrap(), public_url: None }));
        let own = web("[web]\nlisten = \"127.0.0.1:9000\"\n").unwrap();
        assert_eq!((own.listen.port(), own.public_url), (9000, None));
        let away = web("[web]\npublic_url = \"https://home.example.jp/modori/\"\n").unwrap();
        assert_eq!((away.listen, away.public_url.as_deref()), (USUAL, Some("https://home.example.jp/modori")));
    }

    #[test]
    fn what_is_wrong_is_shown_where_it_is() {
        for (text, at, says) in [
            ("[web]\nlisten = \"8580\"\npublic_url = \"https://a.example.jp\"\n", "6:10", "not an address"),
            ("[web]\nlisten = \"127.0.0.1:0\"\n", "6:10", "not an address"),
            ("[web]\nlisten = \"0.0.0.0:8580\"\n", "6:10", "every network"),
            ("[web]\nlisten = \"[::]:8580\"\npublic_url = \"https://a.example.jp\"\n", "6:10", "every network"),
            ("[web]\npublic_url = \"http://a.example.jp\"\n", "6:14", "https://"),
            ("[web]\nlisten = \"127.0.0.1:8580\"\npublic_url = \"https://me@a.example.jp\"\n", "7:14", "https://"),
            ("[web]\nlisten = \"127.0.0.1:8580\"\npublic_url = \"https://a.example.jp?x\"\n", "7:14", "https://"),
            ("[web]\nlisen = \"127.0.0.1:8580\"\n", "6:1", "did you mean `listen`"),
        ] {
            let broken = parse(text).err().unwrap_or_else(|| panic!("{text} was taken")).to_string();
            assert!(broken.contains(&format!("config.toml:{at}")) && broken.contains(says), "{text}\n{broken}");
        }
    }

    #[test]
    fn plain_http_is_for_private_addresses() {
        for (url, may) in [
            ("https://home.example.jp", true),
            ("https://home.example.jp:8443/modori", true),
            ("http://127.0.0.1:8580", true),
            ("http://localhost:8580", true),
            ("http://192.168.1.7:8580", true),
            ("http://100.100.1.2:8580", true),
            ("http://[fd7a:115c::1]:8580", true),
            ("http://[::1]", true),
            ("http://100.128.1.2", false),
            ("http://8.8.8.8", false),
            ("http://[2001:db8::1]", false),
            ("http://localhost.example.jp", false),
            ("https://", false),
            ("https:///x", false),
            ("ftp://x", false),
            ("https://a b", false),
        ] {
            assert_eq!(is_page_address(url), may, "{url}");
        }
    }
}

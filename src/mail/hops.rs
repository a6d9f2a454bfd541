//! Where in a header the part ends that the shopper's own provider wrote, by its trace (Received, RFC 5321, 4.4).

use super::mime::Field;
use core::net::{IpAddr, Ipv6Addr};

/// Whether what stands below these fields was in the mail before the provider took it in: one of its hosts, by the name
/// under which it vouches for senders, received the mail from elsewhere, and a hop from before that is among them, too.
///
/// Of hops of another name nothing is concluded: a provider hands mail on among hosts of its own, and through filters.
pub(super) fn below_arrival<'a>(above: impl Iterator<Item = &'a Field<'a>>, authserv_ids: &[String]) -> bool {
    let mut hops = above.filter(|field| field.name.eq_ignore_ascii_case("received"));
    hops.any(|hop| is_arrival(&String::from_utf8_lossy(hop.raw), authserv_ids)) && hops.next().is_some()
}

/// Whether a Received field says that one of these hosts took the mail in from an address of the open network.
fn is_arrival(received: &str, authserv_ids: &[String]) -> bool {
    let (from, by) = clauses(received);
    let name = by.trim_end_matches('.');
    let named = authserv_ids.iter().any(|id| id.trim().trim_end_matches('.').eq_ignore_ascii_case(name));
    // `[203.0.113.18]`, `(203.0.113.18)`, `[IPv6:2001:db8::1]`, also in comments
    let from = from.to_ascii_lowercase().replace("ipv6:", "");
    let addresses = from.split(|c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | ':')));
    named && addresses.filter_map(|address| address.parse().ok()).any(is_public)
}

/// What stands before the word `by`, comments included, and the host behind it.
fn clauses(received: &str) -> (&str, &str) {
    let mut depth = 0_usize;
    let mut start = None;
    for (at, c) in received.char_indices().chain([(received.len(), ' ')]) {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && !c.is_whitespace() && c != ')' {
            start = start.or(Some(at));
        } else if let Some(begun) = start.take()
            && received.get(begun..at).is_some_and(|word| word.eq_ignore_ascii_case("by"))
        {
            let host = received
                .get(at..)
                .and_then(|rest| rest.split([' ', '\t', '\r', '\n', '(', ';']).find(|word| !word.is_empty()));
            return (received.get(..begun).unwrap_or_default(), host.unwrap_or_default());
        }
    }
    (received, "")
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            // 100.64.0.0/10: shared address space (RFC 6598)
            let shared = first == 100 && (64..128).contains(&second);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared)
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(IpAddr::V4(v4)),
            None => {
                !(v6 == Ipv6Addr::LOCALHOST
                    || v6.is_unspecified()
                    || v6.is_unique_local()
                    || v6.is_unicast_link_local())
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(trace: &[&str]) -> bool {
        let fields: Vec<Field<'_>> = trace.iter().map(|raw| Field { name: "Received", raw: raw.as_bytes() }).collect();
        below_arrival(fields.iter(), &["mx.example".to_owned()])
    }

    #[test]
    fn what_stands_below_a_hop_of_the_sender_was_there_before() {
        let sender = " from localhost by vps.example (Postfix) with ESMTPA; Tue, 24 Nov 2026 10:00:00 +0900";
        for arrival in [
            " from vps.example (vps.example [203.0.113.18])\r\n\tby mx.example (Postfix) with ESMTPS id 1; Tue",
            " from [127.0.0.1] (vps.example. [203.0.113.18]) by MX.EXAMPLE. with ESMTP",
            " from unknown (HELO by) (203.0.113.18) by mx.example with SMTP",
            " from vps.example ([IPv6:2001:db8::18]) by mx.example(8.15/8.15) with ESMTP",
            " from vps.example ([203.0.113.18]:4432 helo=x)by mx.example; Tue",
        ] {
            assert!(below(&[arrival, sender]), "{arrival}");
            assert!(below(&[" by store.example with LMTP", arrival, sender]), "handed on within");
            assert!(!below(&[arrival]), "some write what they found below their own hop: {arrival}");
        }
    }

    #[test]
    fn filters_and_hosts_of_the_providers_own_are_no_hops_of_the_sender() {
        for trace in [
            &[] as &[&str],
            &[" by 2002:a05:7300:1::1 with SMTP id x", " from mx.example (10.0.0.1) by store.example"],
            // a filter on the same machine
            &[
                " from localhost (localhost [127.0.0.1]) by mx.example",
                " from localhost ([127.0.0.1]) by localhost (mx.example)",
            ],
            &[" from in.mx.example (in [192.168.1.2]) by mx.example", " from x by in.mx.example"],
            &[" from in (in [IPv6:::1]) by mx.example", " from x by y"],
            &[" from x ([fd00::1]) by mx.example", " from x by y"],
            &[" from x ([203.0.113.18]) by other.example", " from x by y"],
            &[" from x ([203.0.113.18]) (by mx.example)", " from x by y"],
            &[" from x ([203.0.113.18]) by", ""],
            &["((((", " by by by"],
        ] {
            assert!(!below(trace), "{trace:?}");
        }
    }
}

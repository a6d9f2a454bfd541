//! Alerts that await their acknowledgement, for people.

use super::{count, one_line, table};
use crate::edge::store::Waits;
use jiff::Timestamp;

/// `modori ack`.
pub(in crate::cli) fn awaiting<'a>(
    waiting: &'a [Waits],
    name: impl Fn(&'a Waits) -> &'a str,
    now: Timestamp,
) -> String {
    let mut table = table(&["alert", "told", "by", "repeated", "next", ""]);
    for one in waiting {
        let awaiting = &one.awaiting;
        let next = awaiting.next_at.duration_since(now).as_secs();
        let next = match next {
            _ if awaiting.next_at >= awaiting.until => "not again".to_owned(),
            ..=0 => "now".to_owned(),
            next => format!("in {next} s"),
        };
        table.add_row([
            name(one).to_owned(),
            format!("{} s ago", now.duration_since(awaiting.since).as_secs().max(0)),
            if one.channels.is_empty() { "nobody yet".to_owned() } else { one_line(&one.channels.join(", ")) },
            count(usize::try_from(awaiting.repeats).unwrap_or(usize::MAX), "time"),
            next,
            one_line(&awaiting.alert.title),
        ]);
    }
    table.to_string()
}

//! An alert as a plain text of a limited length: what comes first survives, what comes last is left out first.

use super::{Alert, sheet::age_s};
use crate::text::{Unit, fit, lines, one_line};
use crate::wording::Buttons;
use jiff::Timestamp;

/// So much of a title is worth more than a link that leaves no room for it, in units.
const LEAST_TITLE: usize = 30;

/// The parts of an alert's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// First line: item and price.
    pub title: String,
    /// The item's page.
    pub url: Option<String>,
    /// What else is to be said, several lines.
    pub body: String,
    /// Further links, a line each, the most useful first.
    pub links: Vec<String>,
    /// How old the mail is.
    pub foot: Option<String>,
}

/// What stands above the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// Nothing: the channel has its own places for title and link.
    Apart,
    /// The link only: the channel has its own place for the title.
    Link,
    /// The title, then the link.
    TitleLink,
    /// The link, then the title.
    LinkTitle,
}

impl Note {
    /// The text of an alert at this time, without anything that steers a screen. The page on which it is acknowledged is
    /// its first link.
    #[must_use]
    pub fn of(alert: &Alert, buttons: &Buttons, now: Timestamp) -> Self {
        let page = alert.awaits.as_ref().and_then(|awaits| awaits.page.as_deref()).map(|page| (&buttons.seen, page));
        let links = alert.links.iter().map(|link| (&link.label, link.url.as_str()));
        let line = |(label, url): (&String, &str)| format!("{}: {url}", one_line(label));
        Self {
            title: one_line(&alert.title),
            url: alert.url.clone(),
            body: lines(&alert.body).trim().to_owned(),
            links: page.into_iter().chain(links).map(line).collect(),
            foot: age_s(alert, now).map(|age| format!("⏱ {age} s")),
        }
    }

    /// The text in at most `limit` units. Title and link survive: a title that is too long is cut, a link never is (one
    /// that leaves no room for the beginning of the title is left out). Further links are left out, the last first, then the body is cut.
    #[must_use]
    pub fn text(&self, head: Head, limit: usize, unit: Unit) -> String {
        let beside = unit.length(&self.title).min(LEAST_TITLE) + 1;
        let url = self.url.as_deref().filter(|url| unit.length(url).saturating_add(beside) <= limit);
        let taken = url.map_or(0, |url| unit.length(url) + 1);
        let title = fit(&self.title, limit.saturating_sub(taken), unit);
        let title = Some(title.as_str()).filter(|title| !title.is_empty());
        let head: [Option<&str>; 2] = match head {
            Head::Apart => [None, None],
            Head::Link => [url, None],
            Head::TitleLink => [title, url],
            Head::LinkTitle => [url, title],
        };
        let head = head.into_iter().flatten().collect::<Vec<_>>().join("\n");
        let foot = self.foot.as_deref();
        for kept in (0..=self.links.len()).rev() {
            let links = self.links.iter().take(kept).map(String::as_str);
            let body = Some(self.body.as_str());
            let all = joined([Some(head.as_str()), body].into_iter().flatten().chain(links).chain(foot));
            if unit.length(&all) <= limit {
                return all;
            }
        }
        let around = joined([head.as_str()].into_iter().chain(foot));
        let left = limit.saturating_sub(unit.length(&around)).saturating_sub(1);
        let body = fit(&self.body, left, unit);
        let all = joined([head.as_str(), &body].into_iter().chain(foot));
        if unit.length(&all) <= limit { all } else { fit(&head, limit, unit) }
    }
}

/// Parts below each other; empty ones leave no line.
fn joined<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Awaits, Link};
    use proptest::prelude::*;

    fn alert() -> Alert {
        let link = |n: u32| Link { label: format!("店{n}"), url: format!("https://shop{n}.example/?q=%E3%83%9E") };
        Alert {
            title: "モドリのマグ\n1,980円".into(),
            body: "モドリ雑貨店\u{202e}\n残りわずか\n".into(),
            url: Some("https://item.rakuten.co.jp/modori/mug/".into()),
            received: Some(Timestamp::UNIX_EPOCH),
            links: vec![link(1), link(2)],
            awaits: Some(Awaits {
                token: "t".into(),
                every_s: 60,
                for_s: 600,
                page: Some("https://me.example/a".into()),
            }),
            ..Alert::default()
        }
    }

    fn buttons() -> Buttons {
        Buttons { seen: "見た".into(), open: "開く".into() }
    }

    #[test]
    fn first_the_links_go_then_the_body() {
        let note = Note::of(&alert(), &buttons(), Timestamp::from_second(7).unwrap());
        let whole = "モドリのマグ 1,980円\nhttps://item.rakuten.co.jp/modori/mug/\nモドリ雑貨店\n残りわずか\n\
                     見た: https://me.example/a\n店1: https://shop1.example/?q=%E3%83%9E\n店2: https://shop2.example/?q=%E3%83%9E\n⏱ 7 s";
        let length = whole.chars().count();
        assert_eq!(note.text(Head::TitleLink, length, Unit::Chars), whole);
        let without = whole.replace("店2: https://shop2.example/?q=%E3%83%9E\n", "");
        assert_eq!(note.text(Head::TitleLink, length - 1, Unit::Chars), without);
        assert_eq!(
            note.text(Head::LinkTitle, 70, Unit::Chars),
            "https://item.rakuten.co.jp/modori/mug/\nモドリのマグ 1,980円\nモドリ雑貨店…\n⏱ 7 s"
        );
        // no room for both
        assert_eq!(note.text(Head::TitleLink, 12, Unit::Chars), "モドリのマグ…");
    }

    proptest! {
        #[test]
        fn it_fits_whatever_it_says(title in any::<String>(), body in any::<String>(), label in any::<String>(),
                                    limit in 0_usize..200, which in 0_usize..3) {
            let unit = [Unit::Bytes, Unit::Chars, Unit::Utf16][which];
            let mut alert = alert();
            (alert.title, alert.body) = (title, body);
            alert.links[0].label = label;
            let note = Note::of(&alert, &buttons(), Timestamp::UNIX_EPOCH);
            for head in [Head::Apart, Head::Link, Head::TitleLink, Head::LinkTitle] {
                let text = note.text(head, limit, unit);
                prop_assert!(unit.length(&text) <= limit, "{text:?}");
                let url = alert.url.as_deref().unwrap();
                if head != Head::Apart && limit >= 2 * url.len() {
                    prop_assert!(text.contains(url));
                }
            }
        }
    }
}

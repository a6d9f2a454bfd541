//! The goods that the shopper waits for, and those that she does not want to hear of: `wanted.toml`.

mod edit;

use super::link::item_page;
use crate::calendar::{end_of_day, instant};
use crate::facts::{self, Facts, Item};
use crate::rules::diagnostic::{Desk, Diagnostic, Source, meant};
use crate::text;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;

pub use edit::{Added, NotEdited, Which, add, remove};

/// Which list an entry stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Alerted before all others.
    Wanted,
    /// Filed, and never alerted.
    Muted,
}

impl List {
    /// The table's name in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Muted => "muted",
        }
    }
}

/// Goods that are waited for, or not to be heard of. Everything that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Words of the name, as written.
    pub name: Option<String>,
    /// The maker's model number.
    pub model: Option<String>,
    /// The item's page.
    pub url: Option<String>,
    /// The shop: its code, or a part of its name.
    pub shop: Option<String>,
    /// In yen: dearer goods are not meant.
    pub max_price: Option<u64>,
    /// The last day on which this counts (Tokyo).
    pub until: Option<Date>,
    /// The sale begins: mailboxes are asked all the time around it.
    pub from: Option<Timestamp>,
    /// For the shopper herself.
    pub note: Option<String>,
    /// Where it stands in the file: from its header to the end of its last value.
    pub span: Range<usize>,
}

/// The file, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What is waited for, in the order of the file.
    pub wanted: Vec<Entry>,
    /// What is not to be heard of.
    pub muted: Vec<Entry>,
}

/// What the shopper thinks of the goods of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Want {
    /// She waits for them.
    Wanted {
        /// Which of the mail's items; `None` when the mail lists none.
        item: Option<usize>,
        /// Her note.
        note: String,
    },
    /// She does not want to hear of any of them.
    Muted,
    /// Nothing.
    #[default]
    Neither,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    wanted: Vec<Spanned<Written>>,
    #[serde(default)]
    muted: Vec<Spanned<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<Spanned<String>>,
    model: Option<Spanned<String>>,
    url: Option<Spanned<String>>,
    shop: Option<Spanned<String>>,
    max_price: Option<Spanned<u64>>,
    until: Option<Spanned<toml::Value>>,
    from: Option<Spanned<toml::Value>>,
    note: Option<Spanned<String>>,
}

impl Wanted {
    /// Reads the file.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn parse(source: &Source) -> Result<Self, Vec<Diagnostic>> {
        let mut desk = Desk::new(source);
        let file: File = match toml::from_str(&source.text) {
            Ok(file) => file,
            Err(error) => {
                let message = error.message().to_owned();
                let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
                let help = names.split_first().filter(|_| message.starts_with("unknown field"));
                let help = help.and_then(|(unknown, known)| meant(unknown, known));
                let help = help.map(|known| format!("did you mean `{known}`?")).unwrap_or_default();
                desk.error(error.span().unwrap_or(0..0), message, help);
                return Err(desk.found);
            }
        };
        let mut read = |list: &[Spanned<Written>]| -> Vec<Entry> {
            list.iter().map(|written| entry(written.get_ref(), written.span(), &mut desk)).collect()
        };
        let (wanted, muted) = (read(&file.wanted), read(&file.muted));
        if desk.found.is_empty() { Ok(Self { wanted, muted }) } else { Err(desk.found) }
    }

    /// The entries of a list.
    #[must_use]
    pub fn of_list(&self, list: List) -> &[Entry] {
        match list {
            List::Wanted => &self.wanted,
            List::Muted => &self.muted,
        }
    }

    /// What the shopper thinks of the goods of a mail. `page` is where a tap on its alert would lead: the page of its
    /// first item, should the mail not say it otherwise. What is wanted counts more than what is muted; a mail is muted
    /// when all of its goods are.
    #[must_use]
    pub fn of(&self, facts: &Facts, page: Option<&str>, now: Timestamp) -> Want {
        if self.wanted.is_empty() && self.muted.is_empty() {
            return Want::Neither;
        }
        let shop = Seller {
            code: facts.shop_code.as_ref().map(|found| found.value.as_str()),
            name: facts.shop_name.as_ref().map(|found| found.value.as_str()),
        };
        let mut goods: Vec<Goods<'_>> = facts.items.iter().map(|item| Goods::of(&item.value, shop)).collect();
        let listed = !goods.is_empty();
        if !listed {
            goods.push(Goods { shop, ..Goods::default() });
        }
        if let Some(first) = goods.first_mut().filter(|first| first.page.is_none()) {
            first.page = page.and_then(item_page);
        }
        self.judge(&goods, listed, now)
    }

    /// What the shopper thinks of the goods of an announced sale.
    #[must_use]
    pub fn of_sale(&self, items: &[Item], shop_code: Option<&str>, now: Timestamp) -> Want {
        let shop = Seller { code: shop_code, name: None };
        let mut goods: Vec<Goods<'_>> = items.iter().map(|item| Goods::of(item, shop)).collect();
        if goods.is_empty() {
            goods.push(Goods { shop, ..Goods::default() });
        }
        self.judge(&goods, !items.is_empty(), now)
    }

    fn judge(&self, goods: &[Goods<'_>], listed: bool, now: Timestamp) -> Want {
        for (at, one) in goods.iter().enumerate() {
            if let Some(entry) = self.wanted.iter().find(|entry| entry.fits(one, true, now)) {
                return Want::Wanted { item: listed.then_some(at), note: entry.note.clone().unwrap_or_default() };
            }
        }
        let muted = |one: &Goods<'_>| self.muted.iter().any(|entry| entry.fits(one, false, now));
        if goods.iter().all(muted) { Want::Muted } else { Want::Neither }
    }

    /// Whether any of these goods is waited for.
    #[must_use]
    pub fn awaits(&self, items: &[Item], shop_code: Option<&str>, now: Timestamp) -> bool {
        let shop = Seller { code: shop_code, name: None };
        let fits = |item: &Item| self.wanted.iter().any(|entry| entry.fits(&Goods::of(item, shop), true, now));
        items.iter().any(fits)
    }

    /// When sales begin that the shopper wrote down herself.
    #[must_use]
    pub fn sales(&self) -> Vec<Timestamp> {
        self.wanted.iter().filter_map(|entry| entry.from).collect()
    }
}

/// Who sells.
#[derive(Clone, Copy, Debug, Default)]
struct Seller<'a> {
    code: Option<&'a str>,
    name: Option<&'a str>,
}

/// Goods, as far as a mail tells of them.
#[derive(Clone, Debug, Default)]
struct Goods<'a> {
    name: &'a str,
    code: Option<&'a str>,
    price_yen: Option<u64>,
    page: Option<String>,
    shop: Seller<'a>,
}

impl<'a> Goods<'a> {
    fn of(item: &'a Item, shop: Seller<'a>) -> Self {
        let page = item.url.as_deref().and_then(item_page);
        Self { name: &item.name, code: item.code.as_deref(), price_yen: item.price_yen, page, shop }
    }

    /// The shop's code: as the mail names it, else as the address of the page does.
    fn shop_code(&self) -> Option<&str> {
        let of_page = || self.page.as_deref()?.strip_prefix("https://item.rakuten.co.jp/")?.split('/').next();
        self.shop.code.or_else(of_page)
    }
}

impl Entry {
    /// Whether goods are meant. Goods without a price are not known to be too dear; nothing is muted for a price that is
    /// not known (`unpriced`).
    fn fits(&self, goods: &Goods<'_>, unpriced: bool, now: Timestamp) -> bool {
        let current = self.until.is_none_or(|until| now <= end_of_day(until));
        let cheap = self.max_price.is_none_or(|most| goods.price_yen.map_or(unpriced, |price| price <= most));
        let folded = |text: &str| text::fold(text).text().to_owned();
        let name = || folded(goods.name);
        let named = self.name.as_deref().is_none_or(|words| {
            let name = name();
            let mut words = words.split_whitespace().map(folded).peekable();
            words.peek().is_some() && words.all(|word| name.contains(&word))
        });
        let model = self.model.as_deref().is_none_or(|model| has_model(goods, model));
        let page = self.url.is_none() || self.url.as_deref().map(key) == goods.page.as_deref().map(key);
        let shop = self.shop.as_deref().is_none_or(|shop| {
            let of_name = || goods.shop.name.is_some_and(|name| folded(name).contains(&folded(shop)));
            goods.shop_code().is_some_and(|code| code.eq_ignore_ascii_case(shop)) || of_name()
        });
        current && cheap && model && page && shop && named
    }

    /// How it is called in a list.
    #[must_use]
    pub fn title(&self) -> String {
        let parts = [&self.name, &self.model, &self.url, &self.shop];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// The number stands in the name or is the code, and is no part of a longer one.
fn has_model(goods: &Goods<'_>, model: &str) -> bool {
    let wanted = text::fold(model).text().to_owned();
    let is_part = |c: char| c.is_ascii_alphanumeric();
    let stands = |text: &str| {
        let folded = text::fold(text);
        let text = folded.text();
        text.match_indices(&wanted).any(|(at, _)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let after = text.get(at + wanted.len()..).and_then(|after| after.chars().next());
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
    };
    !wanted.is_empty() && (stands(goods.name) || goods.code.is_some_and(stands))
        // a thing for the model is not the model
        && facts::model(goods.name, goods.code).is_some_and(|found| {
            let found = text::fold(&found).text().to_owned();
            found.starts_with(&wanted) || wanted.starts_with(&found)
        })
}

/// Two addresses of one page: with and without the last slash, in capitals or not.
fn key(page: &str) -> String {
    page.trim_end_matches('/').to_ascii_lowercase()
}

fn entry(written: &Written, span: Range<usize>, desk: &mut Desk<'_>) -> Entry {
    let mut end = span.end;
    let mut text = |value: &Option<Spanned<String>>, key: &str, desk: &mut Desk<'_>| {
        let value = value.as_ref()?;
        end = end.max(value.span().end);
        let text = value.get_ref().trim().to_owned();
        if text.is_empty() {
            desk.error(value.span(), format!("`{key}` is empty"), "write what is meant, or leave the key out");
        }
        Some(text)
    };
    let name = text(&written.name, "name", desk);
    let model = text(&written.model, "model", desk);
    let shop = text(&written.shop, "shop", desk);
    let note = text(&written.note, "note", desk);
    let url = text(&written.url, "url", desk).and_then(|url| {
        let page = item_page(&url);
        if let (None, Some(written)) = (&page, &written.url) {
            let help = "copy the address of the item's page: https://item.rakuten.co.jp/SHOP/ITEM/";
            desk.error(written.span(), "this is not the page of an item", help);
        }
        page
    });
    let mut day = None;
    if let Some(value) = &written.until {
        end = end.max(value.span().end);
        day = plain(value.get_ref()).and_then(|text| text.parse::<Date>().ok());
        if day.is_none() {
            desk.error(
                value.span(),
                "this is no day",
                "write it like 2026-12-31: the last day on which the entry counts",
            );
        }
    }
    let mut from = None;
    if let Some(value) = &written.from {
        end = end.max(value.span().end);
        from = plain(value.get_ref()).and_then(|text| at(&text));
        if from.is_none() {
            let help = "write it like \"2026-12-04 20:00\": the time of Tokyo at which the sale begins";
            desk.error(value.span(), "this is no time of a day", help);
        }
    }
    if let Some(price) = &written.max_price {
        end = end.max(price.span().end);
    }
    let none = [&written.name, &written.model, &written.url, &written.shop].iter().all(|key| key.is_none());
    if none {
        let help = "give at least one of name, model, url and shop";
        desk.error(span.clone(), "this entry says nothing about which goods are meant", help);
    }
    let max_price = written.max_price.as_ref().map(|price| *price.get_ref());
    Entry { name, model, url, shop, max_price, until: day, from, note, span: span.start..end }
}

/// A day or a time, in quotes or bare.
fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.trim().to_owned()),
        toml::Value::Datetime(at) => Some(at.to_string()),
        _ => None,
    }
}

/// An instant: with an offset, or by the clock of Tokyo.
fn at(text: &str) -> Option<Timestamp> {
    // a bare day parses as its first second: it is no time
    if !text.contains(':') {
        return None;
    }
    text.parse::<Timestamp>().ok().or_else(|| text.parse::<DateTime>().ok().map(instant))
}

#[cfg(test)]
mod tests;

//! `[search]`: where goods are looked for, in which order.

use super::check::Check;
use crate::plan::search::{NotASearch, SHIPPED, Shop, Shops};
use std::collections::BTreeMap;
use toml::{Spanned, Value};

/// Longest name of a shop, in characters: it stands on a button.
const LONGEST: usize = 40;

impl Check<'_> {
    /// What is written comes first, in the order of the file; then the shipped shops that are not mentioned.
    pub(super) fn search(&mut self, written: &BTreeMap<Spanned<String>, Spanned<Value>>) -> Shops {
        let mut named: Vec<_> = written.iter().collect();
        named.sort_by_key(|(name, _)| name.span().start);
        let mut shops: Vec<Shop> = named.iter().filter_map(|(name, value)| self.shop(name, value)).collect();
        let mentioned = |shop: &Shop| named.iter().any(|(name, _)| *name.get_ref() == shop.name);
        shops.extend(Shops::default().0.into_iter().filter(|shop| !mentioned(shop)));
        Shops(shops)
    }

    /// One shop; `None` when it is switched off, or wrong.
    fn shop(&mut self, name: &Spanned<String>, value: &Spanned<Value>) -> Option<Shop> {
        let shipped = SHIPPED.iter().any(|(shop, _)| shop == name.get_ref());
        let (label, url) = match value.get_ref() {
            Value::String(off) if off.is_empty() => return None,
            Value::String(url) => ("", url.as_str()),
            Value::Table(table) => {
                if let Some(key) = table.keys().find(|key| !matches!(key.as_str(), "label" | "url")) {
                    self.wrong(value.span(), format!("unknown key `{key}`"), "a shop has a label and a url");
                    return None;
                }
                let text = |key: &str| table.get(key).and_then(Value::as_str).unwrap_or_default();
                (text("label").trim(), text("url"))
            }
            _ => {
                self.wrong(value.span(), "this is no address", "write \"https://…{query}…\"; \"\" switches a shop off");
                return None;
            }
        };
        if label.is_empty() && !shipped {
            let message = format!("`{}` is a shop of your own and needs a label", name.get_ref());
            let help = format!("write {} = {{ label = \"…\", url = \"https://…{{query}}…\" }}", name.get_ref());
            self.wrong(value.span(), message, &help);
            return None;
        }
        if label.chars().count() > LONGEST || label.chars().any(char::is_control) {
            self.wrong(value.span(), "this label is no short name", "it stands on a button: at most 40 characters");
            return None;
        }
        match Shop::new(name.get_ref(), label, url) {
            Ok(shop) => Some(shop),
            Err(error) => {
                let help = match error {
                    NotASearch::Query => "{query} stands for the name and model number of the goods",
                    NotASearch::Host => "https://HOST/…{query}…, without a user name",
                    NotASearch::Insecure | NotASearch::Letters => "",
                };
                self.wrong(value.span(), format!("no goods can be looked for at this address: {error}"), help);
                None
            }
        }
    }
}

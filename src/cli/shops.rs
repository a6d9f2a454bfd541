//! `modori shops [SHOP]`: how reliable shops were, and when their goods come back.

use super::args::{Format, Shops};
use super::seen::Seen;
use super::{Failure, render};
use crate::ledger::{self, Case, Shop, shop};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

/// Prints the records of all shops, the worst first; or of one, with its orders and the hours of its restocks.
pub(super) fn run(arguments: &Shops, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let Seen { events, settings, cases, now, language, wording, .. } = Seen::open(config, state, arguments.at)?;
    let shops = ledger::shops(&events, &cases, &settings, now);
    if let Some(named) = &arguments.shop {
        let found = one(&shops, named)?;
        let codes = shop::codes(&cases);
        let orders: Vec<&Case> = cases.values().filter(|case| shop::key_of(case, &codes) == found.code).collect();
        match arguments.format {
            Format::Json => {
                let mut sheet = sheet(found);
                if let Some(fields) = sheet.as_object_mut() {
                    fields.insert("cases".into(), orders.iter().map(|case| ledger::sheet(case)).collect());
                }
                anstream::println!("{sheet}");
            }
            Format::Text => anstream::println!("{}", render::shops::shop(found, &orders, &wording, language)),
        }
        return Ok(());
    }
    let mut all: Vec<&Shop> = shops.values().collect();
    all.sort_by_key(|shop| {
        let bad = (shop.bad_record, shop.cancel_percent(), shop.cancels, shop.cancels_claimed, shop.orders);
        (Reverse(bad), shop.code.clone())
    });
    match arguments.format {
        Format::Json => {
            for shop in all {
                let line = format!("{}\n", sheet(shop));
                if std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes()).is_err() {
                    break;
                }
            }
        }
        Format::Text => anstream::println!("{}", render::shops::shops(&all, language)),
    }
    Ok(())
}

/// The shop with this code or name, or the only one whose code or name holds these words.
fn one<'a>(shops: &'a BTreeMap<String, Shop>, named: &str) -> Result<&'a Shop, Failure> {
    if let Some(shop) = shops.get(named).or_else(|| shops.values().find(|shop| shop.called() == named)) {
        return Ok(shop);
    }
    let holds = |shop: &&Shop| shop.code.contains(named) || shop.called().contains(named);
    let mut holding = shops.values().filter(holds);
    match (holding.next(), holding.next()) {
        (Some(shop), None) => Ok(shop),
        (None, _) => Err(Failure::new(format!("nothing is known of a shop `{named}`; `modori shops` lists all"))),
        (Some(_), Some(_)) => {
            let codes: Vec<&str> = shops.values().filter(holds).map(|shop| shop.code.as_str()).collect();
            Err(Failure::new(format!("`{named}` is several shops: {}; name one by its code", codes.join(", "))))
        }
    }
}

/// One shop for programs.
fn sheet(shop: &Shop) -> Value {
    let mut sheet = json!(shop);
    if let Some(fields) = sheet.as_object_mut() {
        fields.insert("cancel_percent".into(), json!(shop.cancel_percent()));
    }
    sheet
}

//! `modori want` and `modori mute`: the shopper's list of goods, changed as she would change it by hand.

use super::args::{Format, Wish};
use super::{Failure, render, setup};
use crate::calendar::{instant, rfc3339};
use crate::edge::config;
use crate::edge::files::Beside;
use crate::plan::link::item_page;
use crate::plan::wanted::{self, Added, Entry, List, NotEdited, Which};
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Adds to a list, shows it, or takes something out of it.
pub(super) fn run(list: List, arguments: &Wish, named: Option<&Path>) -> Result<(), Failure> {
    let file = file(named)?;
    if arguments.list {
        return show(list, &file, arguments.format);
    }
    let text = crate::engine::wishes::text(&file).map_err(Failure::new)?.unwrap_or_default();
    if let Some(which) = &arguments.remove {
        let which = match which.parse::<usize>() {
            Ok(number) => Which::Number(number),
            Err(_) => Which::Page(page(which)?),
        };
        let (text, gone) = wanted::remove(&text, list, &which).map_err(|error| refused(&file, &error))?;
        write(&file, &text)?;
        anstream::println!("taken out of `{}`: {}", list.name(), gone.title());
        return Ok(());
    }
    let mut text = text;
    let mut said = Vec::new();
    for entry in entries(arguments)? {
        match wanted::add(&text, list, &entry).map_err(|error| refused(&file, &error))? {
            Added::Text(new) => {
                text = new;
                said.push(format!("{}: {}", list.name(), entry.title()));
            }
            Added::There => said.push(format!("{}: {} stands there already", list.name(), entry.title())),
        }
    }
    write(&file, &text)?;
    said.iter().for_each(|line| anstream::println!("{line}"));
    anstream::println!("{}; a watch that runs goes by it at once", file.display());
    Ok(())
}

/// Where the list lies.
fn file(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let usual = || config::default_file().and_then(|file| Some(file.parent()?.join("wanted.toml")));
    match setup::config_if_any(named)? {
        Some(config) => Ok(config.wanted),
        None => usual().ok_or_else(|| {
            Failure::broken("no place for wanted.toml is known; name a configuration with --config FILE")
        }),
    }
}

/// What is to be added: an entry for each page, or one for all words.
fn entries(arguments: &Wish) -> Result<Vec<Entry>, Failure> {
    let from = arguments.from.as_deref().map(time).transpose()?;
    let common = Entry {
        model: arguments.model.clone(),
        shop: arguments.shop.clone(),
        max_price: arguments.max_price,
        until: arguments.until,
        note: arguments.note.clone(),
        from,
        ..Entry::default()
    };
    let (pages, words): (Vec<&String>, Vec<&String>) = arguments.what.iter().partition(|what| is_address(what));
    match (pages.is_empty(), words.is_empty()) {
        (false, true) => {
            pages.iter().map(|address| Ok(Entry { url: Some(page(address)?), ..common.clone() })).collect()
        }
        (false, false) => Err(Failure::broken("give either pages or words of a name, not both")),
        (true, false) => {
            let name = words.iter().map(|word| word.trim()).collect::<Vec<_>>().join(" ");
            Ok(vec![Entry { name: Some(name), ..common }])
        }
        (true, true) if common.model.is_some() || common.shop.is_some() => Ok(vec![common]),
        (true, true) => Err(Failure::broken(
            "which goods? Give the item's page, words of its name, --model or --shop (or --list, --remove)",
        )),
    }
}

fn is_address(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    text.contains("://")
        || ["item.rakuten.co.jp/", "books.rakuten.co.jp/", "www."].iter().any(|host| text.starts_with(host))
}

/// The page of an item, in the form in which it is compared.
fn page(address: &str) -> Result<String, Failure> {
    let rest = address.trim();
    let rest = ["https://", "http://"].iter().find_map(|scheme| {
        rest.get(..scheme.len()).filter(|head| head.eq_ignore_ascii_case(scheme)).and(rest.get(scheme.len()..))
    });
    item_page(&format!("https://{}", rest.unwrap_or(address.trim()))).ok_or_else(|| {
        let shown = crate::text::visible(address);
        Failure::broken(format!(
            "{shown} is not the page of an item; such a page is https://item.rakuten.co.jp/SHOP/ITEM/"
        ))
    })
}

/// An instant: with an offset, or by the clock of Tokyo.
fn time(text: &str) -> Result<Timestamp, Failure> {
    let civil = || text.trim().parse::<DateTime>().ok().filter(|_| text.contains(':')).map(instant);
    text.trim().parse::<Timestamp>().ok().or_else(civil).ok_or_else(|| {
        Failure::broken(format!("--from: `{text}` is no time of a day; write it like '2026-12-04 20:00' (Tokyo)"))
    })
}

fn refused(file: &Path, error: &NotEdited) -> Failure {
    match error {
        // a diagnostic names its file itself, by the name it has here
        NotEdited::Broken(found) => Failure::broken(found.replace("wanted.toml:", &format!("{}:", file.display()))),
        other => Failure::broken(format!("{}: {other}", file.display())),
    }
}

/// Whole or not at all, with the mode the file had. A link is followed: the file it leads to is written.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let place = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_path_buf());
    let failed = |error: std::io::Error| Failure::new(format!("cannot write {}: {error}", place.display()));
    if let Some(folder) = place.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let beside = Beside::new(&place, true).map_err(|error| Failure::new(error.to_string()))?;
    let mut to = beside.open().map_err(|error| Failure::new(error.to_string()))?;
    to.write_all(text.as_bytes()).map_err(failed)?;
    if let Ok(about) = std::fs::metadata(&place) {
        std::fs::set_permissions(beside.path(), about.permissions()).map_err(failed)?;
    }
    beside.keep().map_err(|error| Failure::new(error.to_string()))
}

fn show(list: List, file: &Path, format: Format) -> Result<(), Failure> {
    let (_, wanted) = setup::wanted(file)?;
    let entries = wanted.of_list(list);
    match format {
        Format::Text => anstream::println!("{}", render::wanted(list, entries, file)),
        Format::Json => {
            for (at, entry) in entries.iter().enumerate() {
                let line = json!({
                    "number": at + 1,
                    "name": entry.name,
                    "model": entry.model,
                    "url": entry.url,
                    "shop": entry.shop,
                    "max_price": entry.max_price,
                    "until": entry.until.map(|day| day.to_string()),
                    "from": entry.from.map(rfc3339),
                    "note": entry.note,
                });
                if std::io::stdout().write_all(format!("{line}\n").as_bytes()).is_err() {
                    break;
                }
            }
        }
    }
    Ok(())
}

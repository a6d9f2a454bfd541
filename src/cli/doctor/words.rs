//! The files that a shopper writes besides the configuration: rules, words, letters, and the list of wanted goods.

use crate::cli::{Failure, render, setup};
use crate::edge::config::{Account, Config};
use crate::engine::checkup::Check;
use crate::rules::{self, Layer, RuleSet, Severity};
use std::collections::BTreeMap;

/// The rules that mail is judged by: those that all share, and those of accounts with their own.
pub(super) struct Judging {
    shared: RuleSet,
    own: BTreeMap<String, RuleSet>,
    /// The shopper's own cannot be used: the shipped ones stand in for them.
    pub(super) broken: bool,
}

impl Judging {
    /// The folders that the rules of an account name.
    pub(super) fn folders(&self, account: &str) -> Vec<&str> {
        self.own.get(account).unwrap_or(&self.shared).folders()
    }
}

/// Reads and tries all rules.
pub(super) fn rules(config: &Config, checks: &mut Vec<Check>) -> Result<Judging, Failure> {
    let (shared, mut broken) = one(config, None, checks)?;
    let mut own = BTreeMap::new();
    for account in config.accounts.iter().filter(|account| !account.own.is_none()) {
        let (rules, bad) = one(config, Some(account), checks)?;
        broken |= bad;
        own.insert(account.name.clone(), rules);
    }
    Ok(Judging { shared, own, broken })
}

/// The rules of an account, or those that all share; the shipped ones where these cannot be used.
fn one(config: &Config, account: Option<&Account>, checks: &mut Vec<Check>) -> Result<(RuleSet, bool), Failure> {
    let about = account.map_or_else(|| "rules".to_owned(), |account| format!("account {}: rules", account.name));
    let shipped = || RuleSet::load_layers(&[]).map_err(|_| Failure::new("the shipped rules cannot be read"));
    let layers: Vec<Layer> = match setup::layers(config.rules.as_deref(), account) {
        Ok(layers) => layers,
        Err(failure) => {
            checks.push(Check::failure(about, failure.what, "check `rules`, and the owner and mode of the folder"));
            return Ok((shipped()?, true));
        }
    };
    let report = rules::check_layers(&layers);
    let errors = report.diagnostics.iter().any(|one| one.severity == Severity::Error);
    for one in &report.diagnostics {
        let said = format!("{}:{}:{}: {}", one.file, one.line, one.column, one.message);
        let more = "modori rules check shows the line";
        let remedy = if one.help.is_empty() { more.to_owned() } else { format!("{}; {more}", one.help) };
        checks.push(match one.severity {
            Severity::Error => Check::failure(about.clone(), said, remedy),
            Severity::Warning => Check::warning(about.clone(), said, remedy),
        });
    }
    let files = layers.iter().map(|layer| layer.files.len()).sum::<usize>();
    match RuleSet::load_layers(&layers) {
        Ok(rules) if !errors => {
            let said = format!(
                "{}, {} of your own; {} passed",
                render::count(rules.list().len(), "rule"),
                render::count(files, "file"),
                render::count(report.passed(), "example")
            );
            checks.push(Check::fine(about, said));
            Ok((rules, false))
        }
        _ => Ok((shipped()?, true)),
    }
}

/// Words, letters and wanted goods can be used as they are written.
pub(super) fn texts(config: &Config) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut say = |about: &str, read: Result<(), Failure>| {
        if let Err(failure) = read {
            checks.push(Check::failure(about, failure.what, "mend the file; a watch does not start with it"));
        }
    };
    say("wording", setup::wording(config.wording.as_deref()).map(|_| ()));
    say("letters", setup::letters(config.letters.as_deref()).map(|_| ()));
    say("wanted", setup::wanted(&config.wanted).map(|_| ()));
    checks
}

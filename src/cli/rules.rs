//! `modori rules`: check, list, schema; what else there is has files of its own.

use super::args::{Rules, RulesFrom, SchemaOf};
use super::{Failure, diff, draft, render, setup, tested};
use crate::edge::config::Account;
use crate::rules::{self, Diagnostic, Layer, Listed, RuleSet, Severity};
use std::path::{Path, PathBuf};

/// Runs the sub-command.
pub(super) fn run(arguments: &Rules, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    match arguments {
        Rules::Test(test) => tested::run(test, config),
        Rules::Diff(diff) => diff::run(diff, config, state),
        Rules::New(new) => draft::run(new, config, state),
        Rules::Check(from) => check(&all(from, config)?),
        Rules::Schema(which) => {
            let text = match which.of {
                SchemaOf::Rules => rules::SCHEMA,
                SchemaOf::Config => crate::edge::config::SCHEMA,
            };
            anstream::print!("{text}");
            Ok(())
        }
        Rules::List(from) => list(&all(from, config)?),
    }
}

/// Rule files that are checked or listed together, and what they are called.
struct Stack {
    account: Option<String>,
    folder: Option<PathBuf>,
    layers: Vec<Layer>,
}

/// What all accounts share, then each account with something of its own; or only what was asked for.
fn all(from: &RulesFrom, config: Option<&Path>) -> Result<Vec<Stack>, Failure> {
    let folder = setup::rules_folder(from.folder.as_deref(), config)?;
    // a folder that is named has nothing to do with the configuration
    let config = if from.folder.is_some() { None } else { setup::config_if_any(config)? };
    let of = |account: &Account| -> Result<Stack, Failure> {
        let layers = setup::layers(folder.as_deref(), Some(account))?;
        Ok(Stack { account: Some(account.name.clone()), folder: account.own.rules.clone(), layers })
    };
    if let Some(name) = &from.account {
        return Ok(vec![of(setup::account(config.as_ref(), name)?)?]);
    }
    let layers = setup::layers(folder.as_deref(), None)?;
    let mut all = vec![Stack { account: None, folder: folder.clone(), layers }];
    let accounts = config.iter().flat_map(|config| &config.accounts);
    for account in accounts.filter(|account| !account.own.is_none()) {
        all.push(of(account)?);
    }
    Ok(all)
}

fn check(all: &[Stack]) -> Result<(), Failure> {
    let colour = render::colour();
    let mut said: Vec<Diagnostic> = Vec::new();
    let mut summaries = Vec::new();
    let mut failed = false;
    for stack in all {
        let report = rules::check_layers(&stack.layers);
        // what is wrong with what all share is said once
        for diagnostic in report.diagnostics.iter().filter(|one| !said.contains(one)) {
            anstream::eprintln!("{}\n", diagnostic.render(colour));
        }
        let of = |severity| report.diagnostics.iter().filter(|one| one.severity == severity).count();
        let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
        failed |= errors > 0;
        summaries.push(format!(
            "{}: {}, {}, {} passed",
            stack.files(),
            render::count(errors, "error"),
            render::count(warnings, "warning"),
            render::count(report.passed(), "example")
        ));
        said.extend(report.diagnostics);
    }
    let summary = summaries.join("\n");
    if failed {
        return Err(Failure::broken(summary));
    }
    anstream::println!("{summary}");
    Ok(())
}

impl Stack {
    /// Which files these are.
    fn files(&self) -> String {
        let own = self.layers.last().map_or(0, |layer| layer.files.len());
        let files = match (&self.folder, &self.account) {
            (Some(folder), None) => {
                format!("the shipped rules and {} of your own in {}", render::count(own, "file"), folder.display())
            }
            (Some(folder), Some(_)) => {
                format!("those that all share and {} of its own in {}", render::count(own, "file"), folder.display())
            }
            (None, Some(_)) => "those that all share, and the configuration".to_owned(),
            (None, None) => "the shipped rules".to_owned(),
        };
        match &self.account {
            Some(account) => format!("account {account}: {files}"),
            None => files,
        }
    }
}

fn list(all: &[Stack]) -> Result<(), Failure> {
    let mut shared: Option<RuleSet> = None;
    for stack in all {
        let rules = setup::compiled(&stack.layers)?;
        let (only, extractors) = match (&shared, &stack.account) {
            // of an account only what is otherwise there
            (Some(shared), Some(account)) => {
                anstream::println!("\n{}", render::title(&format!("Otherwise in the account {account}")));
                let other = |one: &&Listed| !shared.list().contains(one);
                let more = rules.extractors().iter().filter(|one| !shared.extractors().contains(one));
                (rules.list().iter().filter(other).cloned().collect(), more.cloned().collect())
            }
            _ => (rules.list().to_vec(), rules.extractors().to_vec()),
        };
        let (before, now) = (shared.as_ref().map(RuleSet::folders_by_category), rules.folders_by_category());
        let folders = now
            .into_iter()
            .filter(|(category, folder)| before.as_ref().is_none_or(|before| before.get(category) != Some(folder)));
        let folders: Vec<(&str, &str)> = folders.collect();
        let tables = [
            (!only.is_empty()).then(|| render::rules(&only)),
            (!extractors.is_empty()).then(|| render::extractors(&extractors)),
            (stack.account.is_some() && !folders.is_empty()).then(|| render::folders(&folders)),
        ];
        let tables: Vec<String> = tables.into_iter().flatten().collect();
        anstream::println!("{}", if tables.is_empty() { "nothing".to_owned() } else { tables.join("\n\n") });
        shared.get_or_insert(rules);
    }
    Ok(())
}

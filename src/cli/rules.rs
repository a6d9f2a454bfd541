//! `modori rules`: check, list, schema; what else there is has files of its own.

use super::args::{Rules, SchemaOf};
use super::{Failure, diff, draft, render, setup, tested};
use crate::rules::{self, Severity};
use std::path::Path;

/// Runs the sub-command.
pub(super) fn run(arguments: &Rules, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    match arguments {
        Rules::Test(test) => tested::run(test, config),
        Rules::Diff(diff) => diff::run(diff, config, state),
        Rules::New(new) => draft::run(new, config, state),
        Rules::Check(from) => check(setup::rules_folder(from.folder.as_deref(), config)?.as_deref()),
        Rules::Schema(which) => {
            let text = match which.of {
                SchemaOf::Rules => rules::SCHEMA,
                SchemaOf::Config => crate::edge::config::SCHEMA,
            };
            anstream::print!("{text}");
            Ok(())
        }
        Rules::List(from) => list(setup::rules_folder(from.folder.as_deref(), config)?.as_deref()),
    }
}

fn check(folder: Option<&Path>) -> Result<(), Failure> {
    let own = setup::rule_files(folder)?;
    let report = rules::check(&own);
    let colour = render::colour();
    for diagnostic in &report.diagnostics {
        anstream::eprintln!("{}\n", diagnostic.render(colour));
    }
    let of = |severity| report.diagnostics.iter().filter(|one| one.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    let files = match folder {
        Some(folder) => {
            format!("the shipped rules and {} of your own in {}", render::count(own.len(), "file"), folder.display())
        }
        None => "the shipped rules".to_owned(),
    };
    let summary = format!(
        "{files}: {}, {}, {} passed",
        render::count(errors, "error"),
        render::count(warnings, "warning"),
        render::count(report.passed(), "example")
    );
    if errors > 0 {
        return Err(Failure::broken(summary));
    }
    anstream::println!("{summary}");
    Ok(())
}

fn list(folder: Option<&Path>) -> Result<(), Failure> {
    let rules = setup::rules(folder)?;
    anstream::println!("{}", render::rules(rules.list()));
    if !rules.extractors().is_empty() {
        anstream::println!("\n{}", render::extractors(rules.extractors()));
    }
    Ok(())
}

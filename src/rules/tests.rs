//! The rules room, tried as a whole.

use super::*;

fn show(found: &[Diagnostic]) -> String {
    found.iter().map(|found| found.render(false) + "\n\n").collect()
}

#[test]
#[ignore = "until text::fold and mail::read are there"]
fn the_shipped_rules_are_clean_and_their_examples_hold() {
    let report = check(&[]);
    assert!(report.diagnostics.is_empty(), "{}", show(&report.diagnostics));
    assert!(report.passed() >= 30, "{} examples", report.passed());
    assert_eq!(report.failed(), 0);
}

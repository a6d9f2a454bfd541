//! How long reading, finding and judging take per mail, beside a bare parse and decode of the same bytes.

#![allow(clippy::expect_used)] // a bench without its fixtures has nothing to say

use divan::Bencher;
use jiff::Timestamp;
use modori::mail::{self, Reading};
use modori::rules::{Known, RuleSet};
use modori::{facts, rules};
use std::path::Path;

fn main() {
    divan::main();
}

/// All sample mails; one iteration of a bench goes through all of them.
fn mails() -> Vec<Vec<u8>> {
    let mut mails = Vec::new();
    let kinds = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")).expect("fixtures");
    for kind in kinds.flatten().filter(|entry| entry.path().is_dir()) {
        for file in std::fs::read_dir(kind.path()).expect("a folder of fixtures").flatten() {
            if file.path().extension().is_some_and(|extension| extension == "eml") {
                mails.push(std::fs::read(file.path()).expect("a fixture"));
            }
        }
    }
    assert!(mails.len() > 50, "the fixtures are missing");
    mails
}

fn reading(bytes: &[u8]) -> Reading<'static> {
    Reading { received: Timestamp::UNIX_EPOCH, size: u32::try_from(bytes.len()).unwrap_or(u32::MAX), authserv_ids: &[] }
}

fn per_mail(bencher: Bencher<'_, '_>, run: impl Fn(&[u8]) + Sync) {
    let mails = mails();
    let bytes: usize = mails.iter().map(Vec::len).sum();
    bencher
        .counter(divan::counter::ItemsCount::new(mails.len()))
        .counter(divan::counter::BytesCount::new(bytes))
        .bench(|| mails.iter().for_each(|bytes| run(bytes)));
}

/// What any program pays: mail-parser's parse, and every text part decoded.
#[divan::bench]
fn baseline_parse_and_decode(bencher: Bencher<'_, '_>) {
    per_mail(bencher, |bytes| {
        let parsed = mail_parser::MessageParser::default().parse(bytes);
        if let Some(parsed) = parsed {
            for n in 0..parsed.text_body_count() {
                divan::black_box(parsed.body_text(n));
            }
            for n in 0..parsed.html_body_count() {
                divan::black_box(parsed.body_html(n));
            }
        }
    });
}

#[divan::bench]
fn read(bencher: Bencher<'_, '_>) {
    per_mail(bencher, |bytes| {
        divan::black_box(mail::read(bytes, &reading(bytes)));
    });
}

#[divan::bench]
fn read_and_find(bencher: Bencher<'_, '_>) {
    per_mail(bencher, |bytes| {
        let mail = mail::read(bytes, &reading(bytes));
        divan::black_box(facts::find(&mail));
    });
}

#[divan::bench]
fn read_find_and_judge(bencher: Bencher<'_, '_>) {
    let rules = RuleSet::shipped();
    let known = Known::default();
    per_mail(bencher, |bytes| {
        let mail = mail::read(bytes, &reading(bytes));
        let facts = rules::read(&rules, &mail);
        divan::black_box(rules::judge(&rules, &mail, &facts, &known));
    });
}

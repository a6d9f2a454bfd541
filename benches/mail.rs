//! How long reading, finding and judging take per mail, beside a bare parse and decode of the same bytes.

#![allow(clippy::expect_used)] // a bench without its fixtures has nothing to say

use divan::Bencher;
use modori::mail;
use modori::rules::{Known, RuleSet};
use modori::{facts, rules};

#[path = "../tests/all/support/samples.rs"]
mod samples;

fn main() {
    divan::main();
}

fn per_mail(bencher: Bencher<'_, '_>, run: impl Fn(&[u8]) + Sync) {
    let mails = samples::mails();
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
        divan::black_box(mail::read(bytes, &samples::reading(bytes)));
    });
}

#[divan::bench]
fn read_and_find(bencher: Bencher<'_, '_>) {
    per_mail(bencher, |bytes| {
        let mail = mail::read(bytes, &samples::reading(bytes));
        divan::black_box(facts::find(&mail));
    });
}

#[divan::bench]
fn read_find_and_judge(bencher: Bencher<'_, '_>) {
    let rules = RuleSet::shipped();
    let known = Known::default();
    per_mail(bencher, |bytes| {
        let mail = mail::read(bytes, &samples::reading(bytes));
        let facts = rules::read(&rules, &mail);
        divan::black_box(rules::judge(&rules, &mail, &facts, &known));
    });
}

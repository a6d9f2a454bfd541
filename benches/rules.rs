//! Judging with 10, 100, 1,000 and 10,000 rules of a shopper's own, beside a bare parse and decode of the same bytes.

#![allow(clippy::expect_used)] // a bench without its fixtures has nothing to say

use divan::Bencher;
use modori::facts::Facts;
use modori::mail::{self, Mail};
use modori::rules::{self, Known, RuleSet, Source};
use std::fmt::Write as _;

#[path = "../tests/all/support/samples.rs"]
mod samples;

fn main() {
    divan::main();
}

/// So many rules, as a shopper would write them: a shop's address, words of a subject, two words near each other, a
/// score; the words are of goods and differ from rule to rule.
fn set(count: usize) -> RuleSet {
    const FIRST: [&str; 12] =
        ["帆布", "鉄瓶", "土鍋", "万年筆", "毛糸", "豆皿", "革", "硝子", "竹かご", "線香", "急須", "手拭い"];
    const SECOND: [&str; 10] = ["トート", "大", "小", "セット", "限定", "藍", "生成り", "木箱入り", "二代目", "職人"];
    let mut text = String::from("category = \"mine\"\nfolder = \"mine\"\n");
    for n in 0..count {
        let (first, second) =
            (FIRST.get(n % 12).copied().unwrap_or(""), SECOND.get(n / 12 % 10).copied().unwrap_or(""));
        let _ = match n % 4 {
            0 => writeln!(
                text,
                "[[rule]]\nname = \"r{n}\"\nfrom = \"shop-{n}@shop.rakuten.co.jp\"\nsubject = \"{first}{second}{n}\""
            ),
            1 => writeln!(
                text,
                "[[rule]]\nname = \"r{n}\"\nsubject = [\"{first}{n}\", \"{second}の{first}\"]\nbody = \"{second}{n}\""
            ),
            2 => writeln!(
                text,
                "[[rule]]\nname = \"r{n}\"\ntext = {{ near = [[\"{first}{n}\", \"{second}{n}\"], [\"再入荷\", \"再販\"]], within = 20 }}"
            ),
            _ => writeln!(
                text,
                "[[rule]]\nname = \"r{n}\"\nthreshold = 3\nscore = [ {{ weight = 2, text = \"{first}{n}\" }}, {{ weight = 2, subject = \"{second}{n}番\" }} ]\nlink-host = \"item.rakuten.co.jp\""
            ),
        };
    }
    let own = if count == 0 { vec![] } else { vec![Source::new("mine.toml", text)] };
    RuleSet::load(&own).expect("rules")
}

/// What any program pays: mail-parser's parse, and every text part decoded.
#[divan::bench]
fn baseline_parse_and_decode(bencher: Bencher<'_, '_>) {
    let mails = samples::mails();
    bencher.counter(divan::counter::ItemsCount::new(mails.len())).bench(|| {
        for bytes in &mails {
            if let Some(parsed) = mail_parser::MessageParser::default().parse(bytes.as_slice()) {
                for n in 0..parsed.text_body_count() {
                    divan::black_box(parsed.body_text(n));
                }
                for n in 0..parsed.html_body_count() {
                    divan::black_box(parsed.body_html(n));
                }
            }
        }
    });
}

/// Judging alone, with so many rules beside the shipped ones.
#[divan::bench(args = [0, 10, 100, 1_000, 10_000])]
fn judge(bencher: Bencher<'_, '_>, count: usize) {
    let set = set(count);
    let read: Vec<(Mail, Facts)> = samples::mails()
        .iter()
        .map(|bytes| {
            let mail = mail::read(bytes, &samples::reading(bytes));
            let facts = rules::read(&set, &mail);
            (mail, facts)
        })
        .collect();
    let known = Known::default();
    bencher.counter(divan::counter::ItemsCount::new(read.len())).bench(|| {
        for (mail, facts) in &read {
            divan::black_box(rules::judge(&set, mail, facts, &known));
        }
    });
}

/// Reading a rule file of so many rules and making the matcher: at a start, and when a file was saved.
#[divan::bench(args = [10, 100, 1_000, 10_000], sample_count = 5)]
fn load(bencher: Bencher<'_, '_>, count: usize) {
    bencher.bench(|| divan::black_box(set(count)));
}

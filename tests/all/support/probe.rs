//! One bent input through the readers: which one, and what, follow from a number.

use super::mutate::{Chance, bent};
use jiff::Timestamp;
use modori::mail::{self, Reading};
use modori::rules::{self, Known, RuleSet, Source};
use std::path::Path;

/// What is bent.
pub struct Samples {
    mails: Vec<Vec<u8>>,
    rules: Vec<Vec<u8>>,
    results: Vec<Vec<u8>>,
    set: RuleSet,
}

/// Values of Authentication-Results as servers write them (RFC 8601), honest and odd.
const RESULTS: &[&str] = &[
    "mx.modori.example; dkim=pass header.d=rakuten.co.jp header.s=s1; spf=pass smtp.mailfrom=order@rakuten.co.jp; dmarc=pass header.from=rakuten.co.jp",
    "mx.modori.example 1; dmarc=fail (p=REJECT sp=REJECT dis=NONE) header.from=rakuten.co.jp",
    "mx.modori.example; auth=pass (cram-md5) smtp.auth=a@b; none",
    "mx.modori.example; none",
    "mx.modori.example;\r\n dkim=pass (2048-bit key; unprotected) header.i=@rakuten.co.jp header.b=\"a;b\\\"c\";\r\n\tspf=softfail reason=\"a (b) c\" smtp.helo=x",
    "other.example; dmarc=pass header.from=rakuten.co.jp",
];

/// A shopper's own file: extractors that see something in nearly every mail, and a rule that inherits.
const OWN: &str = r#"
category = "mine"
[[rule]]
name = "mine"
inherit = "registered item is back"
threshold = 3
not = { subject = "要らない" }
[[extract]]
name = "everything that looks like a value"
form = "done"
text = [
  '(?<order_number>[0-9]{6}-[0-9]{8}-[0-9]+)',
  '(?<payment_yen>[0-9,]+) ?円',
  '(?<points_return>[0-9,万]+) ?(?:ﾎﾟｲﾝﾄ|p)',
  '(?<reply_by>.{1,12})まで',
  '(?<coupon_url>https://\S+)',
  '商品名?\s*[:：]?(?<item_name>.+)',
]
[[extract]]
name = "only of shops"
from-domain = "shop.rakuten.co.jp"
text = { regex = '(?<shop_name>.+店)', in = "any" }
"#;

impl Samples {
    /// All fixtures, the shipped rule files and some results.
    pub fn load() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files = |folder: &Path, ending: &str| -> Vec<Vec<u8>> {
            let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
            paths.retain(|path| path.extension().is_some_and(|extension| extension == ending));
            paths.sort();
            paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
        };
        let mut kinds: Vec<_> =
            std::fs::read_dir(root.join("fixtures")).unwrap().map(|kind| kind.unwrap().path()).collect();
        kinds.retain(|kind| kind.is_dir());
        kinds.sort();
        Self {
            mails: kinds.iter().flat_map(|kind| files(kind, "eml")).collect(),
            rules: files(&root.join("rules"), "toml").into_iter().chain([OWN.into()]).collect(),
            results: RESULTS.iter().map(|text| text.as_bytes().to_vec()).collect(),
            set: RuleSet::load(&[Source::new("own.toml", OWN)]).unwrap(),
        }
    }
}

/// Whether the input of a number is a rule file: compiling it with all others and running their examples takes as long
/// as a hundred mails.
pub fn is_rule_file(seed: u64) -> bool {
    Chance::new(seed).below(20) == 0
}

/// Runs the input of one number; answers how many bytes it had.
pub fn run(samples: &Samples, seed: u64) -> usize {
    let mut chance = Chance::new(seed);
    match chance.below(20) {
        // rule files: one in twenty, for compiling a rule set is slow
        0 => {
            let bytes = bent(&samples.rules, &mut chance);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let length = text.len();
            let report = rules::check(&[Source::new("bent.toml", text)]);
            for found in &report.diagnostics {
                std::hint::black_box(found.render(false));
            }
            length
        }
        1..4 => {
            let value = bent(&samples.results, &mut chance);
            let mut mail = b"From: \"a\" <order@rakuten.co.jp>\r\nAuthentication-Results: ".to_vec();
            mail.extend(value);
            mail.extend(b"\r\nSubject: x\r\n\r\nbody\r\n");
            read(samples, &mail)
        }
        _ => read(samples, &bent(&samples.mails, &mut chance)),
    }
}

fn read(samples: &Samples, bytes: &[u8]) -> usize {
    let ids = ["mx.modori.example".to_owned()];
    let received: Timestamp = "2026-11-30T09:05:00Z".parse().unwrap();
    let size = u32::try_from(bytes.len()).unwrap();
    let mail = mail::read(bytes, &Reading { received, size, authserv_ids: &ids });
    let facts = rules::read(&samples.set, &mail);
    std::hint::black_box(rules::judge(&samples.set, &mail, &facts, &Known::default()));
    bytes.len()
}

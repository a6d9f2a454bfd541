//! Is the sender who the mail says? Three answers, each with its reasons.

use super::lookalike::{imitates, is_group};
use super::vouch::{self, Finding};
use super::{Address, Link, links};
use aho_corasick::AhoCorasick;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Whether the sender is who the mail says (design section 11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrustLevel {
    /// Claims to be Rakuten's and shows signs of forgery.
    Suspect,
    /// No usable proof either way.
    #[default]
    Unverified,
    /// The shopper's own provider vouches for an aligned sender.
    Verified,
}

/// A trust level and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// The answer.
    pub level: TrustLevel,
    /// One short sentence each.
    pub reasons: Vec<String>,
    /// Suspect because of the sender's name or host and nothing else: the shopper's word for that very address
    /// outweighs it.
    #[serde(default)]
    pub only_by_sender: bool,
    /// The shopper's word that let a suspect mail in.
    #[serde(default)]
    pub word: Option<Word>,
}

/// What the shopper said that bears on a suspect mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// She released this very mail.
    ThisMail,
    /// She vouched for its sender's address.
    ItsSender,
}

impl Trust {
    /// Takes the shopper's word: a suspect mail becomes an unverified one, never more. Her word for a sender counts
    /// only where nothing but the sender's name or host speaks against the mail, because From can be forged.
    pub fn accept(&mut self, word: Word) {
        let counts = match word {
            Word::ThisMail => true,
            Word::ItsSender => self.only_by_sender,
        };
        if self.level == TrustLevel::Suspect && counts {
            self.level = TrustLevel::Unverified;
            self.only_by_sender = false;
            self.word = Some(word);
            let said = match word {
                Word::ThisMail => "you released this mail",
                Word::ItsSender => "you vouched for this sender",
            };
            self.reasons.insert(0, said.to_owned());
        }
    }
}

/// Why the shopper cannot vouch for an address, if she cannot: a sentence to follow the address.
#[must_use]
pub fn never_vouched(address: &str) -> Option<&'static str> {
    let address = address.trim().to_lowercase();
    let domain = match address.rsplit_once('@') {
        Some((local, domain)) if !local.is_empty() && domain.contains('.') => domain,
        _ => return Some("is no mail address"),
    };
    if is_group(domain.trim_end_matches('.')) {
        return Some(
            "is Rakuten's own, which is what forgers write; only your provider's word counts for it (authserv_ids)",
        );
    }
    imitates(domain).then_some("imitates Rakuten's own domain; no such address is ever let in")
}

/// Rakuten's own domains.
const OWN: [&str; 3] = ["rakuten.co.jp", "rakuten.com", "rakuten.ne.jp"];

/// Whether a host or mail domain is Rakuten's own: `rakuten.co.jp`, `rakuten.com`, `rakuten.ne.jp` or a name below
/// them, compared by dot-anchored suffix (domain document 2.1).
#[must_use]
pub fn is_rakuten(domain: &str) -> bool {
    own(domain).is_some()
}

fn own(domain: &str) -> Option<&'static str> {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    OWN.into_iter()
        .find(|suffix| domain == *suffix || domain.strip_suffix(suffix).is_some_and(|head| head.ends_with('.')))
}

/// What the judgement rests on.
pub(super) struct Evidence<'a> {
    pub(super) from: &'a [Address],
    /// How many From fields there are.
    pub(super) from_fields: usize,
    pub(super) reply_to: &'a [Address],
    /// In normal form.
    pub(super) subject: &'a str,
    /// In normal form.
    pub(super) body: &'a str,
    pub(super) links: &'a [Link],
    /// The topmost Authentication-Results fields that stand directly one above the other, unfolded.
    pub(super) results: &'a [String],
    pub(super) authserv_ids: &'a [String],
    pub(super) date_zone: Option<&'a str>,
    pub(super) attachments: usize,
    /// Another mail is inside, so subject and links are not this sender's.
    pub(super) forward: bool,
}

/// Judges a sender.
pub(super) fn judge(evidence: &Evidence<'_>) -> Trust {
    let from = evidence.from.first().cloned().unwrap_or_default();
    let domain = from.domain();
    let rakuten = own(domain);
    let single = evidence.from.len() == 1 && evidence.from_fields == 1;
    let findings: Option<Vec<Finding>> = findings(evidence);
    let mut reasons = Vec::new();
    let dmarc = findings.as_deref().and_then(|all| all.iter().find(|finding| finding.method == "dmarc"));
    let contradicting = findings.as_deref().is_some_and(|all| {
        all.iter().any(|finding| finding.method == "dmarc" && dmarc.is_some_and(|first| first.result != finding.result))
    });
    let dkim = findings.as_deref().is_some_and(|all| all.iter().any(|finding| aligned_dkim(finding, domain)));
    let spf_fail = findings
        .as_deref()
        .is_some_and(|all| all.iter().any(|finding| finding.method == "spf" && finding.result == "fail"));

    let dmarc_fail = dmarc.is_some_and(|dmarc| dmarc.result == "fail");
    if dmarc_fail && is_group(domain) {
        return suspect("your provider says this mail is not from the domain in From (dmarc=fail)");
    }
    if !single && evidence.from.iter().any(|address| is_rakuten(address.domain())) {
        return suspect("several senders are named in From, one of them Rakuten");
    }
    if single && rakuten.is_some() && !contradicting {
        let by_dmarc = dmarc.is_some_and(|dmarc| {
            dmarc.result == "pass"
                && dmarc.property("header.from").is_none_or(|named| named.trim_end_matches('.') == domain)
        });
        if by_dmarc || dkim {
            let how = if by_dmarc { "dmarc=pass" } else { "an aligned DKIM signature" };
            return Trust {
                level: TrustLevel::Verified,
                reasons: vec![format!("your provider vouches for {domain} ({how})")],
                ..Trust::default()
            };
        }
    }

    reasons.push(match (&findings, evidence.authserv_ids.is_empty()) {
        (_, true) => "no provider is named whose word on senders counts (authserv-id)".to_owned(),
        (None, false) => "your provider's word on the sender is missing or not on top".to_owned(),
        (Some(_), false) if rakuten.is_some() => "your provider does not vouch for the sender".to_owned(),
        (Some(_), false) => "the sender is not one of Rakuten's domains".to_owned(),
    });
    if rakuten.is_none() && imitates(domain) {
        return suspect(&format!("the sender's domain {domain} imitates Rakuten's"));
    }
    let claim = claim(&from, evidence).filter(|_| rakuten.is_none());
    let (speaks, presses) = words(evidence.body);
    let mut signs = signs(evidence, &from, rakuten.is_some(), spf_fail && !dkim, presses);
    if dmarc_fail {
        signs.push(Sign {
            alone: false,
            text: "your provider says this mail is not from the domain in From (dmarc=fail)",
        });
    }
    let strong = signs.iter().any(|sign| sign.alone);
    if let Some(claim) = claim {
        let denied = findings.iter().flatten().any(|one| one.method == "dmarc" && one.result == "fail");
        let only_by_sender = single && !denied && !spf_fail && !strong && signs.len() < 2;
        let reasons = std::iter::once(claim).chain(signs.iter().map(|sign| sign.text));
        let reasons = reasons.map(str::to_owned).collect();
        return Trust { level: TrustLevel::Suspect, reasons, only_by_sender, word: None };
    }
    let trap = evidence.links.iter().any(|link| imitates(&link.host));
    let concerned = rakuten.is_some() || trap || is_group(domain) || speaks;
    // Rakuten forwards nothing: under its name a forward is no excuse
    let excused = evidence.forward && rakuten.is_none();
    if concerned && !excused && (strong || signs.len() >= 2) {
        return Trust {
            level: TrustLevel::Suspect,
            reasons: signs.into_iter().map(|sign| sign.text.to_owned()).collect(),
            ..Trust::default()
        };
    }
    reasons.extend(signs.into_iter().map(|sign| sign.text.to_owned()));
    Trust { level: TrustLevel::Unverified, reasons, ..Trust::default() }
}

fn suspect(reason: &str) -> Trust {
    Trust { level: TrustLevel::Suspect, reasons: vec![reason.to_owned()], ..Trust::default() }
}

/// The topmost field must be the provider's; more fields of the same provider directly below it count too.
fn findings(evidence: &Evidence<'_>) -> Option<Vec<Finding>> {
    let mut all = vouch::read(evidence.results.first()?, evidence.authserv_ids)?;
    for field in evidence.results.iter().skip(1).take(10) {
        let Some(more) = vouch::read(field, evidence.authserv_ids) else { break };
        all.extend(more);
    }
    Some(all)
}

/// A passed signature of the From domain's organisation.
fn aligned_dkim(finding: &Finding, domain: &str) -> bool {
    if finding.method != "dkim" || finding.result != "pass" {
        return false;
    }
    // header.d is what was signed; header.i may name any name below it
    let by_d = finding.property("header.d");
    let by_i = finding.property("header.i").map(|id| id.rsplit_once('@').map_or(id, |(_, domain)| domain));
    let same = |signer: &str| own(signer).is_some() && own(signer) == own(domain);
    match (by_d, by_i) {
        (Some(d), Some(i)) => same(d) && same(i),
        (Some(one), None) | (None, Some(one)) => same(one),
        (None, None) => false,
    }
}

/// How a sender outside of Rakuten claims to be Rakuten.
fn claim(from: &Address, evidence: &Evidence<'_>) -> Option<&'static str> {
    let name = crate::text::fold(&from.name);
    let name = name.text();
    if evidence.from.len() > 1 && evidence.from.iter().any(|address| is_rakuten(address.domain())) {
        return Some("several senders are named in From, one of them Rakuten");
    }
    let named = name
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '@' | '_')))
        .any(|word| word.contains('@') && is_rakuten(word.rsplit('@').next().unwrap_or_default()));
    if named {
        return Some("the sender's display name shows a Rakuten address, its address is another");
    }
    // companies of the group write from domains of their own, lists rewrite the sender
    if is_group(from.domain()) || name.contains(" via ") {
        return None;
    }
    if only_rakuten(name) {
        return Some("the sender calls itself Rakuten, but its address is not Rakuten's");
    }
    // a shop that writes from its own domain marks its subjects too
    let shop = ["楽天市場店", "楽天店", "楽天市場支店"].iter().any(|shop| name.contains(shop));
    let reply =
        ["re:", "fwd:", "fw:", "転送", "[fwd"].iter().any(|mark| evidence.subject.trim_start().starts_with(mark));
    let tagged = ["【楽天市場】", "[楽天市場]", "【楽天】", "[楽天]", "【楽天ポイント】", "【rakuten】", "[rakuten]"]
        .iter()
        .any(|tag| evidence.subject.contains(tag));
    (tagged && !shop && !reply && !evidence.forward)
        .then_some("the subject is marked as Rakuten's, but the sender's address is not Rakuten's")
}

/// Whether a display name holds nothing but Rakuten's name and words of a service desk. A shop's name (モドリ雑貨店
/// 楽天市場店) holds more.
fn only_rakuten(name: &str) -> bool {
    const WORDS: [&str; 74] = [
        "クーポン", "キャンペーン", "プレゼント", "抽選", "当選", "ギフト", "スーパーsale", "マラソン", "返金", "還元",
        "特典", "ショッピング", "お買い物", "配送", "重要", "緊急", "株式会社", "(株)", "グループ", "お客様",
        "お客さま", "カスタマー", "サポート", "センター", "サービス", "セキュリティ", "アカウント", "ポイント",
        "クラブ", "カード", "銀行", "ペイ", "モバイル", "トラベル", "市場", "いちば", "会員", "情報", "窓口", "運営",
        "事務局", "本部", "公式", "ニュース", "お知らせ", "自動配信", "配信", "専用", "注文", "確認", "再入荷", "通知",
        "メール", "管理", "チーム", "安全", "係", "部", "id", "ichiba", "group", "support", "customer", "service",
        "security", "account", "member", "team", "info", "card", "co.jp", "no-reply", "noreply", "e-navi",
    ];
    if !(name.contains("楽天") || name.contains("rakuten"))
        || ["楽天市場店", "楽天店", "楽天市場支店"].iter().any(|shop| name.contains(shop))
    {
        return false;
    }
    let mut rest = name.replace("楽天", " ").replace("rakuten", " ");
    for word in WORDS {
        if rest.contains(word) {
            rest = rest.replace(word, " ");
        }
    }
    // 楽天市場○○事務局: whatever the desk is called
    let head = name.trim_start_matches(|c: char| !c.is_alphanumeric());
    let desk = [
        "事務局", "サポートセンター", "カスタマーセンター", "お客様センター", "運営局", "運営事務", "相談窓口",
        "support center", "customer center",
    ]
    .iter()
    .any(|desk| name.contains(desk));
    let speaks = (head.starts_with("楽天") || head.starts_with("rakuten")) && desk && !name.contains('店');
    speaks || !rest.chars().any(char::is_alphanumeric)
}

/// Words with which a mail speaks in Rakuten's name.
const NAMES: [&str; 7] = [
    "楽天市場をご利用いただき", "楽天グループ株式会社", "楽天会員", "楽天カスタマー", "楽天市場カスタマー",
    "楽天お客様", "rakuten group, inc",
];
/// Words with which forgers press for a log-in.
const THREATS: [&str; 14] = [
    "アカウントの使用が停止", "アカウントを停止", "アカウントが停止", "利用を制限", "ご利用制限", "利用が制限",
    "アカウントの更新", "お支払い方法を更新", "支払い方法を確認でき", "支払情報", "24時間以内に", "48時間以内に",
    "本人確認", "有効期限が切れ",
];

/// Whether a text speaks in Rakuten's name, and whether it presses for a log-in: one pass for both.
fn words(body: &str) -> (bool, bool) {
    static ALL: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(NAMES.iter().chain(&THREATS)).ok());
    let (mut speaks, mut presses) = (false, false);
    for found in ALL.iter().flat_map(|all| all.find_overlapping_iter(body)) {
        let name = found.pattern().as_usize() < NAMES.len();
        speaks |= name;
        presses |= !name;
        if speaks && presses {
            break;
        }
    }
    (speaks, presses)
}

/// A sign of forgery: enough alone under a sender of Rakuten's, or only beside another.
struct Sign {
    alone: bool,
    text: &'static str,
}

fn signs(evidence: &Evidence<'_>, from: &Address, rakuten: bool, spf_fail: bool, presses: bool) -> Vec<Sign> {
    const SHORTENERS: [&str; 10] =
        ["bit.ly", "rebrand.ly", "tinyurl.com", "t.ly", "is.gd", "cutt.ly", "ow.ly", "goo.gl", "t.co", "x.gd"];
    let mut signs = Vec::new();
    let mut sign = |found: bool, alone: bool, text: &'static str| {
        if found {
            signs.push(Sign { alone, text });
        }
    };
    sign(spf_fail, false, "the sending server is not allowed to send for this domain (spf=fail)");
    sign(evidence.links.iter().any(links::is_disguised), true, "a link shows a Rakuten address but leads elsewhere");
    sign(
        evidence.links.iter().any(|link| imitates(&link.host)),
        true,
        "a link leads to a host that imitates Rakuten's",
    );
    let shortened = |link: &Link| SHORTENERS.contains(&link.host.as_str());
    sign(evidence.links.iter().any(shortened), false, "a link hides its target behind a link shortener");
    let hosts: Vec<&str> =
        evidence.links.iter().map(|link| link.host.as_str()).filter(|host| !host.is_empty()).collect();
    let elsewhere = !hosts.is_empty() && !hosts.iter().any(|host| is_group(host) || *host == "r10.to");
    sign(rakuten && elsewhere, false, "no link leads to Rakuten");
    sign(presses, false, "the text threatens and presses for a log-in");
    let reply_elsewhere = evidence
        .reply_to
        .iter()
        .any(|to| !to.addr.is_empty() && to.domain() != from.domain() && !is_group(to.domain()));
    sign(rakuten && reply_elsewhere, false, "answers would go to an address outside of Rakuten");
    let subject = evidence.subject.trim_end();
    let japanese = subject.chars().any(|c| matches!(c, '\u{3041}'..='\u{9FFF}'));
    sign(
        japanese && subject.ends_with('.') && !subject.ends_with(".."),
        false,
        "the Japanese subject ends in an ASCII full stop",
    );
    let foreign = evidence.date_zone.is_some_and(|zone| !matches!(zone, "+0900" | "+0000" | "-0000"));
    sign(rakuten && foreign, false, "the Date field is not in Japan's time");
    sign(
        rakuten && evidence.attachments > 0 && ["order", "myinfo@"].iter().any(|name| from.addr.starts_with(name)),
        false,
        "an automatic mail holds an attachment",
    );
    signs
}

#[cfg(test)]
mod tests;

//! One event that two mails tell of is told once: copies at two addresses, two accounts, the shop's mail beside Rakuten's,
//! a restart or a renumbered mailbox between; and what is not the same event is told, always.

use super::said::policy;
use jiff::{SignedDuration, Timestamp};
use modori::edge::store::{Db, Settled, Settling};
use modori::ledger;
use modori::ledger::due::Settings;
use modori::mail::{self, Reading};
use modori::mailbox::{MailKey, Place};
use modori::plan::{self, Arrived, Effect};
use modori::rules::{self, Known, RuleSet};
use modori::wording::Language;
use std::sync::LazyLock;

static RULES: LazyLock<RuleSet> = LazyLock::new(RuleSet::shipped);
const PAGE: &str = "https://item.rakuten.co.jp/uminoya/um-161/";

/// The program's memory, which outlives the program.
struct Memory {
    folder: tempfile::TempDir,
    db: Db,
    uid: u32,
}

impl Memory {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(folder.path()).unwrap();
        Self { folder, db, uid: 0 }
    }

    fn restarted(self) -> Self {
        drop(self.db);
        let db = Db::open(self.folder.path()).unwrap();
        Self { folder: self.folder, db, uid: self.uid }
    }

    /// Takes a mail in, as life does; how many alerts leave.
    fn take(&mut self, account: &str, uid_validity: u32, text: &str, minute: i64) -> usize {
        let start: Timestamp = "2026-11-24T10:00:00+09:00".parse().unwrap();
        let received = start.checked_add(SignedDuration::from_mins(minute)).unwrap();
        let now = received.checked_add(SignedDuration::from_secs(1)).unwrap();
        let bytes = text.as_bytes();
        let size = u32::try_from(bytes.len()).unwrap();
        let mail = mail::read(bytes, &Reading { received, size, authserv_ids: &["mx.example.jp".into()] });
        let facts = rules::read(&RULES, &mail);
        let verdict = rules::judge(&RULES, &mail, &facts, &Known::default());
        self.uid += 1;
        let place = Place { account: account.into(), mailbox: "INBOX".into(), uid_validity, uid: self.uid };
        let events = ledger::events(&mail, &facts);
        let case =
            facts.order().and_then(|order| self.db.case_with(order, &events, &Settings::default(), now).unwrap());
        let known = Known::default();
        let arrived = Arrived {
            place: &place,
            mail: &mail,
            facts: &facts,
            known: &known,
            verdict: &verdict,
            case: case.as_ref(),
        };
        let step = plan::on_mail(&arrived, &policy(Language::En), now);
        let wished = step.plan.iter().filter(|wish| matches!(wish.effect, Effect::Alert { .. })).count();
        assert_eq!(wished, 1, "each of these mails is one to alert: {verdict:?}\n{text}");
        let settling = Settling {
            place,
            key: MailKey::of(bytes),
            received,
            size,
            message_id: mail.message_id.clone(),
            verdict,
            step,
            poison: None,
        };
        match self.db.settle(&[settling], true, now).unwrap().remove(0) {
            Settled::New { alerts } => alerts.len(),
            Settled::KnownPlace | Settled::NewPlace => 0,
        }
    }
}

/// A mail that its provider vouches for. `via` makes two copies of one mail differ, as headers of delivery do.
fn mail_of(from: &str, id: &str, via: &str, subject: &str, body: &str) -> String {
    let domain = from.split('@').nth(1).unwrap();
    format!(
        "Authentication-Results: mx.example.jp; dkim=pass header.d={domain}; spf=pass; dmarc=pass header.from={domain}\r\n\
         Received: from {via}\r\nFrom: <{from}>\r\nTo: {via}\r\nSubject: {subject}\r\nDate: Tue, 24 Nov 2026 10:00:00 +0900\r\n\
         Message-ID: <{id}@mail.example.jp>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}"
    )
}

/// Rakuten's notice about a registered item, which bears its page.
fn notice(id: &str, via: &str, items: &[(&str, &str)]) -> String {
    let mut body = "ご登録の商品が再入荷しました。\r\n\r\n[ショップ名] うみのや 楽天市場店\r\n".to_owned();
    for (name, page) in items {
        body.push_str(&format!("[商品名] {name}\r\n[価格] 4,980円\r\n{page}\r\n\r\n"));
    }
    mail_of("no-reply@info.rakuten.co.jp", id, via, "ご登録の商品が再入荷しました", &body)
}

/// The shop's own mail, which names the item and no page.
fn magazine(id: &str, name: &str) -> String {
    let body = format!(
        "いつもありがとうございます。うみのやです。\r\n\r\n[商品名] {name}\r\n本日再入荷いたしました。お早めにどうぞ。\r\n"
    );
    mail_of("uminoya@shop.rakuten.co.jp", id, "a", "再入荷のお知らせ", &body)
}

#[test]
fn a_copy_at_another_address_or_account_is_the_same() {
    let mut memory = Memory::new();
    let items = [("琺瑯ケトル 1.6L 白", PAGE)];
    assert_eq!(memory.take("a", 1, &notice("n1", "pc@example.jp", &items), 0), 1);
    assert_eq!(
        memory.take("a", 1, &notice("n1", "mobile@example.jp", &items), 1),
        0,
        "the same mail at another address"
    );
    assert_eq!(memory.take("b", 1, &notice("n1", "other@example.jp", &items), 600), 0, "the same mail, hours later");
    assert_eq!(
        memory.take("b", 1, &notice("n2", "other@example.jp", &items), 14),
        0,
        "another mail about the same page"
    );
}

#[test]
fn nothing_is_forgotten_over_a_restart_or_a_renumbering() {
    let mut memory = Memory::new();
    let items = [("琺瑯ケトル 1.6L 白", PAGE)];
    let first = notice("n1", "pc@example.jp", &items);
    assert_eq!(memory.take("a", 1, &first, 0), 1);
    let mut memory = memory.restarted();
    assert_eq!(memory.take("a", 1, &notice("n2", "mobile@example.jp", &items), 5), 0);
    // the server renumbers: the very same mail is seen at a new place
    assert_eq!(memory.take("a", 2, &first, 6), 0);
    assert_eq!(memory.take("a", 2, &notice("n3", "pc@example.jp", &items), 7), 0);
    // a true second restock the same evening
    assert_eq!(memory.take("a", 2, &notice("n4", "pc@example.jp", &items), 20), 1);
}

#[test]
fn the_shops_mail_and_rakutens_are_one_whichever_comes_first() {
    for shop_first in [true, false] {
        let mut memory = Memory::new();
        let rakuten = notice("n1", "a", &[("【送料無料】琺瑯ケトル 1.6L 白", PAGE)]);
        let shop = magazine("m1", "琺瑯ケトル　１．６Ｌ 白 再入荷");
        let (one, other) = if shop_first { (&shop, &rakuten) } else { (&rakuten, &shop) };
        assert_eq!(memory.take("a", 1, one, 0), 1);
        assert_eq!(memory.take("a", 1, other, 10), 0, "the shop first: {shop_first}");
        assert_eq!(memory.take("a", 1, &magazine("m2", "琺瑯ケトル 1.6L 白"), 40), 1, "later it is another restock");
    }
}

#[test]
fn goods_that_may_be_others_are_never_one() {
    let other = "https://item.rakuten.co.jp/uminoya/um-162/";
    let mut memory = Memory::new();
    let mut told = |text: &str, what: &str| assert_eq!(memory.take("a", 1, text, 0), 1, "{what}");
    told(&notice("1", "a", &[("琺瑯ケトル 1.6L 白", PAGE)]), "the first");
    told(&notice("2", "a", &[("琺瑯ケトル 1.6L 白", other)]), "one name, two pages");
    told(&notice("3", "a", &[("琺瑯ケトル 1.6L 白", PAGE), ("琺瑯ポット", other)]), "two items, not one of them");
    told(&magazine("4", "琺瑯ケトル 1.6L 赤"), "another colour");
    told(&magazine("5", "琺瑯ケトル 2.3L 白"), "another size");
    told(&magazine("6", "【業務用】琺瑯ケトル 1.6L 白"), "words in brackets that are no slogan");
    told(
        &magazine("7", "琺瑯ケトル 1.6L 白").replace("uminoya", "yamanoya").replace("うみのや", "やまのや"),
        "another shop",
    );
}

const ORDER: &str = "399999-20261120-0123456789";

fn cancelled_by_shop(id: &str, more: &str) -> String {
    let body = format!(
        "受注番号: {ORDER}\r\nこの度はご注文ありがとうございます。{more}ご注文はキャンセルさせていただきました。\r\n"
    );
    mail_of("modori-zakka@shop.rakuten.co.jp", id, "a", "ご注文キャンセルのお知らせ", &body)
}

fn cancelled_by_rakuten(id: &str) -> String {
    let body = format!("ご注文が取り消されましたので、お知らせいたします。\r\n\r\n[注文番号] {ORDER}\r\n");
    mail_of("order-cancel@order-rp.rms.rakuten.co.jp", id, "a", "【楽天市場】ご注文キャンセルのお知らせ", &body)
}

#[test]
fn a_cancellation_is_told_again_only_when_the_second_mail_says_more() {
    let cause = "在庫切れのため、誠に申し訳ございませんが、";
    // the shop says it with the reason, then Rakuten says it: nothing new
    let mut memory = Memory::new();
    assert_eq!(memory.take("a", 1, &cancelled_by_shop("s1", cause), 0), 1);
    assert_eq!(memory.take("a", 1, &cancelled_by_rakuten("r1"), 5), 0);
    assert_eq!(memory.take("b", 1, &cancelled_by_rakuten("r2"), 6), 0);
    let mut memory = memory.restarted();
    assert_eq!(memory.take("a", 1, &cancelled_by_shop("s2", cause), 10), 0);
    // hours later somebody says it again: better once more than never
    assert_eq!(memory.take("a", 1, &cancelled_by_rakuten("r3"), 120), 1);

    // Rakuten says it, then the shop says why
    let mut memory = Memory::new();
    assert_eq!(memory.take("a", 1, &cancelled_by_rakuten("r1"), 0), 1);
    assert_eq!(memory.take("a", 1, &cancelled_by_shop("s1", cause), 5), 1, "the reason is new");
    assert_eq!(memory.take("a", 1, &cancelled_by_shop("s2", ""), 6), 0, "and then nothing is");

    // a mail that nobody vouches for keeps the proof from nobody
    let mut memory = Memory::new();
    let borrowed = cancelled_by_shop("s1", cause).replace("mx.example.jp", "elsewhere.example");
    assert_eq!(memory.take("a", 1, &borrowed, 0), 1);
    assert_eq!(memory.take("a", 1, &cancelled_by_rakuten("r1"), 1), 1);
    // and the other way round it says nothing new
    assert_eq!(memory.take("a", 1, &borrowed.replace("<s1@", "<s9@"), 2), 0);

    // another order is another matter
    let mut memory = Memory::new();
    assert_eq!(memory.take("a", 1, &cancelled_by_rakuten("r1"), 0), 1);
    assert_eq!(memory.take("a", 1, &cancelled_by_rakuten("r2").replace("0123456789", "0123456780"), 0), 1);
}

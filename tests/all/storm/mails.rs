//! The mails of the storms: six kinds, each mail of a kind about another item or order, and what an undisturbed run makes
//! of them.

use super::schedule::Schedule;
use super::world::{ACCOUNT, World};
use jiff::Timestamp;
use modori::demo::{AUTHSERV_ID, SHOPPER};
use modori::mailbox::MailKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// Mails of one kind.
pub const EACH: usize = 10;
const KINDS: usize = 6;
/// The kind of mail that rings at once.
pub const RESTOCK: usize = 0;
/// The kind that stays where it is.
pub const NEWS: usize = 5;

/// A mail, and what becomes of it when nothing goes wrong.
pub struct Letter {
    pub name: String,
    pub bytes: Vec<u8>,
    pub key: MailKey,
    /// Where it comes to lie.
    pub folder: String,
    /// What it tells the ledger.
    pub events: BTreeSet<String>,
    /// The keys of the alerts it gives rise to.
    pub alerts: BTreeSet<String>,
}

/// Number of a mail: `n` of its kind.
pub fn number(kind: usize, n: usize) -> usize {
    kind * EACH + n
}

pub fn start() -> Timestamp {
    "2026-11-24T09:00:00+09:00".parse().unwrap()
}

fn text(kind: usize, n: usize) -> (String, Vec<u8>) {
    let order = format!("3999{n:02}-20261110-01234567{n:02}");
    let (name, from, subject, body) = match kind {
        RESTOCK => (
            "restock",
            "楽天市場 <info@restock.rakuten.co.jp>",
            "【楽天市場】再入荷のお知らせ",
            format!(
                "「再入荷お知らせメール」にご登録いただいた商品が再入荷しました。\r\n\r\n商品名：ペン立て {n}型\r\n\
                 ショップ：モドリ雑貨店\r\n価格：2,480円(税込)\r\nhttps://item.rakuten.co.jp/modori-zakka/mz-01{n:02}/\r\n"
            ),
        ),
        1 => (
            "cancelled",
            "モドリ雑貨店 <modori-zakka@shop.rakuten.co.jp>",
            "【モドリ雑貨店】ご注文キャンセルについて",
            format!(
                "先日ご連絡いたしました欠品の件につきまして、ご注文をキャンセルさせていただきました。\r\n\r\n\
                 ■受注番号　：{order}\r\n■商品　　　：帆布トート\r\n\r\nご利用の500ポイントは、後日返還されます。\r\n"
            ),
        ),
        2 => (
            "points",
            "楽天市場 <info@point.rakuten.co.jp>",
            "ご利用ポイント返還のお知らせ",
            format!("ご注文のキャンセルにともない、ご利用の1,200ポイントを返還いたしました。\r\n\r\n[注文番号] {order}\r\n")
                .replace("3999", "3888"),
        ),
        3 => (
            "coupon",
            "そらみ食品 <sorami-food@shop.rakuten.co.jp>",
            "お詫びのクーポンをお送りします",
            format!(
                "次回よりお使いいただける300円OFFクーポンをお送りいたします。\r\n有効期限：2026年12月20日 23:59\r\n\
                 https://coupon.rakuten.co.jp/getCoupon?getkey=U09SQS1ERU1PLTAwMDItMjAyN{n:02}\r\n\r\n受注番号：{order}\r\n"
            )
            .replace("3999", "3666"),
        ),
        4 => (
            "shipped",
            "うみのや <uminoya@shop.rakuten.co.jp>",
            "商品を発送いたしました",
            format!("ご注文の商品を発送いたしました。\r\n受注番号 {order}\r\n").replace("3999", "3555"),
        ),
        _ => (
            "news",
            "楽天市場 <news@mail.magazine.rakuten.co.jp>",
            "お買い物マラソン開催中！",
            format!("人気の加湿器、クーポンも続々。第{n}号\r\n"),
        ),
    };
    let domain = from.rsplit('@').next().unwrap().trim_end_matches('>');
    let name = format!("{name}-{n}");
    let mail = format!(
        "Authentication-Results: {AUTHSERV_ID}; spf=pass smtp.mailfrom={domain}; dkim=pass header.d={domain}; dmarc=pass \
         header.from={domain}\r\nDate: Tue, 24 Nov 2026 08:59:00 +0900\r\nFrom: {from}\r\nTo: <{SHOPPER}>\r\n\
         Subject: {subject}\r\nMessage-ID: <{name}@{domain}>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n見本 花子 様\r\n\r\n{body}"
    );
    (name, mail.into_bytes())
}

/// All of them, with what an undisturbed run made of them: run once.
pub fn letters() -> &'static [Letter] {
    static LETTERS: OnceLock<Vec<Letter>> = OnceLock::new();
    LETTERS.get_or_init(|| {
        let texts: Vec<(String, Vec<u8>)> = (0..KINDS).flat_map(|kind| (0..EACH).map(move |n| text(kind, n))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::new(&Schedule::default(), false);
            for (_, bytes) in &texts {
                world.server.deliver("INBOX", bytes, start());
            }
            let engine = world.engine();
            let count = texts.len();
            let calm = async {
                loop {
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                    let db = world.db.lock().unwrap();
                    let seen: u32 = db.counts().unwrap().iter().map(|(_, count)| *count).sum();
                    if seen as usize == count && db.open_rows().unwrap() == 0 {
                        return;
                    }
                }
            };
            engine.watch(calm).await.unwrap();
            let mut folders: BTreeMap<MailKey, String> = BTreeMap::new();
            for (folder, messages) in world.server.mailboxes() {
                for message in messages {
                    assert!(folders.insert(MailKey::of(&message.bytes), folder.clone()).is_none());
                }
            }
            let events = world.db.lock().unwrap().events().unwrap();
            let rung = world.phone.rung();
            let letter = |(name, bytes): (String, Vec<u8>)| {
                let key = MailKey::of(&bytes);
                let of_it = events.iter().filter(|event| event.mail == key);
                let events = of_it.map(|event| serde_json::to_string(event).unwrap()).collect();
                let own = |alert: &String| alert.contains(&key.to_string());
                let alerts: BTreeSet<String> = rung.iter().map(|ring| ring.key.clone()).filter(own).collect();
                Letter { name, key, folder: folders.get(&key).unwrap().clone(), events, alerts, bytes }
            };
            texts.into_iter().map(letter).collect()
        })
    })
}

#[test]
fn an_undisturbed_run_sorts_the_mails_of_the_storms() {
    assert_eq!(ACCOUNT, "a");
    // the mail of an order that nothing is known of need not ring
    let kinds: [(&str, usize, bool); KINDS] = [
        ("楽天/再入荷", 1, true),
        ("楽天/キャンセル", 1, true),
        ("楽天/ポイント", 0, true),
        ("楽天/クーポン", 0, true),
        ("楽天/注文", 0, true),
        ("INBOX", 0, false),
    ];
    for (at, letter) in letters().iter().enumerate() {
        let (folder, rings, tells) = kinds[at / EACH];
        assert_eq!(letter.folder, folder, "{}", letter.name);
        assert!(letter.alerts.len() >= rings, "{}: {:?}", letter.name, letter.alerts);
        assert_eq!(!letter.events.is_empty(), tells, "{}: {:?}", letter.name, letter.events);
    }
}

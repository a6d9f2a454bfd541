//! Mails made by hand for the finders' tests.

use super::*;
use crate::mail::{Mail, Reading};

/// A plain mail of Mon 30 Nov 2026 18:05 JST.
pub(super) fn mail_of(subject: &str, body: &str) -> Mail {
    let received: Timestamp = "2026-11-30T18:05:00+09:00".parse().unwrap();
    let bytes = format!(
        "From: =?UTF-8?B?6Kmm6aiT?= <test@example.jp>\r\nTo: me@example.jp\r\nSubject: {subject}\r\n\
         Date: Mon, 30 Nov 2026 18:05:00 +0900\r\nMessage-ID: <t@example.jp>\r\n\
         Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}"
    );
    let size = u32::try_from(bytes.len()).unwrap();
    crate::mail::read(bytes.as_bytes(), &Reading { received, size, authserv_ids: &[] })
}

/// The same mail from somebody else.
pub(super) fn from(mut mail: Mail, name: &str, addr: &str) -> Mail {
    mail.from = crate::mail::Address { name: name.to_owned(), addr: addr.to_owned() };
    mail
}

#[test]
fn an_order_confirmation() {
    let mail = from(
        mail_of(
            "【楽天市場】注文内容ご確認（自動配信メール）",
            "見本 花子 様\nこの度は楽天市場内のショップ「モドリ雑貨店」をご利用いただきありがとうございます。\n\
             [受注番号] 399999-20261120-0123456789\n[日時] 2026-11-20 20:01:33\n[注文者] 見本 花子 様\n\
             [支払方法] クレジットカード決済\n[クーポン利用] あり\n[ポイント利用] あり\n[ショップ名] モドリ雑貨店 (株式会社モドリ)\n\
             [商品]\nマグカップ(mz-0001)\n価格 1,980(円) x 2(個) = 3,960(円) ※10%税込\n\
             *********************************\n送料計 500(円)\nクーポン利用 -200(円)\nポイント利用 -500(円)\n\
             支払い金額 3,760(円)\n今回のお買い物で35ポイント獲得予定\n注文内容の変更やキャンセルはショップまでご連絡ください。\n",
        ),
        "楽天市場",
        "order@rakuten.co.jp",
    );
    let facts = find(&mail);
    let value = |found: &Option<Found<u64>>| found.as_ref().map(|found| found.value);
    assert_eq!(facts.order().map(ToString::to_string).as_deref(), Some("399999-20261120-0123456789"));
    assert_eq!((value(&facts.points_used), value(&facts.coupon_used_yen)), (Some(500), Some(200)));
    assert_eq!((value(&facts.payment_yen), value(&facts.shipping_yen)), (Some(3760), Some(500)));
    assert_eq!(facts.sum_holds, Some(true));
    assert_eq!(facts.payment_method.map(|found| found.value).as_deref(), Some("クレジットカード決済"));
    assert_eq!(facts.shop_name.map(|found| found.value).as_deref(), Some("モドリ雑貨店"));
    assert_eq!(facts.stage.map(|found| found.value), Some(Stage::Ordered));
    assert_eq!((facts.cancelled, facts.points_return, facts.coupon), (None, None, None));
}

#[test]
fn a_change_counts_with_its_new_sums() {
    let facts = find(&mail_of(
        "ご注文内容変更のお知らせ",
        "受注番号：399999-20261120-0123456789\n変更前  商品小計(税込) 3,960(円)  クーポン利用 -200(円)  ポイント利用 -500(円)  支払い金額 3,260(円)\n\
         変更後  商品小計(税込) 1,980(円)  クーポン利用 0(円)     ポイント利用 -500(円)  支払い金額 1,480(円)\n欠品のため1点をキャンセルいたしました。",
    ));
    assert_eq!(facts.payment_yen.map(|found| found.value), Some(1480));
    assert_eq!(facts.coupon_used_yen.map(|found| found.value), Some(0));
    assert_eq!(facts.points_used.map(|found| found.value), Some(500));
    assert_eq!(facts.cancelled.map(|found| found.value), Some(Cancelled::Partial));
}

proptest::proptest! {
    #[test]
    fn any_text_is_looked_through_without_a_panic(subject in "\\PC{0,40}", body in "(\\PC|\n|\t|円|[0-9,./:-]|年|月|日|ポイント|クーポン|キャンセル|まで){0,200}") {
        let mut mail = mail_of("x", "");
        mail.subject = crate::mail::Text::new(subject);
        mail.body = crate::mail::Text::new(body);
        mail.parts = vec![crate::mail::Part { kind: crate::mail::PartKind::New, range: 0..mail.body.raw.len() }];
        let facts = find(&mail);
        let _ = (sheet::sheet(&facts), sheet::words(&facts, &mail));
    }
}

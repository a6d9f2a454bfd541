//! `modori case`: the story of one order, in both languages, with what the shopper said among what the mails claim.

use super::support::embedded::Embedded;
use super::support::run::{cancellation, mail};
use serde_json::Value;

const ORDER: &str = "399999-20261120-0123456789";

#[test]
fn the_story_of_an_order_is_told_with_its_evidence() {
    let embedded = Embedded::start();
    let home = embedded.home("", "backlog = \"sort\"\n");
    embedded.deliver("INBOX", &cancellation("cancelled", ORDER));
    home.ok(&["sweep"]);
    home.ok(&["note", ORDER, "電話した"]);
    home.ok(&["confirm", ORDER, "--points", "100"]);
    // full-width digits are an order number, too
    let text = home.ok(&["case", "３９９９９９-20261120-0123456789"]);
    for part in [ORDER, "キャンセル", "あなた：メモ", "電話した", "あなた：戻った", "100 P", "未確認"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let told: Value = serde_json::from_str(&home.ok(&["case", "--format", "json", ORDER])).unwrap();
    let claims: Vec<&str> =
        told["story"].as_array().unwrap().iter().map(|one| one["claim"].as_str().unwrap()).collect();
    assert!(claims.iter().any(|claim| claim.starts_with("cancel-")), "{claims:?}");
    assert!(claims.ends_with(&["said-note", "said-confirm"]), "{claims:?}");
    assert!(
        told["story"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["trust"].is_null() == one["claim"].as_str().unwrap().starts_with("said-"))
    );
    assert_eq!(told["order_number"], ORDER);
    let unknown = home.run(&["case", "399999-20261121-0123456789"]);
    assert!(!unknown.status.success());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("nothing is known of"));
    assert_eq!(home.run(&["case", "12345"]).status.code(), Some(2));
}

#[test]
fn a_refund_without_a_number_is_asked_about_and_given_to_its_orders() {
    const OTHER: &str = "399999-20261120-0123456790";
    let embedded = Embedded::start();
    let home = embedded.home("language = \"en\"", "backlog = \"sort\"\n");
    let order = |name: &str, order: &str, points: u64| {
        let text = format!(
            "楽天市場内のショップ「モドリ雑貨店」へのご注文です。\n[受注番号] {order}\n[日時] 2026-11-20 20:01:33\n[商品]\n\
             帆布トート(mz-1)\n価格 3,960(円) x 1(個) = 3,960(円)\nポイント利用 -{points}(円)\n支払い金額 {}(円)\n\
             https://www.rakuten.co.jp/modori-zakka/\n",
            3960 - points
        );
        mail(name, "order@rakuten.co.jp", "【楽天市場】注文内容ご確認（自動配信メール）", &text)
    };
    for (n, number, points) in [("a", ORDER, 500), ("b", OTHER, 300)] {
        embedded.deliver("INBOX", &order(&format!("order-{n}"), number, points));
        let text = format!("受注番号：{number}\n欠品のため、ご注文をキャンセルいたしました。\n");
        let from = "modori-zakka@shop.rakuten.co.jp";
        embedded.deliver("INBOX", &mail(&format!("cancel-{n}"), from, "ご注文キャンセルのお知らせ", &text));
    }
    let refund =
        "いつもありがとうございます。\nキャンセルされたご注文のご利用ポイント800ポイントを返還いたしました。\n";
    embedded.deliver("INBOX", &mail("refund", "modori-zakka@shop.rakuten.co.jp", "ポイント返還のお知らせ", refund));
    home.ok(&["sweep"]);

    let asked = home.ok(&["cases", "--questions"]);
    assert!(asked.contains("800 returned points fits these orders together"), "{asked}");
    assert!(asked.contains("modori-zakka@shop.rakuten.co.jp") && asked.contains("返還いたしました"), "{asked}");
    let command = asked.split("modori assign ").nth(1).unwrap().lines().next().unwrap();
    let key = command.split_whitespace().next().unwrap();

    // more than the mail speaks of is refused, and so is what names no mail or no order
    for wrong in [
        &["assign", key, &format!("{ORDER}=500"), &format!("{OTHER}=500")][..],
        &["assign", key, ORDER, ORDER],
        &["assign", key, ORDER, "--not", ORDER],
        &["assign", key, "--not", OTHER, "--not", OTHER],
        &["assign", "abc", ORDER],
        &["assign", "0123456789", ORDER],
        &["assign", key, "399999-20261121-0123456789"],
        &["assign", key, &format!("{ORDER}=many")],
    ] {
        assert!(!home.run(wrong).status.success(), "{wrong:?}");
    }
    let words: Vec<&str> = std::iter::once("assign").chain(command.split_whitespace()).collect();
    home.ok(&words);
    let told = home.ok(&["cases", "--format", "json"]);
    let cases: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(cases.len(), 2);
    for case in &cases {
        assert_eq!((&case["points"]["outstanding"], &case["questions"]), (&0.into(), &serde_json::json!([])), "{case}");
    }
    assert!(home.ok(&["cases", "--questions"]).contains("there are no questions"));
    assert!(home.ok(&["case", ORDER]).contains("you: a return belongs here"));
    // taken back
    home.ok(&["assign", key, "--not", OTHER]);
    let case: Value = serde_json::from_str(&home.ok(&["case", "--format", "json", OTHER])).unwrap();
    assert_eq!(case["points"]["returned"], 0, "{case}");

    // a word from the future would outrank every word until then: that is said
    let year = "9999-01-01";
    for command in [&["note", ORDER, "x", "--at", year][..], &["assign", key, "--not", OTHER, "--at", year]] {
        let output = home.run(command);
        let warned = String::from_utf8_lossy(&output.stderr).contains("9999-01-01T00:00:00+09:00 lies ahead");
        assert!(output.status.success() && warned, "{output:?}");
    }

    // filters
    assert!(home.ok(&["cases", "--cancelled", "claimed", "--shop", "ＭＯＤＯＲＩ"]).contains(OTHER));
    assert!(!home.ok(&["cases", "--cancelled", "pending"]).contains(OTHER));
    assert!(!home.ok(&["cases", "--shop", "elsewhere"]).contains(OTHER));
    assert!(!home.ok(&["cases", "--within", "0", "--at", "2026-11-20"]).contains(OTHER));
}

#[test]
fn coupons_are_listed_by_their_end() {
    let embedded = Embedded::start();
    let home = embedded.home("language = \"en\"", "backlog = \"sort\"\n");
    let coupon = |name: &str, yen: u64, ends: &str| {
        let text = format!(
            "レビューのご投稿ありがとうございました。お礼のクーポンをお送りします。\n・値引き: {yen}円OFF\n・有効期限: {ends} まで\n\
             https://coupon.rakuten.co.jp/getCoupon?getkey={name}\n"
        );
        mail(name, "modori-zakka@shop.rakuten.co.jp", "レビュー投稿ありがとうございます！クーポンのお届け", &text)
    };
    embedded.deliver("INBOX", &coupon("later", 500, "2031年12月31日"));
    embedded.deliver("INBOX", &coupon("sooner", 300, "2031年11月30日"));
    embedded.deliver("INBOX", &coupon("over", 100, "2020年1月31日"));
    home.ok(&["sweep"]);
    let told = home.ok(&["coupons", "--format", "json"]);
    let yen = |told: &str| -> Vec<u64> {
        let each = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        each.map(|one| one["amount_yen"].as_u64().unwrap()).collect()
    };
    assert_eq!(yen(&told), [300, 500], "{told}");
    assert_eq!(yen(&home.ok(&["coupons", "--all", "--format", "json"])), [100, 300, 500]);
    let text = home.ok(&["coupons"]);
    assert!(text.contains("2031-11-30 23:59") && text.contains("modori-zakka"), "{text}");
    assert!(home.ok(&["coupons", "--at", "2032-01-01"]).contains("no coupon is known"));
}

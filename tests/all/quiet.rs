//! Logs are shown to others: whatever is asked for, they hold no password and nothing of what mails say.

use super::support::dovecot::PASSWORD;
use super::support::embedded::Embedded;
use super::support::http::Http;
use super::support::run::{mail, until};

const ORDER: &str = "399999-20261120-0123456789";

/// What stands in the bodies and in what she says, and nowhere else.
const SECRETS: &[&str] =
    &["秘密の品", "himitsu-4711", "とても私的な覚え書き", "ヒミツ商店", "欠品のため", "返還いたしました", "12345円"];

#[test]
fn no_log_of_the_ledger_tells_what_mails_say() {
    let embedded = Embedded::start();
    let http = Http::start();
    let channels =
        format!("[alerts]\nchannels = [\"w\"]\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n", http.url("/"));
    let home = embedded.home("", &format!("backlog = \"sort\"\n{channels}"));
    let shop = "modori-zakka@shop.rakuten.co.jp";
    let ordered = format!(
        "楽天市場内のショップ「ヒミツ商店」へのご注文です。\n[受注番号] {ORDER}\n[日時] 2026-11-20 20:01:33\n[商品]\n\
         秘密の品(himitsu-4711)\n価格 12,345(円) x 1(個) = 12,345(円)\nポイント利用 -500(円)\n支払い金額 11,845(円)\n"
    );
    let cancelled = format!("受注番号：{ORDER}\n欠品のため、秘密の品のご注文をキャンセルいたしました。12345円\n");
    let back = "キャンセルされたご注文のご利用ポイント500ポイントを返還いたしました。\n";
    embedded.deliver(
        "INBOX",
        &mail("order", "order@rakuten.co.jp", "【楽天市場】注文内容ご確認（自動配信メール）", &ordered),
    );
    embedded.deliver("INBOX", &mail("cancel", shop, "ご注文キャンセルのお知らせ", &cancelled));
    embedded.deliver("INBOX", &mail("back", shop, "ポイント返還のお知らせ", back));
    let watch = home.start(&["watch", "-vv"]);
    until("the mails are filed", || embedded.lies_in("cancel").iter().any(|folder| folder != "INBOX"));
    until("an alert came", || !http.requests().is_empty());
    let mut said = String::new();
    let export = home.path().join("out");
    let export = export.to_str().unwrap();
    for command in [
        &["note", ORDER, "とても私的な覚え書き"][..],
        &["confirm", ORDER, "--points", "100", "--expires", "2026-11-21", "--at", "2026-11-20"],
        &["cases", "--all"],
        &["case", ORDER],
        &["cases", "--questions"],
        &["shops"],
        &["ledger", "export", "--out", export],
        &["ledger", "import", export],
        &["ledger", "rebuild", "--mailbox"],
        &["ledger", "backup", &format!("{export}.db")],
    ] {
        let output = home.run(&[command, &["-vv"]].concat());
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{command:?}: {log}");
        said.push_str(&log);
    }
    assert_eq!(watch.terminate(), Some(0));
    said.push_str(&home.log());
    assert!(said.contains("DEBUG"), "the log was asked for: {said}");
    for secret in SECRETS.iter().chain([&PASSWORD]) {
        assert!(!said.contains(secret), "{secret}: {said}");
    }
}

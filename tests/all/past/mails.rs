//! Mails of some years, made by their number: orders, cancellations, returned points, and much else.

use jiff::{SignedDuration, Timestamp, ToSpan};
use std::sync::LazyLock;

/// The host whose word on senders counts.
pub const HOST: &str = "mx.example.jp";

/// The number of the order that mails `8 n` to `8 n + 7` are about.
pub fn order(n: usize) -> String {
    let day = modori::calendar::civil(at(n / 8 * 8)).strftime("%Y%m%d").to_string();
    format!("3{:05}-{day}-{:010}", n / 8 % 400, n / 8)
}

/// When a mail came.
pub fn at(n: usize) -> Timestamp {
    *START + SignedDuration::from_mins(i64::try_from(n).unwrap() * 9)
}

/// When the first came: lately, so that something still waits. The same for all tests of one run.
static START: LazyLock<Timestamp> = LazyLock::new(|| {
    let day = modori::calendar::civil(Timestamp::now()).date().saturating_sub(30.days());
    modori::calendar::instant(day.at(10, 0, 0, 0))
});

/// The mail of this number, with LF.
pub fn mail(n: usize) -> String {
    let shop = n / 8 % 400;
    let order = order(n);
    let of_shop = format!("shop-{shop}@shop.rakuten.co.jp");
    let (from, subject, body) = match n % 8 {
        0 => (
            "order@rakuten.co.jp".to_owned(),
            "【楽天市場】注文内容ご確認（自動配信メール）".to_owned(),
            format!(
                "[受注番号] {order}\nショップ名：{shop}番の店\n[商品]\n帆布トート 大 {n}\n価格 1,980(円) x 2(個) = 3,960(円)\n\
                 ポイント利用 -500(円)\n合計 3,460(円)\n"
            ),
        ),
        1 if n % 16 == 1 => (
            of_shop,
            "ご注文キャンセルのお知らせ".to_owned(),
            format!(
                "受注番号：{order}\n欠品のため、ご注文をキャンセルいたしました。ご利用ポイント500ポイントは返還されます。\n"
            ),
        ),
        2 if n % 32 == 2 => (
            "point@rakuten.co.jp".to_owned(),
            "ポイント返還のお知らせ".to_owned(),
            format!("受注番号：{order}\n500ポイントを返還いたしました。\nFrom here on nothing\n>From quoted\n"),
        ),
        _ => (
            format!("letter-{}@news.example.jp", n % 50),
            format!("お知らせ {n}"),
            format!("今週のおすすめ {n}\n{}", "季節の品をご案内します。\n".repeat(n % 40)),
        ),
    };
    let date = at(n).strftime("%a, %d %b %Y %H:%M:%S +0000");
    let domain = from.split_once('@').unwrap().1.to_owned();
    format!(
        "Authentication-Results: {HOST}; dkim=pass header.d={domain}; spf=pass smtp.mailfrom={from}; dmarc=pass header.from={domain}\n\
         Received: from {domain} by {HOST}; {date}\nFrom: <{from}>\nTo: <shopper@example.jp>\nSubject: {subject}\nDate: {date}\n\
         Message-ID: <{n}@{domain}>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n\
         Content-Transfer-Encoding: 8bit\n\n{body}"
    )
}

/// These mails as an mbox, as Gmail's Takeout writes it: with labels, and `From ` at the start of a line escaped.
pub fn takeout(mails: std::ops::Range<usize>) -> String {
    let mut out = String::new();
    for n in mails {
        let date = at(n).strftime("%a %b %d %H:%M:%S +0000 %Y");
        out.push_str(&format!("From {n}@xxx {date}\nX-GM-THRID: {n}\nX-Gmail-Labels: {}\n", labels(n)));
        for line in mail(n).lines() {
            let escaped = line.trim_start_matches('>').starts_with("From ");
            out.push_str(if escaped { ">" } else { "" });
            out.push_str(line);
            out.push('\n');
        }
        out.push('\n');
    }
    out
}

/// Of 64 newsletters one was spam, and one thrown away.
pub fn labels(n: usize) -> &'static str {
    match n % 64 {
        60 => "Spam,Unread",
        61 => "=?UTF-8?B?44K044Of566x?=,Opened",
        _ => "Inbox,Opened",
    }
}

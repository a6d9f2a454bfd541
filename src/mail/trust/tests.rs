//! Senders, signatures and forgeries, and how far each is believed.

use super::TrustLevel::{self, Suspect, Unverified, Verified};
use super::{Word, never_vouched};
use crate::mail::{Reading, read};

/// Header lines, then the text; the provider is `mx.example`.
#[track_caller]
fn check(header: &str, body: &str, expect: TrustLevel) {
    let ids = ["mx.example".to_owned()];
    let bytes = format!("{header}\nContent-Type: text/html; charset=utf-8\n\n{body}");
    let reading = Reading { received: "2026-11-24T01:05:00Z".parse().unwrap(), size: 0, authserv_ids: &ids };
    let trust = read(bytes.as_bytes(), &reading).trust;
    assert_eq!(trust.level, expect, "{header}\n{:?}", trust.reasons);
    assert!(!trust.reasons.is_empty());
    // without a named provider nothing is ever proved
    let alone = read(bytes.as_bytes(), &Reading { authserv_ids: &[], ..reading }).trust;
    assert_ne!(alone.level, Verified);
}

const ORDER: &str = "From: 楽天市場 <order@rakuten.co.jp>";
const ITEM: &str = "<a href='https://item.rakuten.co.jp/a/b/'>商品</a>";

#[test]
fn verified() {
    for results in [
        "mx.example; dmarc=pass (p=REJECT) header.from=rakuten.co.jp",
        "mx.example;\n dkim=pass header.i=@rakuten.co.jp header.s=x;\n spf=softfail",
        "mx.example; dkim=fail header.d=x.example; dkim=pass header.d=mail.rakuten.co.jp",
        "mx.example; spf=pass\nAuthentication-Results: mx.example; dmarc=pass",
    ] {
        check(&format!("Authentication-Results: {results}\n{ORDER}"), ITEM, Verified);
    }
    // a verified magazine may hold sloppy links
    check(
        &format!("Authentication-Results: mx.example; dmarc=pass\n{ORDER}"),
        "<a href='https://x.example'>https://www.rakuten.co.jp/</a>",
        Verified,
    );
}

#[test]
fn not_proved() {
    for results in [
        "other.example; dmarc=pass",
        "other.example; dmarc=pass\nAuthentication-Results: mx.example; dmarc=pass",
        "mx.example; spf=pass smtp.mailfrom=order@rakuten.co.jp",
        "mx.example; spf=fail smtp.mailfrom=order@rakuten.co.jp",
        "mx.example; dkim=pass header.d=evil.example",
        "mx.example; dkim=pass header.d=evil.example header.i=@rakuten.co.jp",
        "mx.example; dkim=pass header.d=rakuten.co.jp.evil.example",
        "mx.example; dkim=pass header.d=rakuten.ne.jp",
        "mx.example; dmarc=pass header.from=evil.example",
        "mx.example; dmarc=none",
        "mx.example; spf=none\nReceived: x\nAuthentication-Results: mx.example; dmarc=pass",
        "mx.example; spf=fail reason=\"; dmarc=pass\"",
        "mx.example; spf=none smtp.mailfrom==?utf-8?Q?x;_dmarc=3Dpass?=@x",
    ] {
        check(&format!("Authentication-Results: {results}\n{ORDER}"), ITEM, Unverified);
    }
    check(ORDER, ITEM, Unverified);
    // the provider said nothing, and what stands in its name below was sent along
    let arrival = "Received: from vps.example (vps.example [203.0.113.18])\n\tby mx.example (Postfix) with ESMTPS; Tue";
    let sent = "Received: from localhost by vps.example; Tue\nAuthentication-Results: mx.example; dmarc=pass";
    check(&format!("{arrival}\n{sent}\n{ORDER}"), ITEM, Unverified);
    check(
        "From: モドリ雑貨店 楽天市場店 <info@modori.example>\nSubject: 【モドリ雑貨店】キャンセルについて",
        ITEM,
        Unverified,
    );
    check(
        "Authentication-Results: mx.example; dmarc=pass header.from=modori.example\nFrom: モドリ雑貨店 楽天市場店 <info@modori.example>",
        "",
        Unverified,
    );
    check("From: 友人 <friend@mail.example>\nSubject: Re: 【楽天市場】注文内容ご確認", "", Unverified);
    check("From: '楽天市場' via group <group@groups.example>\nSubject: x", ITEM, Unverified);
    check("From: 楽天カード株式会社 <info@mail.rakuten-card.co.jp>\nSubject: カード利用のお知らせ", "", Unverified);
    check("From: モドリ雑貨店 楽天市場店 <info@modori.example>\nSubject: 【楽天】発送のご連絡", "", Unverified);
    check("From: news <news@blog.example>\nSubject: 楽天市場のおすすめ", "", Unverified);
    check(
        "From: 友人 <friend@mail.example>\nSubject: Fwd: 【楽天市場】再入荷のお知らせ",
        "---------- Forwarded message ---------<br>From: 楽天市場 &lt;a@rakuten.co.jp&gt;<br>Subject: x<br><br>楽天会員 <a href='https://x.example'>https://www.rakuten.co.jp/</a>",
        Unverified,
    );
}

#[test]
fn suspect() {
    check(&format!("Authentication-Results: mx.example; dmarc=fail header.from=rakuten.co.jp\n{ORDER}"), ITEM, Suspect);
    for from in [
        "楽天市場 <info@evil.example>",
        "楽天カスタマーサポート <x@evil.example>",
        "Rakuten Ichiba <x@evil.example>",
        "ﾗｸﾃﾝ order@rakuten.co.jp <x@evil.example>",
        "\"order@rakuten.co.jp\" <x@evil.example>",
        "注文 <order@rakuten.co.jp.evil.example>",
        "注文 <order@rakuten-co-jp.example>",
        "注文 <order@rakutеn.co.jp>",
        "注文 <order@raküten.co.jp>",
        "注文 <order@rakutan.co.jp>",
    ] {
        check(&format!("From: {from}\nSubject: お知らせ"), ITEM, Suspect);
    }
    check("From: info <x@evil.example>\nSubject: 【楽天市場】注文情報一致していません", "", Suspect);
    check(ORDER, "<a href='https://evil.example/'>https://www.rakuten.co.jp/login</a>", Suspect);
    check(ORDER, "<a href='https://rakuten.co.jp.evil.example/'>ログイン</a>", Suspect);
    check("From: info <x@evil.example>", "<a href='https://rakuten-login.example/'>ログイン</a>", Suspect);
    check(
        ORDER,
        "---------- Forwarded message ---------<br>From: a@b.example<br><a href='https://evil.example'>https://www.rakuten.co.jp/</a>",
        Suspect,
    );
    check(
        "Authentication-Results: mx.example; dmarc=fail\nFrom: 楽天カード <info@mail.rakuten-card.co.jp>",
        "",
        Suspect,
    );
    check(
        &format!("Authentication-Results: mx.example; spf=fail\n{ORDER}\nSubject: アカウントのお知らせ."),
        ITEM,
        Suspect,
    );
    check(ORDER, "アカウントの使用が停止されました <a href='https://evil.example/'>ログイン</a>", Suspect);
    check("From: a@b.example, order@rakuten.co.jp", "", Suspect);
}

#[test]
fn the_shoppers_word_for_a_sender_outweighs_its_name_and_nothing_else() {
    const LIST: &str = "From: 楽天市場 <family@list.example>";
    const NAMED: &str = "From: \"order@rakuten.co.jp\" <family@list.example>";
    let ids = ["mx.example".to_owned()];
    let check = |header: &str, body: &str, expect: TrustLevel| {
        let bytes = format!("{header}\nContent-Type: text/html; charset=utf-8\n\n{body}");
        let received = "2026-11-24T01:05:00Z".parse().unwrap();
        let trust = read(bytes.as_bytes(), &Reading { received, size: 0, authserv_ids: &ids }).trust;
        assert_eq!(trust.level, Suspect, "{header}");
        let (mut by_sender, mut by_mail) = (trust.clone(), trust);
        by_sender.accept(Word::ItsSender);
        assert_eq!(by_sender.level, expect, "{header}\n{:?}", by_sender.reasons);
        by_mail.accept(Word::ThisMail);
        assert_eq!(by_mail.level, Unverified);
        assert_eq!(by_mail.reasons[0], "you released this mail");
        by_mail.accept(Word::ThisMail);
        assert_eq!(by_mail.reasons.iter().filter(|reason| reason.starts_with("you ")).count(), 1);
    };
    let ours = |results: &str| format!("Authentication-Results: mx.example; {results}\n");
    for header in [LIST, NAMED, &format!("{}{LIST}", ours("dmarc=pass")), &format!("{LIST}\nSubject: 【楽天市場】注文")]
    {
        check(header, ITEM, Unverified);
    }
    for results in ["dmarc=fail", "spf=fail", "dmarc=pass; dmarc=fail", "dmarc=none; spf=fail"] {
        check(&format!("{}{LIST}", ours(results)), ITEM, Suspect);
    }
    // a forged field below the provider's own says otherwise
    check(&format!("{}{}{LIST}", ours("dmarc=fail"), ours("dmarc=pass")), ITEM, Suspect);
    check(&format!("{}{}{LIST}", ours("dmarc=pass"), ours("dmarc=fail")), ITEM, Suspect);
    for body in [
        "<a href='https://x.example'>https://www.rakuten.co.jp/</a>",
        "<a href='https://rakuten.co.jp.x.example/'>確認</a>",
        "<a href='https://bit.ly/x'>確認</a> 24時間以内に本人確認",
    ] {
        check(LIST, body, Suspect);
    }
    for header in [
        "From: a@rakuten-support.example",
        "From: 楽天市場 <a@list.example>, 楽天 <order@rakuten.co.jp>",
        "From: 楽天市場 <family@list.example>\nFrom: 楽天市場 <family@list.example>",
        &format!("{}{ORDER}", ours("dmarc=fail")),
    ] {
        check(header, ITEM, Suspect);
    }
}

#[test]
fn nobody_can_vouch_for_rakuten_or_its_imitators() {
    for address in ["order@rakuten.co.jp", "A@Shop.Rakuten.co.jp", "a@rakuten-card.co.jp", "a@rakuten.co.jp."] {
        assert!(never_vouched(address).is_some_and(|why| why.contains("provider")), "{address}");
    }
    for address in
        ["a@rakuten.example", "a@rakuten.co.jp.example", "a@ｒakuten.jp", "a@rаkuten.com", "a@xn--rakutn-7of.co.jp"]
    {
        assert!(never_vouched(address).is_some_and(|why| why.contains("imitates")), "{address}");
    }
    for address in ["", "a", "@x.example", "a@", "a@localhost"] {
        assert!(never_vouched(address).is_some_and(|why| why.contains("no mail address")), "{address}");
    }
    assert_eq!(never_vouched("Family@list.example"), None);
}

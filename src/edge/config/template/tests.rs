//! Templates: the shipped ones make what their services take, whatever a mail says; broken ones are refused.

use super::*;
use proptest::prelude::*;

fn buttons() -> Buttons {
    Buttons { seen: "見ました".into(), open: "商品ページを開く".into() }
}

fn made(name: &str, alert: &Alert) -> serde_json::Value {
    let values = Map::from_iter([("chat_id".to_owned(), json!("-1001"))]);
    let template =
        Template::new(Template::shipped(name).unwrap(), values).unwrap_or_else(|error| panic!("{name}: {error}"));
    let text = template.render(alert, &buttons(), "key", Timestamp::from_second(7).unwrap()).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Every text in a JSON value.
fn texts(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::String(text) => vec![text],
        serde_json::Value::Array(all) => all.iter().flat_map(texts).collect(),
        serde_json::Value::Object(all) => all.values().flat_map(texts).collect(),
        _ => vec![],
    }
}

fn utf16(value: &serde_json::Value) -> usize {
    value.as_str().unwrap().encode_utf16().count()
}

fn alert() -> Alert {
    Alert {
        priority: Priority::Urgent,
        category: "restock".into(),
        title: "モドリのマグ 1,980円".into(),
        body: "モドリ雑貨店\n@everyone <!channel> **太字** [公式](https://evil.example/)".into(),
        url: Some("https://item.rakuten.co.jp/modori/mug/".into()),
        received: Some(Timestamp::UNIX_EPOCH),
        links: vec![Link { label: "Amazon | <x>".into(), url: "https://www.amazon.co.jp/s?k=a&b=c".into() }],
        ..Alert::default()
    }
}

#[test]
fn discord_calls_nobody_and_hides_no_link() {
    let made = made("discord", &alert());
    assert_eq!(
        made,
        json!({
            "content": "モドリのマグ 1,980円",
            "embeds": [
                {"title": "商品ページを開く", "url": "https://item.rakuten.co.jp/modori/mug/"},
                {"description": "モドリ雑貨店\n\\@everyone \\<!channel\\> \\*\\*太字\\*\\* \\[公式\\]\\(https://evil.example/)\n⏱ 7 s"},
                {"title": "Amazon | <x>", "url": "https://www.amazon.co.jp/s?k=a&b=c"},
            ],
            "allowed_mentions": {"parse": []},
        })
    );
}

#[test]
fn slack_gets_its_three_characters_escaped() {
    let made = made("slack", &alert());
    let section = |text: &str| json!({"type": "section", "text": {"type": "mrkdwn", "verbatim": true, "text": text}});
    assert_eq!(
        made,
        json!({
            "text": "モドリのマグ 1,980円",
            "blocks": [
                section("<https://item.rakuten.co.jp/modori/mug/|モドリのマグ 1,980円>"),
                section("モドリ雑貨店\n@everyone &lt;!channel&gt; **太字** [公式](https://evil.example/)\n⏱ 7 s"),
                section("<https://www.amazon.co.jp/s?k=a&amp;b=c|Amazon / &lt;x&gt;>"),
            ],
        })
    );
}

#[test]
fn telegram_gets_text_without_markup_and_buttons() {
    let made = made("telegram", &alert());
    assert_eq!(
        made,
        json!({
            "chat_id": "-1001",
            "text": "モドリのマグ 1,980円\nモドリ雑貨店\n@everyone <!channel> **太字** [公式](https://evil.example/)\n⏱ 7 s",
            "disable_notification": false,
            "link_preview_options": {"is_disabled": true},
            "reply_markup": {"inline_keyboard": [
                [{"text": "商品ページを開く", "url": "https://item.rakuten.co.jp/modori/mug/"}],
                [{"text": "Amazon | <x>", "url": "https://www.amazon.co.jp/s?k=a&b=c"}],
            ]},
        })
    );
}

#[test]
fn gotify_gets_priority_and_a_click() {
    let made = made("gotify", &alert());
    assert_eq!((made["priority"].clone(), made["title"].clone()), (json!(10), json!("モドリのマグ 1,980円")));
    assert_eq!(made["extras"]["client::notification"]["click"]["url"], "https://item.rakuten.co.jp/modori/mug/");
    assert!(made["message"].as_str().unwrap().ends_with("Amazon | <x>: https://www.amazon.co.jp/s?k=a&b=c\n⏱ 7 s"));
}

#[test]
fn what_cannot_be_used_is_told_with_its_line() {
    for (text, says) in [
        ("{\n\"a\": {{ titel }}\n}", "line 2: it asks for a value that does not exist"),
        ("{\"a\": {{ values.chat_id }} }", "line 1: it asks for a value that does not exist"),
        ("{\"a\": {{ title }", "line 1: "),
        ("{\"a\": \"says {{ title }}\"}", "what it makes is not JSON"),
        ("{\"a\": {{ title }},}", "what it makes is not JSON"),
        ("{% if url %}{\"a\": 1}{% endif %}", "what it makes is not JSON"),
        ("{\"a\": {{ title | fit(10, \"ells\") }} }", "\"chars\", \"bytes\" or \"utf16\""),
        ("", "what it makes is not JSON"),
    ] {
        let error = Template::new(text, Map::new()).err().expect(text);
        assert!(error.contains(says), "{text}\n→ {error}");
    }
}

#[test]
fn there_is_no_way_round_the_escape() {
    let text = "{\"a\": {{ body | safe }}, \"b\": {{ body | tojson }}, \"c\": {{ \"<\" ~ body ~ \">\" }}, \"d\": {{ details }} }";
    let template = Template::new(text, Map::new()).unwrap();
    let body = "\", \"evil\": \"";
    let details = Map::from_iter([("x".to_owned(), json!(body))]);
    let alert = Alert { body: body.into(), details, ..Alert::default() };
    let made = template.render(&alert, &buttons(), "key", Timestamp::UNIX_EPOCH).unwrap();
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made, json!({"a": body, "b": body, "c": format!("<{body}>"), "d": {"x": body}}));
}

/// What mail text may be.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\"}]}".to_owned()),
        Just("\\".to_owned()),
        Just("{{ values }}{% raw %}".to_owned()),
        Just("&<>|".to_owned()),
        Just("https://a.example/(x)".to_owned()),
        Just("𠮟👨‍👩‍👧".repeat(40)),
        Just("あいう。\n".repeat(300)),
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_a_mail_says_the_services_limits_hold(title in hostile(), body in hostile(), label in hostile(), links in 0_usize..12) {
        let link = Link { label: label.clone(), url: "https://a.example/?q=%E3%81%82".into() };
        let alert = Alert { title, body, links: vec![link; links], received: Some(Timestamp::UNIX_EPOCH), ..alert() };
        let discord = made("discord", &alert);
        let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(keys(&discord), ["allowed_mentions", "content", "embeds"]);
        prop_assert!(utf16(&discord["content"]) <= 2000);
        let embeds = discord["embeds"].as_array().unwrap();
        prop_assert!(embeds.len() <= 10);
        prop_assert!(embeds.iter().flat_map(|embed| [&embed["title"], &embed["description"]]).filter(|t| !t.is_null()).map(utf16).sum::<usize>() <= 6000);
        for embed in embeds {
            prop_assert!(embed["title"].is_null() || utf16(&embed["title"]) <= 256);
            prop_assert!(embed["description"].is_null() || utf16(&embed["description"]) <= 4096);
        }
        let slack = made("slack", &alert);
        prop_assert!(slack["blocks"].as_array().unwrap().len() <= 50);
        for text in texts(&slack) {
            let length = text.chars().count();
            prop_assert!((1..=3000).contains(&length));
            // `<` only ever begins a link of ours
            prop_assert!(text.match_indices('<').all(|(at, _)| text[at..].starts_with("<https://")), "{}", text);
        }
        let telegram = made("telegram", &alert);
        prop_assert!((1..=4096).contains(&utf16(&telegram["text"])));
        let gotify = made("gotify", &alert);
        prop_assert!(gotify["message"].as_str().is_some_and(|text| !text.is_empty()));
    }
}

//! `modori shops`: records of shops in both forms, and one shop with the hours of its restocks.

use super::support::embedded::Embedded;
use super::support::run::cancellation;
use serde_json::Value;

const ORDER: &str = "399999-20261120-0123456789";

#[test]
fn shops_are_shown_with_their_record() {
    let embedded = Embedded::start();
    let home = embedded.home("", "backlog = \"sort\"\n");
    assert!(home.ok(&["shops"]).contains("まだ記録がありません"));
    embedded.deliver("INBOX", &cancellation("cancelled", ORDER));
    home.ok(&["sweep"]);
    let lines: Vec<Value> =
        home.ok(&["shops", "--format", "json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let code = lines[0]["code"].as_str().unwrap();
    assert_eq!(lines[0]["orders"], 1);
    assert_eq!(lines[0]["restock_hours"].as_array().unwrap().len(), 24);
    assert_eq!(lines[0]["bad_record"], false);

    let text = home.ok(&["shops", code]);
    assert!(text.contains(code) && text.contains(ORDER), "{text}");
    let one: Value = serde_json::from_str(&home.ok(&["shops", code, "--format", "json"])).unwrap();
    assert_eq!(one["cases"][0]["order_number"], ORDER);

    let unknown = home.run(&["shops", "no-such-shop"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("nothing is known of a shop `no-such-shop`"));
}

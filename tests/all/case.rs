//! `modori case`: the story of one order, in both languages, with what the shopper said among what the mails claim.

use super::support::embedded::Embedded;
use super::support::run::cancellation;
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
    for part in [ORDER, "キャンセル", "あなた：メモ", "電話した", "あなた：戻った", "100 P", "unverified"]
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

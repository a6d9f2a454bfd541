//! Rules are edited while modori watches: the next mail goes where they say, and a slip of the pen loses nothing.

use super::support::embedded::Embedded;
use super::support::http::{Http, Request};
use super::support::run::{mail, until};

fn rules(folder: &str) -> String {
    format!(
        "category = \"handmade\"\nfolder = \"{folder}\"\n[[rule]]\nname = \"handmade\"\nfrom = \"maker@example.org\"\n\
         [[example]]\nfrom = \"maker@example.org\"\nsubject = \"新作\"\n"
    )
}

#[test]
fn a_saved_rule_counts_at_once_and_a_broken_one_is_told_once() {
    let embedded = Embedded::start();
    let http = Http::start();
    let alerts =
        format!("[alerts]\nchannels = [\"w\"]\n[channel.w]\nkind = \"webhook\"\nurl = \"{}\"\n", http.url("/hook"));
    let home = embedded.home("rules = \"rules\"", &alerts);
    let file = home.path().join("rules/handmade.toml");
    std::fs::create_dir(home.path().join("rules")).unwrap();
    std::fs::write(&file, rules("手作り")).unwrap();
    let told = || -> Vec<serde_json::Value> {
        http.requests().iter().map(Request::json).filter(|alert| alert["category"] == "rules").collect()
    };
    let made = |name: &str| mail(name, "maker@example.org", "新作のお知らせ", "できました。\n");
    let watch = home.watch(1);

    embedded.deliver("INBOX", &made("one"));
    until("the first is filed", || embedded.lies_in("one") == ["手作り"]);

    std::fs::write(&file, rules("Shops/手作り")).unwrap();
    until("the change is in use", || home.log().contains("changed rules are in use"));
    embedded.deliver("INBOX", &made("two"));
    until("the second goes to the new folder", || embedded.lies_in("two") == ["Shops/手作り"]);
    assert_eq!(embedded.lies_in("one"), ["手作り"], "what is filed stays");

    let broken = rules("Nowhere").replace("from = \"maker@example.org\"\n[[", "form = \"maker@example.org\"\n[[");
    std::fs::write(&file, &broken).unwrap();
    until("it is told", || told().len() == 1);
    let alert = told().remove(0);
    assert_eq!((alert["priority"].as_str(), &alert["details"]["line"]), (Some("normal"), &5.into()), "{alert}");
    assert_eq!(alert["details"]["file"], "handmade.toml");
    assert!(home.log().contains("handmade.toml:5:1: ") && home.log().contains("those from before stay in use"));
    embedded.deliver("INBOX", &made("three"));
    until("the old rules stay", || embedded.lies_in("three") == ["Shops/手作り"]);

    // saved once more as it was, touched, and then mended
    std::fs::write(&file, &broken).unwrap();
    std::fs::write(file.with_file_name("more.toml"), "# nothing yet\n").unwrap();
    embedded.deliver("INBOX", &made("four"));
    until("it is filed", || embedded.lies_in("four") == ["Shops/手作り"]);
    std::fs::write(&file, rules("手作り")).unwrap();
    until("it says that they are mended", || home.log().contains("mended"));
    embedded.deliver("INBOX", &made("five"));
    until("the mended rules are in use", || embedded.lies_in("five") == ["手作り"]);
    assert_eq!(watch.terminate(), Some(0));
    assert_eq!(told().len(), 1, "one fault is one alert");
    assert_eq!(home.log().matches("are not used").count(), 1);
}

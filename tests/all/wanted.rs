//! `modori want` and `modori mute` change a file that a person writes, too: nothing of hers is lost, and nothing is written
//! by halves.

use super::support::run::Home;
use std::os::unix::fs::PermissionsExt;

const HERS: &str =
    "# mine\n[[wanted]]\nname = \"急須\" # the black one\n\n# never again\n[[muted]]\nshop = \"kakuu-games\"\n";

fn home(rest: &str) -> Home {
    Home::new("host = \"127.0.0.1\"\nport = 1\nsecurity = \"plain\"\nuser = \"u\"", rest)
}

fn refused(home: &Home, arguments: &[&str]) -> String {
    let output = home.run(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_list_is_kept_as_a_person_keeps_it() {
    let home = home("");
    let file = home.path().join("wanted.toml");
    assert!(home.ok(&["want", "--list"]).contains("nothing is wanted"));
    std::fs::write(&file, HERS).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();

    let address = "http://ITEM.rakuten.co.jp/uminoya/um-161?scid=x#top";
    home.ok(&[
        "want", address, "--max-price", "5000", "--until", "2026-12-24", "--note", "母に \"赤\"", "--from",
        "2026-12-04 20:00",
    ]);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with(HERS), "{text}");
    assert!(
        text.contains("url = \"https://item.rakuten.co.jp/uminoya/um-161\"\nmax_price = 5000\nuntil = 2026-12-24\n"),
        "{text}"
    );
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(
        home.ok(&[
            "want", address, "--max-price", "5000", "--until", "2026-12-24", "--note", "母に \"赤\"", "--from",
            "2026-12-04 20:00"
        ])
        .contains("stands there already")
    );

    home.ok(&["want", "琺瑯", "ケトル", "--shop", "uminoya"]);
    home.ok(&["mute", "--model", "WH-1000XM5"]);
    let list = home.ok(&["want", "--list", "--format", "json"]);
    let names: Vec<serde_json::Value> = list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(names.len(), 3);
    assert_eq!((&names[1]["from"], &names[1]["note"]), (&"2026-12-04T20:00:00+09:00".into(), &"母に \"赤\"".into()));
    assert_eq!(names[2]["name"], "琺瑯 ケトル");
    let shown = home.ok(&["mute", "--list"]);
    assert!(shown.contains("kakuu-games") && shown.contains("WH-1000XM5") && !shown.contains("急須"), "{shown}");

    home.ok(&["want", "--remove", "https://item.rakuten.co.jp/uminoya/um-161/"]);
    home.ok(&["want", "--remove", "2"]);
    home.ok(&["mute", "--remove", "2"]);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.trim_end(), HERS.trim_end());
    let others: Vec<String> =
        std::fs::read_dir(home.path()).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    assert!(others.iter().all(|name| !name.contains(".part")), "{others:?}");
}

#[test]
fn what_is_no_item_is_refused_with_a_sentence_and_nothing_is_written() {
    let home = home("");
    for (arguments, sentence) in [
        (&["want", "https://example.jp/a/b/"][..], "is not the page of an item"),
        (&["want", "https://item.rakuten.co.jp/a/c/0000000001/"], "is not the page of an item"),
        (&["want", "https://item.rakuten.co.jp.evil.example/a/b/"], "is not the page of an item"),
        (&["want", "https://www.rakuten.co.jp/a/", "ケトル"], "either pages or words"),
        (&["want"], "which goods?"),
        (&["mute", "--max-price", "100"], "which goods?"),
        (&["want", "ケトル", "--from", "2026-12-04"], "is no time of a day"),
        (&["want", "--remove", "1"], "no such entry"),
        (&["want", "ケトル", "--list"], "cannot be used with"),
    ] {
        let errors = refused(&home, arguments);
        assert!(errors.contains(sentence), "{arguments:?}: {errors}");
    }
    assert!(!home.path().join("wanted.toml").exists());
}

#[test]
fn a_broken_list_is_shown_with_its_place_and_left_alone() {
    let home = home("");
    let file = home.path().join("wanted.toml");
    std::fs::write(&file, "[[wanted]]\nnmae = \"x\"\n").unwrap();
    for arguments in [&["want", "--list"][..], &["want", "ケトル"], &["want", "--remove", "1"], &["watch"]] {
        let errors = refused(&home, arguments);
        assert!(
            errors.contains("wanted.toml:2:1") && errors.contains("did you mean `name`?"),
            "{arguments:?}: {errors}"
        );
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[[wanted]]\nnmae = \"x\"\n");
}

#[test]
fn the_list_lies_where_the_configuration_says_and_a_link_stays_a_link() {
    let home = home("");
    let text = std::fs::read_to_string(&home.config).unwrap();
    std::fs::write(&home.config, format!("wanted = \"lists/goods.toml\"\n{text}")).unwrap();
    home.ok(&["want", "ケトル"]);
    let real = home.path().join("lists/goods.toml");
    assert_eq!(std::fs::read_to_string(&real).unwrap(), "[[wanted]]\nname = \"ケトル\"\n");
    let moved = home.path().join("elsewhere.toml");
    std::fs::rename(&real, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &real).unwrap();
    home.ok(&["mute", "急須"]);
    assert!(std::fs::symlink_metadata(&real).unwrap().file_type().is_symlink());
    assert!(std::fs::read_to_string(&moved).unwrap().ends_with("[[muted]]\nname = \"急須\"\n"));
}

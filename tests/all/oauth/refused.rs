//! What the provider refuses for good is told once, with what to do, and not asked for again until something changed.

use super::renewed::wait;
use super::{Talk, World};
use crate::support::http::Answer;
use crate::support::oauth::browser::follow;
use crate::support::oauth::{CLIENT_SECRET, Trouble};
use secrecy::ExposeSecret;
use std::os::unix::fs::PermissionsExt;

#[test]
fn access_that_was_taken_back_is_not_asked_for_again_until_the_shopper_logs_in() {
    let world = World::new("loopback");
    world.granted(7200);
    world.authority.take_back();
    let tokens = world.tokens();
    // the same program, and one that starts anew
    for tokens in [&tokens, &tokens, &world.tokens()] {
        let error = wait(tokens.access()).unwrap_err();
        assert!(!error.passing, "{error}");
        assert!(error.what.contains("access ended or was taken back"), "{error}");
        assert!(error.what.contains("run: modori login a"), "{error}");
        world.nothing_secret(&[&error.what]);
    }
    assert_eq!(world.authority.asked("refresh_token"), 1);
    world.granted(0);
    assert!(wait(tokens.access()).is_ok(), "she agreed again");
}

#[test]
fn it_is_remembered_even_when_it_cannot_be_written_down() {
    let world = World::new("loopback");
    world.granted(7200);
    world.authority.take_back();
    let tokens = world.tokens();
    std::fs::create_dir_all(world.file().with_file_name("a.json.new").join("x")).unwrap();
    for _ in 0..3 {
        assert!(!wait(tokens.access()).unwrap_err().passing);
    }
    assert_eq!(world.authority.asked("refresh_token"), 1);
}

#[test]
fn a_client_that_is_not_known_is_tried_again_when_it_was_mended() {
    let world = World::behaving("loopback", |behaviour| behaviour.client_secret = Some(CLIENT_SECRET.to_owned()));
    let file = world.home.path().join("client");
    let write = |secret: &str| {
        std::fs::write(&file, secret).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("wrong");
    world.write("[account.oauth]\n", "[account.oauth]\nclient_secret = { file = \"client\" }\n");
    world.granted(7200);
    let tokens = world.tokens();
    for _ in 0..2 {
        let error = wait(tokens.access()).unwrap_err();
        assert!(!error.passing && error.what.contains("check client_id and client_secret"), "{error}");
    }
    assert_eq!(world.authority.asked("refresh_token"), 1);
    write(CLIENT_SECRET);
    assert!(wait(tokens.access()).is_ok());
    assert_eq!(world.authority.asked("refresh_token"), 2);
}

#[test]
fn an_address_that_is_no_token_endpoint_is_asked_once_an_hour_and_never_given_up() {
    for (answer, words) in [
        (Answer::Status(404), "check the address"),
        (Answer::Redirect("http://127.0.0.1:1/stolen".to_owned()), "not followed"),
        (Answer::Echo, "status 400"),
    ] {
        let world = World::new("loopback");
        world.granted(7200);
        world.authority.behave(|behaviour| behaviour.trouble = Some(Trouble::Before(answer)));
        let tokens = world.tokens();
        for _ in 0..2 {
            let error = wait(tokens.access()).unwrap_err();
            assert!(!error.passing && error.what.contains(words), "{error}");
            world.nothing_secret(&[&error.what]);
        }
        assert_eq!(world.authority.seen("/token").len(), 1);
        // that was not the provider's word: nothing is written down, and another program asks anew
        assert!(world.kept().get("refused").is_none());
        world.authority.behave(|behaviour| behaviour.trouble = None);
        assert!(wait(world.tokens().access()).is_ok());
    }
}

#[test]
fn a_fault_of_this_machine_is_not_taken_for_the_providers_word() {
    let world = World::new("loopback");
    let missing = world.home.path().join("missing");
    let lines = [
        format!("ca_file = \"{}\"\n", missing.display()),
        format!("client_secret = {{ command = [\"cat\", \"{}\"] }}\n", missing.display()),
    ];
    for line in lines {
        world.granted(7200);
        world.write("[account.oauth]\n", &format!("[account.oauth]\n{line}"));
        let tokens = world.tokens();
        for _ in 0..2 {
            let error = wait(tokens.access()).unwrap_err();
            assert!(!error.passing, "{error}");
        }
        assert!(world.kept().get("refused").is_none());
        assert!(world.authority.seen("/token").is_empty(), "nothing left this machine");
        // while the old one lives it is shown all the same
        let pair = world.granted(3500);
        assert_eq!(wait(tokens.access()).unwrap().expose_secret(), pair.access);
        world.write(&line, "");
    }
    world.age(7200);
    assert!(wait(world.tokens().access()).is_ok());
}

#[test]
fn tokens_of_another_grant_are_shown_to_nobody() {
    for (from, to, words) in [
        ("client_id = \"modori-test-client\"", "client_id = \"new\"", "another client_id"),
        ("token_url = \"http://127.0.0.1", "token_url = \"http://localhost", "was granted by 127.0.0.1"),
        ("user = \"", "user = \"other-", "the configuration says other-"),
    ] {
        let world = World::new("loopback");
        world.granted(7200);
        world.write(from, to);
        let error = wait(world.tokens().access()).unwrap_err();
        assert!(!error.passing && error.what.contains(words) && error.what.contains("modori login a"), "{error}");
        assert!(world.authority.seen("/token").is_empty());
    }
}

#[test]
fn a_file_that_others_can_read_or_that_is_broken_is_not_used() {
    let world = World::new("loopback");
    world.granted(0);
    let tokens = world.tokens();
    std::fs::set_permissions(world.file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = wait(tokens.access()).unwrap_err();
    assert!(!error.passing && error.what.contains("chmod 600"), "{error}");
    std::fs::set_permissions(world.file(), std::fs::Permissions::from_mode(0o600)).unwrap();
    let whole = std::fs::read(world.file()).unwrap();
    for end in [0, 1, whole.len() / 2, whole.len() - 1] {
        std::fs::write(world.file(), &whole[..end]).unwrap();
        let error = wait(tokens.access()).unwrap_err();
        assert!(!error.passing && error.what.contains("run: modori login a"), "{error}");
        world.nothing_secret(&[&error.what]);
    }
}

#[test]
fn without_a_refresh_token_the_end_is_the_end() {
    let world = World::new("loopback");
    world.granted(0);
    let mut kept = world.kept();
    kept.as_object_mut().unwrap().remove("refresh_token");
    std::fs::write(world.file(), kept.to_string()).unwrap();
    assert!(wait(world.tokens().access()).is_ok());
    world.age(7200);
    let error = wait(world.tokens().access()).unwrap_err();
    assert!(!error.passing && error.what.contains("nothing to renew it with"), "{error}");
}

#[test]
fn doctor_and_login_tell_and_mend_it() {
    let world = World::new("loopback");
    world.granted(7200);
    world.authority.take_back();
    for _ in 0..2 {
        let (well, said) = world.doctor();
        assert!(!well && said.contains("run: modori login a"), "{said}");
    }
    assert_eq!(world.authority.asked("refresh_token"), 1, "doctor asks in vain once");
    assert!(world.mail.server.logins().is_empty(), "nothing was shown to the mail server");
    let talk = Talk::login(&world, &[]);
    follow(&talk.page());
    let (code, said) = talk.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(world.doctor().0);
}

//! What happens to letters: a draft lies in Drafts once, a letter is sent at most once, and nothing that came of one is
//! forgotten, on a mailbox that has everything and on one that lacks and refuses.

use super::support::letters::{ORDER, World, draft, field, letter, send, simulated, start, wish};
use modori::demo::SHOPPER;
use modori::demo::{Fault, Gap};
use modori::edge::Advice;
use modori::edge::store::{State, Way};
use modori::facts::OrderNumber;
use modori::letter::Letter;
use modori::plan::gate::By;
use modori::plan::{Effect, Ticket, Wish, on_letter};
use std::time::Duration;

/// The draft lies there once, as it should.
async fn lies_once(world: &World, folder: &str) {
    world.live().await;
    assert_eq!(world.lie(folder, "x"), 1, "{:?}", world.rows().await);
    let all: usize = world.server.mailboxes().keys().map(|folder| world.lie(folder, "x")).sum();
    assert_eq!(all, 1);
    assert_eq!(world.row("draft:x").await.state, State::Done);
}

#[test]
fn a_draft_lies_where_the_server_means_drafts_to_lie() {
    simulated(async {
        let world = World::usual();
        world.server.create("Drafts", None); // the name alone means nothing here
        world.wished(vec![draft("x")]).await;
        lies_once(&world, "Entwürfe").await;
        let lying = world.server.mailboxes()["Entwürfe"][0].clone();
        let flags: Vec<&str> = lying.flags.iter().map(String::as_str).collect();
        assert_eq!(flags, ["\\Draft", "\\Seen"]);
        assert!((lying.received.as_second() - start().as_second()).abs() < 60, "{}", lying.received);
        assert_eq!(field(&lying.bytes, "In-Reply-To").unwrap(), "<cancel.1@shop.rakuten.co.jp>");
        assert_eq!(
            field(&lying.bytes, "References").unwrap(),
            "<order.1@shop.rakuten.co.jp> <cancel.1@shop.rakuten.co.jp>"
        );
        assert_eq!(field(&lying.bytes, "Auto-Submitted"), None);
        let order = OrderNumber::parse(ORDER).unwrap();
        let letters = world.store.call(move |db| db.letters(&order)).await.unwrap();
        let place = letters[0].place.clone().unwrap();
        assert_eq!((letters[0].way, place.mailbox.as_str(), place.uid), (Way::Draft, "Entwürfe", lying.uid));
        // again and again: nothing is made anew, not even when the shopper deletes it
        world.server.expunge("Entwürfe", lying.uid);
        world.wished(vec![draft("x")]).await;
        world.live_for(Duration::from_secs(3600)).await;
        assert_eq!(world.lie("Entwürfe", "x"), 0);
    });
}

#[test]
fn a_mailbox_without_a_drafts_folder_gets_one() {
    simulated(async {
        for (separator, prefix, existing, expect) in [
            ('/', "", None, "Drafts"),
            ('.', "INBOX.", None, "INBOX.Drafts"),
            ('.', "INBOX.", Some("INBOX.下書き"), "INBOX.下書き"),
            ('/', "", Some("下書き"), "下書き"),
        ] {
            for withdrawn in [&[][..], &["SPECIAL-USE"], &["UIDPLUS"], &["LITERAL+", "SPECIAL-USE", "UIDPLUS"]] {
                let world = World::new(separator, prefix);
                withdrawn.iter().for_each(|word| world.server.withdraw(word));
                existing.iter().for_each(|name| world.server.create(name, None));
                world.wished(vec![draft("x")]).await;
                lies_once(&world, expect).await;
            }
        }
    });
}

#[test]
fn a_server_that_misbehaves_gets_one_draft() {
    let all: Vec<(&str, &str, Vec<Fault>)> = vec![
        ("the answer is lost", "APPEND", vec![Fault::LoseAnswer]),
        ("the answer is lost twice", "APPEND", vec![Fault::LoseAnswer, Fault::LoseAnswer]),
        ("it is cut before", "APPEND", vec![Fault::Cut, Fault::Cut]),
        ("it says OK and does nothing", "APPEND", vec![Fault::OnlySayOk]),
        ("it is slow", "APPEND", vec![Fault::Delay(Duration::from_secs(40))]),
        ("it is too slow", "APPEND", vec![Fault::Delay(Duration::from_secs(400))]),
        ("it falls silent afterwards", "APPEND", vec![Fault::Mute]),
        ("the mailbox is full for a while", "APPEND", vec![Fault::Refuse("[OVERQUOTA] full".into()); 3]),
        ("the folder is gone", "APPEND", vec![Fault::Refuse("[TRYCREATE] no such mailbox".into())]),
        ("it is busy", "APPEND", vec![Fault::Refuse("[UNAVAILABLE] later".into()); 2]),
        ("it does not search", "SEARCH", vec![Fault::Refuse("no".into()); 9]),
        ("it calls a search bad", "SEARCH", vec![Fault::Bad("what?"); 9]),
        ("it says OK to a search, and nothing else", "SEARCH", vec![Fault::OnlySayOk; 9]),
        ("it does not list", "LIST", vec![Fault::Refuse("[UNAVAILABLE] later".into()); 2]),
        ("it says everything twice", "APPEND", vec![Fault::Double]),
        ("the look is cut", "SEARCH", vec![Fault::Cut, Fault::LoseAnswer]),
    ];
    for (what, command, faults) in all {
        for lost in [false, true] {
            simulated(async {
                println!("{what}, and the first answer is lost: {lost}");
                let world = World::usual();
                if lost && command != "APPEND" {
                    world.server.fault("APPEND", Fault::LoseAnswer);
                }
                faults.iter().for_each(|fault| world.server.fault(command, fault.clone()));
                world.wished(vec![draft("x")]).await;
                lies_once(&world, "Entwürfe").await;
                assert!(world.alerts().is_empty(), "{what}: {:?}", world.alerts());
            });
        }
    }
}

#[test]
fn a_folder_that_is_removed_at_that_moment_is_made_again() {
    simulated(async {
        let world = World::new('/', "");
        let server = world.server.clone();
        world.server.lie_in_wait("APPEND", Gap::Before, move || server.delete("Drafts"));
        world.wished(vec![draft("x")]).await;
        lies_once(&world, "Drafts").await;
    });
}

#[test]
fn a_draft_that_was_sent_or_deleted_meanwhile_is_not_made_again() {
    for (to, why) in [("Gesendet", "sent from there"), ("Papierkorb", "deleted there")] {
        simulated(async {
            let world = World::usual();
            let server = world.server.clone();
            world.server.fault("APPEND", Fault::LoseAnswer);
            world.server.lie_in_wait("APPEND", Gap::After, move || {
                server.relocate("Entwürfe", 1, to);
            });
            world.wished(vec![draft("x")]).await;
            world.live().await;
            world.live_for(Duration::from_secs(3600)).await;
            assert_eq!((world.lie("Entwürfe", "x"), world.lie(to, "x")), (0, 1));
            let row = world.row("draft:x").await;
            assert_eq!(row.state, State::Done);
            assert!(row.last_error.unwrap().contains(why));
        });
    }
}

#[test]
fn a_draft_that_no_server_takes_is_told_once() {
    simulated(async {
        let world = World::usual();
        world.server.fault_always("APPEND", Fault::Refuse("[TOOBIG] no".into()));
        world.wished(vec![draft("x")]).await;
        world.live().await;
        let row = world.row("draft:x").await;
        assert_eq!(row.state, State::Failed);
        assert!(row.last_error.unwrap().contains("larger than the server takes"));
        assert_eq!(
            world.alerts().into_iter().collect::<Vec<_>>(),
            [("letter:undrafted:modori.x@example.jp:1:phone".to_owned(), 1)]
        );
    });
}

#[test]
fn a_letter_that_fails_again_is_told_again() {
    simulated(async {
        let world = World::usual();
        world.server.fault_always("APPEND", Fault::Refuse("[TOOBIG] no".into()));
        for key in ["first", "second"] {
            let Wish { effect, .. } = draft("x");
            world.wished(vec![wish(key, effect)]).await;
            world.live().await;
        }
        let told: Vec<_> = world.alerts().into_iter().collect();
        assert!(
            told.len() == 2 && told.iter().all(|(key, times)| key.contains("undrafted") && *times == 1),
            "{told:?}"
        );
    });
}

#[test]
fn a_server_that_says_ok_and_hides_the_draft_is_not_asked_for_ever() {
    simulated(async {
        let world = World::usual();
        world.server.fault_always("APPEND", Fault::OnlySayOk);
        world.wished(vec![draft("x")]).await;
        world.live().await;
        let asked = world.server.commands().iter().filter(|command| command.starts_with("APPEND")).count();
        assert_eq!((world.row("draft:x").await.state, asked), (State::Failed, 3));
        assert_eq!(world.alerts().len(), 1);
    });
}

#[test]
fn a_search_that_finds_parts_of_ids_finds_no_letter() {
    simulated(async {
        let world = World::usual();
        // another draft whose Message-ID holds ours
        let other = "Message-ID: <0modori.x@example.jp.invalid>\r\nSubject: a\r\n\r\nb\r\n";
        world.server.deliver("Entwürfe", other.as_bytes(), start());
        world.wished(vec![draft("x")]).await;
        lies_once(&world, "Entwürfe").await;
        assert_eq!(world.server.mailboxes()["Entwürfe"].len(), 2);
    });
}

#[test]
fn a_letter_is_sent_once_and_its_copy_lies_among_what_was_sent() {
    simulated(async {
        let world = World::usual();
        world.wished(vec![send("x")]).await;
        world.live().await;
        world.live_for(Duration::from_secs(1200)).await;
        let taken = world.shop.taken.lock().unwrap().clone();
        assert_eq!(taken.len(), 1);
        assert_eq!(field(&taken[0], "Auto-Submitted").unwrap(), "auto-replied");
        let copies = world.server.mailboxes()["Gesendet"].clone();
        assert_eq!(copies.len(), 1);
        assert_eq!(copies[0].bytes.to_vec(), taken[0], "the copy is what was sent");
        assert_eq!(copies[0].flags.iter().map(String::as_str).collect::<Vec<_>>(), ["\\Seen"]);
        assert_eq!(world.lie("Entwürfe", "x"), 0);
        assert!(world.alerts().is_empty());
    });
}

#[test]
fn a_letter_that_she_had_sent_says_nothing_of_a_machine_and_nor_does_its_copy() {
    simulated(async {
        let world = World::usual();
        let ticket: Ticket =
            serde_json::from_str(r#"{ "message_id": "modori.x@example.jp", "by": "owner", "planted": true }"#).unwrap();
        world.wished(vec![wish("send:x", Effect::Send { letter: Box::new(letter("x")), ticket })]).await;
        world.live().await;
        let taken = world.shop.taken.lock().unwrap().clone();
        assert_eq!((taken.len(), field(&taken[0], "Auto-Submitted")), (1, None));
        assert_eq!(world.server.mailboxes()["Gesendet"][0].bytes.to_vec(), taken[0], "the copy is what was sent");
    });
}

#[test]
fn gmail_keeps_its_own_copies() {
    simulated(async {
        let world = World::usual();
        world.server.offer("X-GM-EXT-1");
        world.wished(vec![send("x")]).await;
        world.live().await;
        assert_eq!((world.shop.taken.lock().unwrap().len(), world.lie("Gesendet", "x")), (1, 0));
        let row = world.row("copy:modori.x@example.jp:1").await;
        assert_eq!((row.state, row.last_error.as_deref()), (State::Done, Some("the provider keeps a copy by itself")));
    });
}

/// The letter was not sent, lies in Drafts, and the shopper was told so once.
async fn became_a_draft(world: &World, state: State, why: &str) {
    world.live().await;
    world.live_for(Duration::from_secs(1200)).await;
    let row = world.row("send:x").await;
    assert_eq!(row.state, state);
    assert!(row.last_error.as_ref().unwrap().contains(why), "{:?}", row.last_error);
    assert_eq!((world.lie("Entwürfe", "x"), world.lie("Gesendet", "x")), (1, 0));
    assert!(world.shop.taken.lock().unwrap().is_empty());
    let draft = &world.server.mailboxes()["Entwürfe"][0];
    assert_eq!(field(&draft.bytes, "Auto-Submitted"), None, "she sends it");
    let told: Vec<_> = world.alerts().into_iter().collect();
    assert_eq!(told, [("letter:drafted:modori.x@example.jp:1:phone".to_owned(), 1)]);
}

#[test]
fn a_letter_that_is_refused_becomes_a_draft() {
    simulated(async {
        let world = World::usual();
        world.shop.answers.lock().unwrap().push_back(Advice::Never);
        world.wished(vec![send("x")]).await;
        became_a_draft(&world, State::Failed, "no such shop").await;
        assert_eq!(*world.shop.tried.lock().unwrap(), 1);
    });
}

#[test]
fn a_letter_that_nobody_takes_for_long_becomes_a_draft() {
    for (advice, tries) in [(Advice::Again(None), 8), (Advice::Ask, 3)] {
        simulated(async {
            let world = World::usual();
            world.shop.answers.lock().unwrap().extend([advice; 20]);
            world.wished(vec![send("x")]).await;
            became_a_draft(&world, State::Failed, "no such shop").await;
            assert_eq!(*world.shop.tried.lock().unwrap(), tries);
        });
    }
}

#[test]
fn a_letter_that_is_taken_later_is_sent_once() {
    simulated(async {
        let world = World::usual();
        world.shop.answers.lock().unwrap().extend([Advice::Again(None); 4]);
        world.wished(vec![send("x")]).await;
        world.live().await;
        assert_eq!((*world.shop.tried.lock().unwrap(), world.shop.taken.lock().unwrap().len()), (5, 1));
        assert_eq!((world.lie("Entwürfe", "x"), world.lie("Gesendet", "x")), (0, 1));
    });
}

#[test]
fn a_letter_whose_time_passed_becomes_a_draft() {
    simulated(async {
        let world = World::usual();
        let soon = start() + jiff::SignedDuration::from_secs(50);
        world.shop.answers.lock().unwrap().extend([Advice::Again(None); 20]);
        world.wished(vec![Wish { until: Some(soon), ..send("x") }]).await;
        became_a_draft(&world, State::Dropped, "its time passed").await;
        assert!(*world.shop.tried.lock().unwrap() <= 2);
    });
}

#[test]
fn a_letter_of_an_account_that_sends_none_becomes_a_draft() {
    simulated(async {
        let world = World { mute: true, ..World::usual() };
        world.wished(vec![send("x")]).await;
        became_a_draft(&world, State::Failed, "no mail server sends for this account").await;
    });
}

#[test]
fn letters_of_an_account_that_is_gone_end_and_are_told() {
    simulated(async {
        let world = World::usual();
        let gone = |name: &str| Box::new(Letter { account: "gone".to_owned(), ..letter(name) });
        world
            .wished(vec![
                wish("draft", Effect::Draft { letter: gone("d") }),
                wish("send", Effect::Send { letter: gone("s"), ticket: Ticket::planted("modori.s@example.jp") }),
                on_letter::sent(7, &gone("c"), start(), By::Owner),
            ])
            .await;
        world.live().await;
        for row in world.rows().await.iter().filter(|row| row.lane == "gone") {
            assert_eq!(row.state, State::Failed);
            assert!(row.last_error.as_ref().unwrap().contains("gone is no longer configured"), "{row:?}");
        }
        let told: Vec<String> = world.alerts().into_keys().collect();
        let expect = ["letter:undrafted:modori.d@example.jp:1:phone", "letter:undrafted:modori.s@example.jp:2:phone"];
        assert_eq!(told, expect);
        assert_eq!(*world.shop.tried.lock().unwrap(), 0);
    });
}

/// Lays a letter as the mailbox holds it of before the database was lost.
fn lies_already(world: &World, folder: &str) {
    let at = world.clock.now();
    let written = modori::edge::out::letter::write(&letter("x"), modori::edge::out::letter::By::Her, at).unwrap();
    world.server.deliver(folder, &written.bytes, at);
}

#[test]
fn with_an_older_database_nothing_is_sent_or_drafted_that_was_sent_before() {
    for wished in [send("x"), draft("x")] {
        simulated(async {
            let world = World::usual();
            lies_already(&world, "Gesendet");
            let key = wished.key.clone();
            world.wished(vec![wished.clone()]).await;
            world.live().await;
            let row = world.row(&key).await;
            assert_eq!((row.state, row.last_error.as_deref()), (State::Done, Some("it lies among what was sent")));
            assert_eq!((world.lie("Entwürfe", "x"), world.lie("Gesendet", "x")), (0, 1));
            assert_eq!(*world.shop.tried.lock().unwrap(), 0);
        });
    }
}

#[test]
fn a_letter_that_lies_in_drafts_is_not_sent_beside_it() {
    simulated(async {
        let world = World::usual();
        lies_already(&world, "Entwürfe");
        world.wished(vec![send("x")]).await;
        became_a_draft(&world, State::Dropped, "it lies in Drafts already").await;
        assert_eq!(*world.shop.tried.lock().unwrap(), 0);
    });
}

#[test]
fn a_letter_that_cannot_be_looked_for_waits() {
    simulated(async {
        let world = World::usual();
        for _ in 0..3 {
            world.server.fault("LIST", Fault::Refuse("[UNAVAILABLE] later".into()));
        }
        world.wished(vec![send("x")]).await;
        world.live_for(Duration::from_secs(5)).await;
        assert_eq!((world.row("send:x").await.state, *world.shop.tried.lock().unwrap()), (State::Ready, 0));
        world.live().await;
        assert_eq!((world.row("send:x").await.state, *world.shop.tried.lock().unwrap()), (State::Done, 1));
    });
}

#[test]
fn who_waits_for_letters_need_not_wait_for_a_mailbox_that_is_away() {
    simulated(async {
        let world = World::usual();
        world.server.set_down(true);
        world.wished(vec![draft("x"), send("y")]).await;
        let engine = world.engine();
        let working = tokio::time::timeout(Duration::from_secs(120), engine.hand.work_until_idle());
        working.await.expect("it waits for the mailbox").unwrap();
        assert_eq!((world.row("draft:x").await.state, world.row("send:y").await.state), (State::Ready, State::Ready));
        assert_eq!(*world.shop.tried.lock().unwrap(), 0);
        world.server.set_down(false);
        world.live().await;
        assert_eq!((world.lie("Entwürfe", "x"), world.lie("Gesendet", "y")), (1, 1));
        assert_eq!(*world.shop.tried.lock().unwrap(), 1);
    });
}

#[test]
fn a_permission_for_another_letter_is_none() {
    simulated(async {
        let world = World::usual();
        let ticket = Ticket::planted("modori.y@example.jp");
        world.wished(vec![wish("send:x", Effect::Send { letter: Box::new(letter("x")), ticket })]).await;
        world.live().await;
        assert_eq!((world.row("send:x").await.state, *world.shop.tried.lock().unwrap()), (State::Failed, 0));
        assert_eq!((world.lie("Entwürfe", "x"), world.lie("Gesendet", "x")), (0, 0));
    });
}

#[test]
fn a_letter_that_may_have_been_sent_is_never_sent_again_and_the_shopper_is_asked_once() {
    for sent in [true, false] {
        simulated(async {
            let world = World::usual();
            world.shop.answers.lock().unwrap().push_back(Advice::Unknown);
            world.wished(vec![send("x")]).await;
            world.live().await;
            for _ in 0..3 {
                world.live_for(Duration::from_secs(3600)).await;
            }
            assert_eq!((world.row("send:x").await.state, *world.shop.tried.lock().unwrap()), (State::Unknown, 1));
            assert_eq!((world.lie("Entwürfe", "x"), world.lie("Gesendet", "x")), (0, 0));
            let told: Vec<_> = world.alerts().into_iter().collect();
            assert_eq!(told, [("letter:unknown:modori.x@example.jp:1:phone".to_owned(), 1)]);
            // she says what is true, twice: the second time nothing is in doubt
            for _ in 0..2 {
                let now = world.clock.now();
                let unknown = world.store.call(|db| db.unknown_letters()).await.unwrap();
                for one in unknown {
                    let (state, wish) = match sent {
                        true => (State::Done, on_letter::sent(one.id, &one.letter, one.begun.unwrap(), one.by)),
                        false => (State::Dropped, on_letter::drafted(one.id, &one.letter, now)),
                    };
                    world
                        .store
                        .call(move |db| db.letter_ended(one.id, state, None, &[wish], false, now))
                        .await
                        .unwrap();
                }
                world.live().await;
            }
            let expect = if sent { (0, 1) } else { (1, 0) };
            if sent {
                let copy = world.server.mailboxes()["Gesendet"][0].bytes.to_vec();
                assert_eq!(copy, world.shop.taken.lock().unwrap()[0], "the copy is what was sent");
            }
            assert_eq!((world.lie("Entwürfe", "x"), world.lie("Gesendet", "x")), expect);
            assert_eq!(*world.shop.tried.lock().unwrap(), 1);
        });
    }
}

#[test]
fn an_answer_is_mail_a_bounce_ends_the_letters_and_a_machines_answer_is_a_sign() {
    simulated(async {
        let world = World::usual();
        world.wished(vec![send("x"), send("y"), draft("z")]).await;
        world.live().await;
        let mail = |from: &str, name: &str, header: &str, body: &str| {
            format!(
                "From: {from}\r\nTo: {SHOPPER}\r\nSubject: Re: ご注文キャンセルのお知らせ\r\nMessage-ID: <{name}@mx.example.jp>\r\n\
                 Date: Tue, 24 Nov 2026 09:10:00 +0900\r\nAuthentication-Results: mx.example.jp; dmarc=pass header.from=rakuten.co.jp\r\n\
                 {header}\r\n\r\n{body}"
            )
        };
        let person = mail(
            "modori-zakka@shop.rakuten.co.jp",
            "person",
            "In-Reply-To: <modori.x@example.jp>\r\nContent-Type: text/plain; charset=utf-8",
            "ご注文（399999-20261120-0123456789）はキャンセルとなりました。欠品のためです。ポイントは返還いたします。\r\n",
        );
        let machine = mail(
            "modori-zakka@shop.rakuten.co.jp",
            "machine",
            "References: <modori.x@example.jp>\r\nAuto-Submitted: auto-replied\r\nContent-Type: text/plain; charset=utf-8",
            "お問い合わせを受け付けました。\r\n",
        );
        let bounce = mail(
            "MAILER-DAEMON@mx.example.jp",
            "bounce",
            "Return-Path: <>\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b",
            "--b\r\n\r\nno such user\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\n--b\r\n\
             Content-Type: message/rfc822\r\n\r\nFrom: a@b\r\nMessage-ID: <modori.y@example.jp>\r\n\r\nx\r\n--b--\r\n",
        );
        for mail in [person, machine, bounce] {
            world.server.deliver("INBOX", mail.as_bytes(), world.clock.now());
        }
        world.live_for(Duration::from_secs(60)).await;
        let order = OrderNumber::parse(ORDER).unwrap();
        let signs = world.store.call(move |db| db.letter_signs(&order)).await.unwrap();
        let said: Vec<(&str, &str)> = signs.iter().map(|(id, sign)| (id.as_str(), sign.as_str())).collect();
        let expect = [("modori.x@example.jp", "auto-reply"), ("modori.y@example.jp", "bounced")];
        assert!(said.len() == 2 && expect.iter().all(|one| said.contains(one)), "{said:?}");
        let bounced = "letter:bounced:modori.y@example.jp:phone";
        assert_eq!(world.alerts().get(bounced), Some(&1));
        // the person's answer told the ledger something
        let events = world.store.call(|db| db.events()).await.unwrap();
        assert!(
            events.iter().any(|event| event.order.as_ref().is_some_and(|order| order.as_str() == ORDER)),
            "{events:?}"
        );
        let counts = world.store.call(|db| db.counts()).await.unwrap();
        // a machine's answer is mail, too; only the bounce is set aside
        assert_eq!(counts, [("cancellation".to_owned(), 2), ("other".to_owned(), 1)]);
        let today = world.clock.now();
        assert_eq!(world.store.call(move |db| db.letters_today(today)).await.unwrap(), 3);
    });
}

//! Rules and folders of an account alone, through the whole program.

use super::{World, at, pass, restock, simulated};
use modori::edge::store::State;
use modori::engine::Own;
use modori::plan::Effect;
use modori::rules::{Folders, Source};

const PC: (&str, &str) = ("pc", "hanako@example.jp");
const PHONE: (&str, &str) = ("phone", "hanako@mobile.example.jp");

/// Folders that the configuration gives, with nothing of interest around them.
fn folders(given: &[(&str, &str)]) -> Folders {
    let mut folders = Folders::of(Source::new("config.toml", ""));
    for (category, folder) in given {
        folders.give(((*category).to_owned(), 0..0), ((*folder).to_owned(), 0..0)).unwrap();
    }
    folders
}

/// The phone's mail goes to other folders, and its newsletters have a rule.
fn world() -> (World, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(at("2026-11-24 09:00"), &[PC, PHONE]);
    let text = "category = \"letters\"\nfolder = \"便り\"\n[[rule]]\nname = \"club\"\nsubject = \"友の会だより\"\n";
    let file = folder.path().join("phone.toml");
    std::fs::write(&file, text).unwrap();
    let own = Own {
        files: Some((folder.path().to_path_buf(), vec![Source::new(file.display().to_string(), text)])),
        folders: Some(folders(&[("restock", "買い物/再入荷"), ("quarantine", "怪しい")])),
    };
    world.rules = world.rules.clone().with_account("phone", own).unwrap();
    (world, folder)
}

fn club(n: u32) -> Vec<u8> {
    format!("From: <club@shop.example>\r\nSubject: 友の会だより\r\nMessage-ID: <club.{n}>\r\n\r\nx\r\n").into_bytes()
}

fn forged(address: &str) -> Vec<u8> {
    let host = address.rsplit_once('@').unwrap().1;
    let text = format!(
        "Authentication-Results: mx.{host}; dmarc=fail header.from=rakuten.co.jp\r\nFrom: <info@rakuten.co.jp>\r\n\
         To: <{address}>\r\nSubject: Restock\r\nMessage-ID: <forged.{address}>\r\n\r\n商品名：マグ\r\n"
    );
    text.into_bytes()
}

#[test]
fn each_account_files_by_its_own_rules_and_into_its_own_folders() {
    simulated(async {
        let (world, _folder) = world();
        for (n, (name, address)) in (1..).zip([PC, PHONE]) {
            let now = world.clock.now();
            for mail in [restock(address, n), club(n), forged(address)] {
                world.server(name).deliver("INBOX", &mail, now);
            }
        }
        world.while_running(pass(60)).await;
        let lie = |account, folder| world.lie(account, folder);
        assert_eq!(
            (lie("pc", "楽天/再入荷"), lie("pc", "便り"), lie("pc", "楽天/要確認"), lie("pc", "INBOX")),
            (1, 0, 1, 1)
        );
        assert_eq!(
            (lie("phone", "買い物/再入荷"), lie("phone", "便り"), lie("phone", "怪しい"), lie("phone", "INBOX")),
            (1, 1, 1, 0)
        );
        assert_eq!((lie("phone", "楽天/再入荷"), lie("phone", "楽天/要確認"), lie("pc", "買い物/再入荷")), (0, 0, 0));
        // a life later everything stays where it is
        world.while_running(pass(60)).await;
        assert_eq!((lie("phone", "買い物/再入荷"), lie("pc", "楽天/再入荷")), (1, 1));
    });
}

#[test]
fn corrections_are_looked_for_in_the_folders_of_the_account() {
    simulated(async {
        let (world, _folder) = world();
        world.server("phone").deliver("INBOX", &restock(PHONE.1, 1), world.clock.now());
        world.while_running(pass(60)).await;
        // she takes it for a letter of the club
        let uid = world.server("phone").mailboxes()["買い物/再入荷"][0].uid;
        world.server("phone").create("便り", None);
        world.server("phone").relocate("買い物/再入荷", uid, "便り").unwrap();
        let engine = world.engine();
        for mailbox in &engine.mailboxes {
            engine.look_for_corrections(mailbox).await.unwrap();
        }
        let found = world.store().call(|db| db.corrections()).await.unwrap();
        let told: Vec<_> =
            found.iter().map(|one| (one.to.account.as_str(), one.from.as_str(), one.to.mailbox.as_str())).collect();
        assert_eq!(told, [("phone", "買い物/再入荷", "便り")]);
        assert_eq!(engine.rules.of("phone").category_of("便り"), Some("letters"));
    });
}

/// One mail, byte for byte, in both accounts: it is one mail to the ledger and one alert, and each account's own to file.
#[test]
fn the_very_same_mail_in_two_accounts_is_filed_in_both_told_once_and_never_confused() {
    simulated(async {
        let (world, _folder) = world();
        let mail = restock(PC.1, 1);
        // of other numbers in the second: what is moved there is the right one
        for n in 1..4 {
            world.server("phone").deliver(
                "INBOX",
                &format!("Subject: {n}\r\n\r\nx\r\n").into_bytes(),
                world.clock.now(),
            );
        }
        world.server("pc").deliver("INBOX", &mail, world.clock.now());
        world
            .while_running(async {
                pass(30).await;
                world.server("phone").deliver("INBOX", &mail, world.clock.now());
                pass(30).await;
            })
            .await;
        assert_eq!((world.lie("pc", "楽天/再入荷"), world.lie("pc", "INBOX")), (1, 0));
        // judged with the word of its own provider alone, and by its own rules
        let phone = world.server("phone").mailboxes();
        let lies: Vec<(&String, usize)> =
            phone.iter().map(|(name, all)| (name, all.len())).filter(|(_, n)| *n > 0).collect();
        assert_eq!(lies, [(&"INBOX".to_owned(), 3), (&"買い物/再入荷".to_owned(), 1)]);
        assert_eq!(world.heard(at("2026-11-24 09:00")).len(), 1, "{:?}", world.heard(at("2026-11-24 09:00")));
        let rows = world.store().call(|db| db.outbox()).await.unwrap();
        let filings: Vec<(&str, State)> = rows
            .iter()
            .filter(|row| matches!(row.effect, Effect::File { .. }))
            .map(|row| (row.lane.as_str(), row.state))
            .collect();
        assert_eq!(filings, [("pc", State::Done), ("phone", State::Done)]);
        // undone in one, it stays where it is in the other
        let engine = world.engine();
        let actions = world.store().call(|db| db.history(None, 100)).await.unwrap();
        let of_phone: Vec<_> = actions
            .into_iter()
            .filter(|one| one.lane == "phone" && matches!(one.effect, Effect::File { .. }))
            .collect();
        engine.undo(&of_phone, true).await.unwrap();
        world.while_running(pass(60)).await;
        assert_eq!((world.lie("phone", "INBOX"), world.lie("phone", "買い物/再入荷")), (4, 0));
        assert_eq!((world.lie("pc", "INBOX"), world.lie("pc", "楽天/再入荷")), (0, 1));
    });
}

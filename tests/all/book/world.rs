//! A home of one's own in which the commands of the documentation are typed, as a reader would type them: the real program on
//! the path, the configuration at its usual place, a mailbox on the embedded server.

use crate::support::dovecot::{PASSWORD, USER};
use crate::support::embedded::Embedded;
use crate::support::run::{mail, until};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The order that examples speak of.
pub const ORDER: &str = "399999-20261120-0123456789";

pub struct World {
    folder: tempfile::TempDir,
    server: Option<Embedded>,
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Both, as a terminal shows them.
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

impl World {
    /// A home with folders for configuration and rules, and no configuration yet.
    pub fn without_server() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["bin", "rules", "mails", ".config/modori/rules"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_modori"), folder.path().join("bin/modori")).unwrap();
        symlink(super::page::root().join("fixtures"), folder.path().join("fixtures")).unwrap();
        Self { folder, server: None }
    }

    /// The same with a mailbox, one order in it that was cancelled, and the files that examples name.
    pub fn with_mailbox() -> Self {
        let server = Embedded::start();
        let mut world = Self::without_server();
        let order = ordered();
        let cancelled = cancelled();
        let restock = crate::support::run::restock("mz-0140");
        let forwarded = forwarded();
        for one in [&order, &cancelled, &restock, &forwarded] {
            server.deliver("INBOX", one);
        }
        world.secret("mail-password", PASSWORD);
        let [web] = crate::support::real::free_ports();
        world.write(
            ".config/modori/config.toml",
            &format!(
                "language = \"en\"\nrules = \"rules\"\n[[account]]\nname = \"home\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"plain\"\n\
                 user = \"{USER}\"\npassword = {{ file = \"mail-password\" }}\nauthserv_ids = [\"mx.example.jp\"]\n\
                 [filing]\nmode = \"move\"\n[alerts]\nchannels = [\"phone\"]\n[channel.phone]\nkind = \"command\"\nargv = [\"cat\"]\n\
                 [web]\nlisten = \"127.0.0.1:{web}\"\n",
                server.port
            ),
        );
        let restock = String::from_utf8(restock).unwrap();
        for name in ["mail.eml", "MAIL", "MAILS/restock/mail.eml", "moved/3f0c9a51d2e87b44.eml"] {
            world.write(name, &restock);
        }
        world.write(
            "old.mbox",
            &format!("From a@example.jp Tue Nov 24 10:00:00 2026\n{}", restock.replace("\r\n", "\n")),
        );
        world.server = Some(server);
        world
    }

    /// Lays a further mail into the mailbox.
    pub fn deliver(&self, mail: &[u8]) {
        self.server.as_ref().unwrap().deliver("INBOX", mail);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let file = self.path(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// A file beside the configuration that only its owner can read.
    pub fn secret(&self, name: &str, text: &str) {
        let file = self.path(".config/modori").join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::File::create(&file).unwrap().write_all(text.as_bytes()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn shell(&self, line: &str) -> Command {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap_or_default());
        // the bound is one that only a fault reaches
        let mut command = Command::new("timeout");
        command.args(["-k", "5", "120", "sh", "-c", line]).current_dir(self.folder.path());
        command.env("HOME", self.folder.path()).env("PATH", path).env("NO_COLOR", "1").stdin(Stdio::null());
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "MODORI_CONFIG", "MODORI_STATE", "MODORI_LOG"] {
            command.env_remove(name);
        }
        command
    }

    /// Types a line and waits for its end.
    pub fn run(&self, line: &str) -> Said {
        let output = self.shell(line).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Types a line that must succeed; what it printed.
    pub fn ok(&self, place: &str, line: &str) -> String {
        let said = self.run(line);
        assert_eq!(said.code, Some(0), "{place}: {line}\n{}", said.all());
        said.out
    }

    /// Types a line that goes on until it is stopped; waits until it says this, and stops it.
    pub fn starts(&self, place: &str, line: &str, says: &str) {
        let log = self.path("log");
        let file = std::fs::File::create(&log).unwrap();
        let mut child =
            self.shell(&format!("exec {line}")).stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let heard = || std::fs::read_to_string(&log).unwrap_or_default();
        until(&format!("{place}: {line} says `{says}`"), || {
            assert!(child.try_wait().unwrap().is_none(), "{place}: {line} ended: {}", heard());
            heard().contains(says)
        });
        // `timeout` hands the signal on
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        child.wait().unwrap();
    }
}

fn ordered() -> Vec<u8> {
    mail(
        "ordered",
        "order@rakuten.co.jp",
        "【楽天市場】注文内容ご確認（自動配信メール）",
        &format!(
            "見本 花子 様\nこの度は楽天市場内のショップ「モドリ雑貨店」をご利用いただきまして、誠にありがとうございます。\n\
             [受注番号] {ORDER}\n[日時] 2026-11-20 20:01:33\n[商品]\n帆布トート 大(mz-0001)\n\
             価格 1,980(円) x 1(個) = 1,980(円) (税込、送料無料)\nポイント利用 -500(円)\nhttps://item.rakuten.co.jp/modori-zakka/mz-0001/\n"
        ),
    )
}

/// A mailing list that sends a shop's mail on under the market's name: put into quarantine.
fn forwarded() -> Vec<u8> {
    let text = mail(
        "forwarded",
        "family@list.example",
        "ご注文キャンセルのお知らせ",
        "受注番号：399998-20261120-0123456789\n欠品のため、ご注文をキャンセルいたしました。ご利用ポイント500ポイントは返還されます。\n",
    );
    let text = String::from_utf8(text).unwrap();
    let text = text.replace("<family@list.example>", "楽天市場 <family@list.example>");
    text.replace("<forwarded@example.jp>", "<20261124.1@list.example>").into_bytes()
}

fn cancelled() -> Vec<u8> {
    crate::support::run::cancellation("cancelled", ORDER)
}

/// Writes a stand-in for every file that a configuration names: its secrets, and lists and templates.
pub fn stand_in_secrets(world: &World, table: &toml::Table) {
    fn of(value: &toml::Value, names: &mut Vec<(String, &str)>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    match (key.as_str(), value.as_str()) {
                        ("file", Some(name)) if table.len() == 1 => names.push((name.to_owned(), "stand-in")),
                        ("file", Some(name)) => names.push((name.to_owned(), "")),
                        ("template_file", Some(name)) => names.push((name.to_owned(), "{}")),
                        _ => of(value, names),
                    }
                }
            }
            toml::Value::Array(list) => list.iter().for_each(|value| of(value, names)),
            _ => {}
        }
    }
    let mut names = vec![("x".to_owned(), "stand-in")];
    table.values().for_each(|value| of(value, &mut names));
    for (name, text) in names {
        world.secret(&name, text);
    }
    for key in ["rules", "letters", "wording"] {
        if let Some(folder) = table.get(key).and_then(toml::Value::as_str) {
            std::fs::create_dir_all(world.path(".config/modori").join(folder)).unwrap();
        }
    }
}

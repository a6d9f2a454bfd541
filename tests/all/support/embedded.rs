//! modori's own embedded IMAP server on a real port of loopback, for the real program.

use super::dovecot::{PASSWORD, USER};
use super::run::Home;
use modori::demo::Server;

/// A running server; dropping it closes its port.
pub struct Embedded {
    pub server: Server,
    pub port: u16,
    _runtime: tokio::runtime::Runtime,
}

impl Embedded {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = Server::new(USER, PASSWORD);
        let (address, _) = runtime.block_on(server.listen("127.0.0.1:0".parse().unwrap())).unwrap();
        Self { server, port: address.port(), _runtime: runtime }
    }

    /// A home that watches it; `first` stands at the top of the configuration, `rest` at its end.
    pub fn home(&self, first: &str, rest: &str) -> Home {
        let account = format!("host = \"127.0.0.1\"\nport = {}\nsecurity = \"plain\"\nuser = \"{USER}\"", self.port);
        let home = Home::new(&account, rest);
        let text = std::fs::read_to_string(&home.config).unwrap();
        std::fs::write(&home.config, format!("{first}\n{text}")).unwrap();
        home
    }

    /// Lays a mail into a mailbox, received now.
    pub fn deliver(&self, mailbox: &str, mail: &[u8]) -> u32 {
        self.server.deliver(mailbox, mail, jiff::Timestamp::now())
    }

    /// Every folder in which a mail of this name (`<NAME@example.jp>`) lies.
    pub fn lies_in(&self, name: &str) -> Vec<String> {
        let id = format!("<{name}@example.jp>");
        let holds = |bytes: &[u8]| bytes.windows(id.len()).any(|window| window == id.as_bytes());
        let mailboxes = self.server.mailboxes();
        let in_one = |messages: &[modori::demo::Stored]| messages.iter().filter(|one| holds(&one.bytes)).count();
        mailboxes.iter().flat_map(|(folder, all)| std::iter::repeat_n(folder.clone(), in_one(all))).collect()
    }
}

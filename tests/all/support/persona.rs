//! The embedded server dressed as each provider: what its server says before and after the login, which names and
//! passwords it lets in, how it refuses, what its folders are called. Taken from the sources that `providers/*.toml`
//! name; where nothing is known, a plain server of that kind is supposed.

use super::run::Home;
use modori::demo::{Admission, CAPABILITIES, Mechanism, Server};
use modori::edge::clock::Clock;
use std::net::{SocketAddr, TcpStream};

/// What is known of one provider's server.
pub struct Persona {
    /// The file it belongs to.
    pub provider: &'static str,
    /// What it rests on, in a word for the page.
    pub known: &'static str,
    /// Text of its greeting.
    pub greeting: &'static str,
    /// The greeting tells capabilities, and the answer to the login does.
    pub tells: (bool, bool),
    /// Capabilities before the login.
    pub before: &'static [&'static str],
    /// Capabilities after it.
    pub after: &'static [&'static str],
    pub separator: char,
    pub prefix: &'static str,
    /// Folders beside INBOX, with what they are marked as. Where folders are labels the server has its own.
    pub folders: &'static [(&'static str, Option<&'static str>)],
    /// The login name that it knows.
    pub user: &'static str,
    /// What it lets in is a token.
    pub by_token: bool,
    /// How it refuses another password.
    pub refusal: &'static str,
    /// How it refuses one connection too many.
    pub full: &'static str,
    /// What doctor says of the way new mail is told, of filing, and of special folders.
    pub new_mail: &'static str,
    pub filing: &'static str,
    pub special: &'static str,
}

/// What every persona takes: an app password, a password, a token, whatever it is for it.
pub const RIGHT: &str = "right-one";

const IDLE: &str = "told by IDLE";
const MOVE: &str = "by MOVE";
const COPY: &str = "by COPY and UID EXPUNGE";

pub const ALL: &[Persona] = &[
    // https://github.com/mscdex/node-imap/issues/665, https://github.com/MailCore/mailcore2/issues/975
    Persona {
        provider: "gmail",
        known: "sourced",
        greeting: "Gimap ready for requests from 127.0.0.1 k2if6111336rvb.0",
        tells: (false, false),
        before: &[
            "UNSELECT", "IDLE", "NAMESPACE", "QUOTA", "ID", "XLIST", "CHILDREN", "X-GM-EXT-1", "XYZZY", "SASL-IR",
            "AUTH=XOAUTH2", "AUTH=PLAIN", "AUTH=PLAIN-CLIENTTOKEN", "AUTH=OAUTHBEARER",
        ],
        after: &[
            "UNSELECT", "IDLE", "NAMESPACE", "QUOTA", "ID", "XLIST", "CHILDREN", "X-GM-EXT-1", "UIDPLUS", "ENABLE",
            "MOVE", "CONDSTORE", "ESEARCH", "LIST-EXTENDED", "LIST-STATUS", "LITERAL-", "SPECIAL-USE",
            "APPENDLIMIT=35651584",
        ],
        separator: '/',
        prefix: "",
        folders: &[],
        user: "hanako@gmail.com",
        by_token: false,
        refusal: "[ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
        full: "[ALERT] Too many simultaneous connections. (Failure)",
        new_mail: IDLE,
        filing: MOVE,
        special: "Drafts is [Gmail]/下書き, Sent is [Gmail]/送信済みメール, Junk is [Gmail]/迷惑メール, All is [Gmail]/すべてのメール",
    },
    // https://github.com/home-assistant/core/issues/122468, https://github.com/mscdex/node-imap/issues/689
    Persona {
        provider: "outlook",
        known: "sourced",
        greeting: "The Microsoft Exchange IMAP4 service is ready. [QgBMADEA]",
        tells: (false, false),
        before: &[
            "IMAP4", "AUTH=PLAIN", "AUTH=XOAUTH2", "SASL-IR", "UIDPLUS", "ID", "UNSELECT", "CHILDREN", "IDLE",
            "NAMESPACE", "LITERAL+",
        ],
        after: &[
            "IMAP4", "AUTH=PLAIN", "AUTH=XOAUTH2", "SASL-IR", "UIDPLUS", "MOVE", "ID", "UNSELECT", "CLIENTACCESSRULES",
            "CLIENTNETWORKPRESENCELOCATION", "BACKENDAUTHENTICATE", "CHILDREN", "IDLE", "NAMESPACE", "LITERAL+",
        ],
        separator: '/',
        prefix: "",
        folders: &[("下書き", None), ("送信済みアイテム", None), ("迷惑メール", None), ("削除済みアイテム", None)],
        user: "hanako@outlook.jp",
        by_token: true,
        refusal: "Basic authentication is disabled.",
        full: "Too many connections: User is authenticated but not connected.",
        new_mail: IDLE,
        filing: MOVE,
        special: "",
    },
    // https://github.com/nextcloud/mail/issues/3401
    Persona {
        provider: "icloud",
        known: "sourced",
        greeting: "(2109B29-d3afe4d5aba6) pv33p00im-iscream021.me.com",
        tells: (true, false),
        before: &["XAPPLEPUSHSERVICE", "IMAP4", "SASL-IR", "AUTH=ATOKEN", "AUTH=PLAIN"],
        after: &[
            "XAPPLEPUSHSERVICE", "IMAP4", "CONDSTORE", "ENABLE", "QRESYNC", "QUOTA", "NAMESPACE", "UIDPLUS",
            "CHILDREN", "BINARY", "UNSELECT", "SORT", "CATENATE", "URLAUTH", "LANGUAGE", "ESEARCH", "ESORT",
            "THREAD=REFERENCES", "CONTEXT=SEARCH", "WITHIN", "SASL-IR", "SEARCHRES", "METADATA", "ID", "IDLE",
            "LIST-STATUS",
        ],
        separator: '/',
        prefix: "",
        folders: &[
            ("Archive", None),
            ("Deleted Messages", None),
            ("Drafts", None),
            ("Junk", None),
            ("Sent Messages", None),
        ],
        user: "hanako",
        by_token: false,
        refusal: "[AUTHENTICATIONFAILED] Authentication failed",
        full: "[LIMIT] Too many connections",
        new_mail: IDLE,
        filing: COPY,
        special: "",
    },
    // nothing of its server could be read; Yahoo! Mail elsewhere: https://github.com/jstedfast/MailKit/issues/358
    Persona {
        provider: "yahoo-japan",
        known: "supposed",
        greeting: "IMAP4rev1 imapgate",
        tells: (true, false),
        before: &["ID", "NAMESPACE", "UIDPLUS", "LITERAL+", "CHILDREN", "AUTH=PLAIN", "AUTH=LOGIN"],
        after: &["ID", "NAMESPACE", "UIDPLUS", "LITERAL+", "MOVE"],
        separator: '/',
        prefix: "",
        folders: &[("Draft", None), ("Sent", None), ("Bulk Mail", None), ("Trash", None)],
        user: "hanako",
        by_token: false,
        refusal: "[AUTHENTICATIONFAILED] LOGIN Invalid credentials",
        full: "[LIMIT] Too many connections",
        new_mail: "asked for every 30 s",
        filing: MOVE,
        special: "",
    },
    // LOGIN or AUTHENTICATE LOGIN: https://qiita.com/garupon/items/4e7c26607d70cdd55333
    Persona {
        provider: "docomo",
        known: "partly sourced",
        greeting: "IMAP4rev1 server ready",
        tells: (false, false),
        before: &["AUTH=LOGIN", "ID"],
        after: &["AUTH=LOGIN", "ID", "IDLE", "UIDPLUS", "NAMESPACE"],
        separator: '/',
        prefix: "",
        folders: &[("Drafts", None), ("Sent", None), ("Trash", None)],
        user: "hanako-d",
        by_token: false,
        refusal: "LOGIN failed",
        full: "Too many connections",
        new_mail: IDLE,
        filing: COPY,
        special: "",
    },
    // nothing of its server could be read: as little as a server can offer
    Persona {
        provider: "au",
        known: "supposed",
        greeting: "Au_mail IMAP4rev1",
        tells: (false, false),
        before: &[],
        after: &["UIDPLUS"],
        separator: '/',
        prefix: "",
        folders: &[("Sent Mail", None), ("Trash", None)],
        user: "x1abcdef",
        by_token: false,
        refusal: "LOGIN failed",
        full: "Too many connections",
        new_mail: "asked for every 30 s",
        filing: COPY,
        special: "",
    },
    Persona {
        provider: "softbank",
        known: "supposed",
        greeting: "IMAP4rev1 server ready",
        tells: (false, false),
        before: &[],
        after: &["IDLE"],
        separator: '/',
        prefix: "",
        folders: &[("Sent Messages", None), ("Trash", None)],
        user: "hanako@i.softbank.jp",
        by_token: false,
        refusal: "LOGIN failed",
        full: "Too many connections",
        new_mail: IDLE,
        filing: "by COPY and a \\Deleted flag",
        special: "",
    },
    // nothing of its own server could be read; Cyrus: https://github.com/cyrusimap/cyrus-imapd/issues/2822
    Persona {
        provider: "fastmail",
        known: "supposed: Cyrus's",
        greeting: "IMAP4 ready",
        tells: (true, true),
        before: &["LITERAL+", "ID", "ENABLE", "AUTH=PLAIN", "SASL-IR"],
        after: &[
            "LITERAL+", "ID", "ENABLE", "ACL", "QUOTA", "NAMESPACE", "UIDPLUS", "CHILDREN", "UNSELECT", "CONDSTORE",
            "LIST-EXTENDED", "LIST-STATUS", "QRESYNC", "MOVE", "SPECIAL-USE", "STATUS=SIZE", "OBJECTID", "IDLE",
        ],
        separator: '/',
        prefix: "",
        folders: &[
            ("Archive", Some("\\Archive")),
            ("Drafts", Some("\\Drafts")),
            ("Sent", Some("\\Sent")),
            ("Spam", Some("\\Junk")),
            ("Trash", Some("\\Trash")),
        ],
        user: "hanako@fastmail.com",
        by_token: false,
        refusal: "[AUTHENTICATIONFAILED] Incorrect username, password or access token",
        full: "[LIMIT] Too many connections",
        new_mail: IDLE,
        filing: MOVE,
        special: "Drafts is Drafts, Sent is Sent, Junk is Spam",
    },
    Persona {
        provider: "dovecot",
        known: "the real one, too",
        greeting: "Dovecot (Debian) ready.",
        tells: (true, true),
        before: &["SASL-IR", "LOGIN-REFERRALS", "ID", "ENABLE", "IDLE", "LITERAL+", "AUTH=PLAIN"],
        after: &[
            "SASL-IR", "LOGIN-REFERRALS", "ID", "ENABLE", "IDLE", "SORT", "THREAD=REFERENCES", "MULTIAPPEND",
            "UNSELECT", "CHILDREN", "NAMESPACE", "UIDPLUS", "LIST-EXTENDED", "CONDSTORE", "QRESYNC", "ESEARCH",
            "LIST-STATUS", "BINARY", "MOVE", "SPECIAL-USE", "LITERAL+", "NOTIFY",
        ],
        separator: '.',
        prefix: "INBOX.",
        folders: &[("INBOX.Drafts", Some("\\Drafts")), ("INBOX.Sent", Some("\\Sent"))],
        user: "hanako@example.jp",
        by_token: false,
        refusal: "[AUTHENTICATIONFAILED] Authentication failed.",
        full: "[UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
        new_mail: "told by NOTIFY",
        filing: MOVE,
        special: "Drafts is Drafts, Sent is Sent",
    },
    Persona {
        provider: "cyrus",
        known: "the real one, too",
        greeting: "mail.example.jp Cyrus IMAP 3.6.1-Debian-3.6.1-4 server ready",
        tells: (true, true),
        before: &["LITERAL+", "ID", "ENABLE", "AUTH=PLAIN", "SASL-IR"],
        after: &[
            "LITERAL+", "ID", "ENABLE", "ACL", "QUOTA", "NAMESPACE", "UIDPLUS", "CHILDREN", "UNSELECT",
            "LIST-EXTENDED", "LIST-STATUS", "QRESYNC", "MOVE", "SPECIAL-USE", "IDLE",
        ],
        separator: '.',
        prefix: "INBOX.",
        folders: &[("INBOX.Drafts", Some("\\Drafts"))],
        user: "hanako",
        by_token: false,
        refusal: "authentication failure",
        full: "[LIMIT] Too many open connections",
        new_mail: IDLE,
        filing: MOVE,
        special: "Drafts is Drafts",
    },
    Persona {
        provider: "courier",
        known: "the real one, too",
        greeting: "Courier-IMAP ready. Copyright 1998-2021 Double Precision, Inc.",
        tells: (true, false),
        before: &["UIDPLUS", "CHILDREN", "NAMESPACE", "THREAD=REFERENCES", "SORT", "QUOTA", "IDLE", "AUTH=PLAIN"],
        after: &["UIDPLUS", "CHILDREN", "NAMESPACE", "THREAD=REFERENCES", "SORT", "QUOTA", "IDLE", "AUTH=PLAIN"],
        separator: '.',
        prefix: "INBOX.",
        folders: &[("INBOX.Drafts", None), ("INBOX.Sent", None), ("INBOX.Trash", None)],
        user: "hanako",
        by_token: false,
        refusal: "Login failed.",
        full: "Too many connections from one address.",
        new_mail: IDLE,
        filing: COPY,
        special: "",
    },
];

/// A persona's server on a port of loopback; dropping it closes the port.
pub struct Dressed {
    pub server: Server,
    address: SocketAddr,
    persona: &'static Persona,
    _runtime: tokio::runtime::Runtime,
}

impl Persona {
    /// Starts its server, which takes `most` connections at a time.
    pub fn start(&'static self, most: u64) -> Dressed {
        let labels = self.after.contains(&"X-GM-EXT-1");
        let server = match labels {
            true => Server::gmail(self.user, "nobody's", Clock::system(), true),
            false => Server::with(self.user, "nobody's", Clock::system(), self.separator, self.prefix),
        };
        for usual in CAPABILITIES {
            server.withdraw(usual);
        }
        for capability in std::iter::once(&"IMAP4rev1").chain(self.after) {
            server.offer(capability);
        }
        server.dress(self.greeting, self.tells, self.before);
        for (folder, mark) in self.folders.iter().filter(|_| !labels) {
            server.create(folder, *mark);
        }
        let counted = server.clone();
        server.admit(move |offer| {
            let kind = offer.mechanism.is_token() == self.by_token;
            if counted.connections().1 > most {
                return Admission::no(self.full);
            }
            match kind && offer.user == self.user && offer.secret == RIGHT {
                true => Admission::In,
                false => Admission::refused(offer.mechanism, self.refusal),
            }
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (address, _) = runtime.block_on(server.listen("127.0.0.1:0".parse().unwrap())).unwrap();
        Dressed { server, address, persona: self, _runtime: runtime }
    }

    /// The mechanisms that are not passwords.
    pub fn takes_tokens(&self) -> bool {
        self.before.iter().any(|word| matches!(*word, "AUTH=XOAUTH2" | "AUTH=OAUTHBEARER"))
    }
}

impl Dressed {
    /// A home with one account of this provider; `secret` is what its login shows, `rest` follows.
    pub fn home(&self, user: &str, secret: &str, token: bool, rest: &str) -> Home {
        let key = if token { "access_token" } else { "password" };
        let home = Home::new("", "");
        std::fs::write(home.path().join("password"), secret).unwrap();
        let text = format!(
            "state = \"state\"\nrules = \"rules\"\n[[account]]\nname = \"a\"\nprovider = \"{}\"\nhost = \"127.0.0.1\"\nport = {}\n\
             security = \"plain\"\nuser = \"{user}\"\n{key} = {{ file = \"password\" }}\n{rest}",
            self.persona.provider,
            self.address.port(),
        );
        std::fs::create_dir(home.path().join("rules")).unwrap();
        std::fs::write(&home.config, text).unwrap();
        home
    }

    /// Another program of the shopper's, which holds a connection.
    pub fn other(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// How often somebody tried to log in, by this mechanism.
    pub fn tried(&self, mechanism: Mechanism) -> usize {
        self.server.logins().iter().filter(|login| login.offered.mechanism == mechanism).count()
    }
}

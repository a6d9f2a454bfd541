//! A real Courier IMAP on loopback in a temporary directory, as root (the mailbox is nobody's) or as an ordinary user.
//!
//! Its daemons are Courier's own: couriertcpd, imaplogin, authdaemond with userdb, imapd. Their places in /etc and /run,
//! which are compiled in, are looked for in the temporary directory (`shim.c`).

use super::certs::Certs;
use super::dovecot::{PASSWORD, USER};
use super::oracle::Oracle;
use super::real::{self, Group, Owner, Real};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A running server. [`USER`] logs in with [`PASSWORD`]; dropping it kills all of its processes.
pub struct Courier {
    dir: Option<tempfile::TempDir>,
    path: PathBuf,
    root: PathBuf,
    owner: Owner,
    group: Group,
    imap: u16,
    /// Whether IDLE is told of new mail at once (FAM), or looks for it every second; Debian's default is to look, once
    /// a minute.
    enhanced_idle: bool,
    /// Batches so far.
    delivered: AtomicU32,
    /// What a client must trust, as a PEM file.
    pub ca_file: PathBuf,
}

/// Seconds after which IDLE without FAM looks again.
const IDLE_LOOKS_EVERY: &str = "1";

impl Courier {
    /// Starts it, or says that it is missing.
    pub fn start(enhanced_idle: bool) -> Option<Self> {
        let Some(root) = real::root_of("courier", "usr/lib/courier/courier/imaplogin") else {
            real::missing("courier", "Courier (courier-imap, courier-authlib-userdb)");
            return None;
        };
        for _ in 0..5 {
            let mut server = Self::prepare(root.clone(), enhanced_idle);
            if server.run() {
                return Some(server);
            }
            // a port may have been taken; what runs and does not answer will not get better
            assert!(server.group.any_ended(), "it runs but does not answer:\n{}", server.log());
            eprintln!("{}", server.log());
        }
        panic!("Courier did not start; see its log above");
    }

    fn prepare(root: PathBuf, enhanced_idle: bool) -> Self {
        let (dir, path) = real::folder("modori-courier");
        let owner = Owner::of(&path);
        for name in ["mail", "mail/Maildir", "mail/Maildir/cur", "mail/Maildir/new", "mail/Maildir/tmp"] {
            owner.folder(&path.join(name));
        }
        std::fs::create_dir_all(path.join("etc/courier")).unwrap();
        std::fs::create_dir_all(path.join("run/courier/authdaemon")).unwrap();
        // Courier locks a Maildir by watching it, and waits a second each time where gamin is missing
        std::fs::create_dir_all(path.join("usr/libexec")).unwrap();
        std::os::unix::fs::symlink(root.join("usr/libexec/gam_server"), path.join("usr/libexec/gam_server")).unwrap();
        let rc = "authmodulelist=\"authuserdb\"\nauthmodulelistorig=\"authuserdb\"\ndaemons=1\n\
                  authdaemonvar=/run/courier/authdaemon\nDEBUG_LOGIN=0\nDEFAULTOPTIONS=\"\"\n";
        std::fs::write(path.join("etc/courier/authdaemonrc"), rc).unwrap();
        let certs = Certs::new();
        std::fs::write(path.join("ca.pem"), &certs.ca).unwrap();
        std::fs::write(path.join("server.pem"), format!("{}{}", certs.key, certs.certificate)).unwrap();
        owner.own(&path.join("server.pem"));
        real::shim(&path);
        let [imap] = real::free_ports();
        let ca_file = path.join("ca.pem");
        let server = Self {
            dir: Some(dir),
            path,
            root,
            owner,
            group: Group::default(),
            imap,
            enhanced_idle,
            delivered: AtomicU32::new(0),
            ca_file,
        };
        let at = server.path.display();
        let Owner { uid, gid, .. } = server.owner;
        server.database("userdb.dat", &format!("{USER}\thome={at}/mail|uid={uid}|gid={gid}|_=\n"));
        server.database("userdbshadow.dat", &format!("{USER}\timappw={}\n", crypt(PASSWORD)));
        server
    }

    /// Makes one of Courier's database files with its own program.
    fn database(&self, name: &str, lines: &str) {
        let mut program = self.command("usr/lib/courier/courier-authlib/makedatprog");
        let to = self.path.join("etc/courier").join(name);
        let mut child = program.arg("-").arg(self.path.join("new.dat")).arg(to).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{lines}.\n").as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.root.join(program));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("MODORI_TEST_ROOT", &self.path)
            .env("MODORI_TEST_LOG", self.path.join("log"))
            .env("LD_PRELOAD", self.path.join("shim.so"))
            // a gam_server of our own; it ends by itself when nobody asks it any more
            .env("GAM_CLIENT_ID", self.path.file_name().unwrap())
            .current_dir(&self.path);
        if self.root != Path::new("/") {
            command.env("LD_LIBRARY_PATH", real::libraries(&self.root));
        }
        command
    }

    fn run(&mut self) -> bool {
        let log = self.path.join("log");
        let mut auth = self.command("usr/lib/courier/courier-authlib/authdaemond");
        let socket = self.path.join("run/courier/authdaemon/socket");
        let _ = std::fs::remove_file(&socket);
        self.group.start(&mut auth, &log);
        // a login that finds nobody to ask fails, and a failed login takes Courier five seconds
        if !self.group.wait_until(|| std::os::unix::net::UnixStream::connect(&socket).is_ok()) {
            return false;
        }
        // what /etc/courier/imapd says on Debian 12, but for the wait in IDLE and the certificate
        let capability = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE";
        let mut imap = self.command("usr/sbin/couriertcpd");
        imap.args(["-address=127.0.0.1", "-maxprocs=200", "-maxperip=200", "-nodnslookup", "-noidentlookup"])
            .arg(self.imap.to_string())
            .arg(self.root.join("usr/lib/courier/courier/imaplogin"))
            .arg(self.root.join("usr/bin/imapd"))
            .arg("Maildir")
            .envs([("IMAP_CAPABILITY", capability), ("IMAP_CAPABILITY_TLS", capability), ("AUTHSERVICE", "imap")])
            .envs([("IMAP_KEYWORDS", "1"), ("IMAP_ACL", "1"), ("IMAP_USELOCKS", "1")])
            .env("IMAP_ENHANCEDIDLE", if self.enhanced_idle { "1" } else { "0" })
            .envs([("IMAP_MAILBOX_SANITY_CHECK", "1"), ("IMAP_CHECK_ALL_FOLDERS", "0"), ("IMAP_OBSOLETE_CLIENT", "0")])
            .envs([("IMAP_TRASHFOLDERNAME", "Trash"), ("IMAP_EMPTYTRASH", "Trash:7"), ("IMAP_TLS_REQUIRED", "0")])
            .envs([("IMAP_MOVE_EXPUNGE_TO_TRASH", "0"), ("IMAP_IDLE_TIMEOUT", IDLE_LOOKS_EVERY)])
            .envs([("HEADERFROM", "X-IMAP-Sender"), ("IMAP_STARTTLS", "YES"), ("TLS_STARTTLS_PROTOCOL", "TLSv1.2+")])
            .env("COURIERTLS", self.root.join("usr/bin/couriertls"))
            .env("TLS_CERTFILE", self.path.join("server.pem"));
        self.group.start(&mut imap, &log);
        let port = self.imap;
        self.group.wait_until(|| Oracle::login(port, USER, PASSWORD).is_ok())
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path.join("log")).unwrap_or_default()
    }
}

impl Real for Courier {
    fn name(&self) -> String {
        format!("Courier, IDLE {}", if self.enhanced_idle { "with FAM" } else { "that looks every second" })
    }

    fn imap(&self) -> u16 {
        self.imap
    }

    /// Courier has no LMTP of its own for a Maildir: mail is written to `tmp` and renamed into `new`, as every delivery
    /// agent does it.
    fn deliver_all(&self, mails: &[&[u8]]) {
        let maildir = self.path.join("mail/Maildir");
        // Courier numbers by name what it finds at once: in a batch that is the order of delivery, but what comes later
        // sorts before what is there, as it may with the names of real delivery agents within one second
        let batch = 999_999 - self.delivered.fetch_add(1, Ordering::SeqCst);
        for (number, mail) in mails.iter().enumerate() {
            let name = format!("1795600000.M{batch:06}P{}Q{number:06}.modori", std::process::id());
            let tmp = maildir.join("tmp").join(&name);
            // in a Maildir lines end as the system ends them
            let bytes: Vec<u8> = mail.iter().copied().filter(|byte| *byte != b'\r').collect();
            std::fs::write(&tmp, bytes).unwrap();
            self.owner.own(&tmp);
            std::fs::rename(tmp, maildir.join("new").join(name)).unwrap();
        }
    }

    fn written(&self, folder: &str) -> String {
        if folder == "INBOX" { folder.to_owned() } else { format!("INBOX.{}", folder.replace('/', ".")) }
    }

    fn kill(&mut self) {
        self.group.kill();
    }

    fn start_again(&mut self) {
        assert!(self.run(), "Courier did not start again:\n{}", self.log());
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.group.kill();
        if std::thread::panicking()
            && let Some(dir) = self.dir.take()
        {
            eprintln!("the server's log and mail are kept in {}", dir.keep().display());
        }
    }
}

/// The password as userdb keeps it.
fn crypt(password: &str) -> String {
    // {SHA}: one of the hashes that Courier checks by itself, without the system's crypt
    use base64::Engine as _;
    let digest = sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(password));
    format!("{{SHA256}}{}", base64::engine::general_purpose::STANDARD.encode(digest))
}

#[test]
fn courier_delivers_restarts_and_shows_what_it_holds() {
    let Some(mut server) = Courier::start(false) else { return };
    let mail = |n: u32| format!("Message-ID: <{n}@example.test>\r\nSubject: {n}\r\n\r\n.dot\r\n").into_bytes();
    server.deliver_all(&[&mail(1), &mail(2)]);
    let before = server.mailboxes();
    assert_eq!(
        before["INBOX"].iter().map(|one| one.message_id.as_str()).collect::<Vec<_>>(),
        ["1@example.test", "2@example.test"]
    );
    server.restart();
    server.deliver(&mail(3));
    assert_eq!(server.mailboxes()["INBOX"].len(), 3);
}

//! A real Cyrus IMAP on loopback in a temporary directory, as root (its processes are nobody's) or as an ordinary user.

use super::dovecot::{Lmtp, PASSWORD, USER};
use super::oracle::Oracle;
use super::real::{self, Group, Owner, Real};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How the server is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    /// `/` between the levels of a name instead of `.`.
    pub unix_hierarchy: bool,
    /// Folders beside INBOX instead of below it.
    pub alt_namespace: bool,
}

/// A running server. [`USER`] logs in with [`PASSWORD`]; dropping it kills all of its processes.
pub struct Cyrus {
    dir: Option<tempfile::TempDir>,
    path: PathBuf,
    root: PathBuf,
    setup: Setup,
    group: Group,
    imap: u16,
    lmtp: u16,
}

impl Cyrus {
    /// Starts it, or says that it is missing.
    pub fn start(setup: Setup) -> Option<Self> {
        let Some(root) = real::root_of("cyrus", "usr/lib/cyrus/bin/imapd") else {
            real::missing("cyrus", "Cyrus (cyrus-imapd)");
            return None;
        };
        // a free port may be taken between looking and starting: look again
        for _ in 0..5 {
            let mut server = Self::prepare(setup, root.clone());
            if server.run() {
                return Some(server);
            }
            // a port may have been taken; what runs and does not answer will not get better
            assert!(server.group.any_ended(), "it runs but does not answer:\n{}", server.log());
            eprintln!("{}", server.log());
        }
        panic!("Cyrus did not start; see its log above");
    }

    fn prepare(setup: Setup, root: PathBuf) -> Self {
        let (dir, path) = real::folder("modori-cyrus");
        let owner = Owner::of(&path);
        for name in ["conf", "conf/db", "conf/socket", "conf/proc", "conf/lock", "conf/log", "conf/msg", "spool"] {
            owner.folder(&path.join(name));
        }
        let [imap, lmtp] = real::free_ports();
        let (at, bin) = (path.display(), root.join("usr/lib/cyrus/bin"));
        let yes = |is: bool| if is { "yes" } else { "no" };
        let imapd = format!(
            "configdirectory: {at}/conf\ndefaultpartition: default\npartition-default: {at}/spool\n\
             cyrus_user: {}\ncyrus_group: {}\nadmins: cyrus\naltnamespace: {}\nunixhierarchysep: {}\nvirtdomains: off\n\
             autocreate_quota: 0\nautocreate_post: yes\nlmtp_downcase_rcpt: yes\nduplicatesuppression: no\n\
             allowplaintext: yes\nsasl_pwcheck_method: saslauthd\nsasl_saslauthd_path: {at}/mux\n\
             sasl_mech_list: PLAIN LOGIN\nidlesocket: {at}/conf/socket/idle\nsearch_engine: none\nsyslog_prefix: modori\n\
             maxlogins_per_user: 0\nmaxlogins_per_host: 0\n",
            owner.user,
            owner.group,
            yes(setup.alt_namespace),
            yes(setup.unix_hierarchy),
        );
        std::fs::write(path.join("imapd.conf"), imapd).unwrap();
        let with = |program: &str| format!("cmd=\"{} -C {at}/imapd.conf", bin.join(program).display());
        let master = format!(
            "START {{\n recover {} -r\"\n}}\nSERVICES {{\n imap {}\" listen=\"127.0.0.1:{imap}\" prefork=1 maxchild=200\n \
             lmtp {} -a\" listen=\"127.0.0.1:{lmtp}\" prefork=1\n}}\nEVENTS {{\n}}\nDAEMON {{\n idled {}\"\n}}\n",
            with("ctl_cyrusdb"),
            with("imapd"),
            with("lmtpd"),
            with("idled"),
        );
        std::fs::write(path.join("cyrus.conf"), master).unwrap();
        std::fs::write(path.join("log"), "").unwrap();
        std::fs::set_permissions(path.join("log"), std::fs::Permissions::from_mode(0o666)).unwrap();
        real::shim(&path);
        judge_passwords(&path.join("mux"));
        Self { dir: Some(dir), path, root, setup, group: Group::default(), imap, lmtp }
    }

    fn run(&mut self) -> bool {
        let log = self.path.join("log");
        let mut master = Command::new(self.root.join("usr/lib/cyrus/bin/master"));
        master
            .arg("-D")
            .arg("-C")
            .arg(self.path.join("imapd.conf"))
            .arg("-M")
            .arg(self.path.join("cyrus.conf"))
            .arg("-p")
            .arg(self.path.join("pid"))
            .current_dir(&self.path)
            .env("MODORI_TEST_LOG", &log)
            .env("LD_PRELOAD", self.path.join("shim.so"));
        if self.root != Path::new("/") {
            master.env("LD_LIBRARY_PATH", real::libraries(&self.root));
        }
        self.group.start(&mut master, &log);
        let (imap, lmtp) = (self.imap, self.lmtp);
        self.group.wait_until(|| Oracle::login(imap, USER, PASSWORD).is_ok() && Lmtp::connect(lmtp).is_ok())
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path.join("log")).unwrap_or_default()
    }
}

impl Real for Cyrus {
    fn name(&self) -> String {
        let separator = if self.setup.unix_hierarchy { '/' } else { '.' };
        let place = if self.setup.alt_namespace { "beside" } else { "below" };
        format!("Cyrus, {separator:?} between levels, folders {place} INBOX")
    }

    fn imap(&self) -> u16 {
        self.imap
    }

    fn deliver_all(&self, mails: &[&[u8]]) {
        let mut lmtp = Lmtp::connect(self.lmtp).unwrap();
        for mail in mails {
            lmtp.deliver_to(USER, mail).unwrap();
        }
    }

    fn written(&self, folder: &str) -> String {
        let separator = if self.setup.unix_hierarchy { "/" } else { "." };
        let name = folder.replace('/', separator);
        if self.setup.alt_namespace || folder == "INBOX" { name } else { format!("INBOX{separator}{name}") }
    }

    fn kill(&mut self) {
        self.group.kill();
    }

    fn start_again(&mut self) {
        assert!(self.run(), "Cyrus did not start again:\n{}", self.log());
    }
}

impl Drop for Cyrus {
    fn drop(&mut self) {
        self.group.kill();
        if std::thread::panicking()
            && let Some(dir) = self.dir.take()
        {
            eprintln!("the server's log and mail are kept in {}", dir.keep().display());
        }
    }
}

/// Stands where saslauthd stands: Cyrus asks it, over its own protocol, whether a password is right.
fn judge_passwords(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o777)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            drop(judge(stream));
        }
    });
}

fn judge(mut stream: UnixStream) -> std::io::Result<()> {
    // user, password, service, realm: each after its length
    let mut fields = vec![];
    for _ in 0..4 {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut field = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut field)?;
        fields.push(field);
    }
    let right = fields[0] == USER.as_bytes() && fields[1] == PASSWORD.as_bytes();
    stream.write_all(if right { b"\0\x02OK" } else { b"\0\x02NO" })
}

#[test]
fn cyrus_delivers_restarts_and_shows_what_it_holds() {
    let Some(mut server) = Cyrus::start(Setup::default()) else { return };
    let mail = |n: u32| format!("Message-ID: <{n}@example.test>\r\nSubject: {n}\r\n\r\n.dot\r\n").into_bytes();
    server.deliver_all(&[&mail(1), &mail(2)]);
    assert!(Oracle::login(server.imap, USER, "wrong").is_err());
    let before = server.mailboxes();
    assert_eq!(
        before["INBOX"].iter().map(|one| one.message_id.as_str()).collect::<Vec<_>>(),
        ["1@example.test", "2@example.test"]
    );
    server.restart();
    server.deliver(&mail(3));
    assert_eq!(server.mailboxes()["INBOX"].len(), 3);
}

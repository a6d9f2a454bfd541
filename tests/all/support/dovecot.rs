//! A real Dovecot on loopback in a temporary directory, as root or as an ordinary user.

use super::certs::Certs;
use super::oracle::{Mailboxes, Oracle};
use super::real::Real;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const USER: &str = "shopper";
/// No space in it: the static driver's arguments end there.
pub const PASSWORD: &str = "correct-horse-7";

/// How the server is to be.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Replaces what the server says it can after login, e.g. [`CAPABILITY`] without `MOVE`.
    pub capability: Option<String>,
    /// Namespace prefix, e.g. `INBOX.`.
    pub prefix: &'static str,
    /// Between the levels of folder names.
    pub separator: char,
    /// Maildir instead of sdbox.
    pub maildir: bool,
    /// Folders for drafts, sent mail and the bin that are called otherwise than usual, and marked (RFC 6154).
    pub special: bool,
    /// Takes access tokens, too, and asks here what they are worth (RFC 7662), by these mechanisms.
    pub tokens: Option<(String, &'static str)>,
}

/// Those folders and their attributes.
pub const SPECIAL: [(&str, &str); 3] = [("Entwurf", "\\Drafts"), ("Gesendet", "\\Sent"), ("Papierkorb", "\\Trash")];

impl Setup {
    /// Their part of the configuration.
    fn mailboxes(&self) -> String {
        let one = |(name, special): &(&str, &str)| {
            format!(" mailbox {name} {{\n auto = create\n special_use = {special}\n }}\n")
        };
        if self.special { SPECIAL.iter().map(one).collect() } else { String::new() }
    }
}

/// What this Dovecot offers after login, as far as the program cares. Filter this to take something away.
pub const CAPABILITY: &str = "IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE NAMESPACE UIDPLUS UNSELECT CHILDREN LIST-EXTENDED \
    LIST-STATUS ESEARCH CONDSTORE QRESYNC MOVE SPECIAL-USE NOTIFY STATUS=SIZE ID";

impl Default for Setup {
    fn default() -> Self {
        Self { capability: None, prefix: "", separator: '/', maildir: false, special: false, tokens: None }
    }
}

impl Setup {
    /// The usual server without some capabilities.
    pub fn without(missing: &[&str]) -> Self {
        let left: Vec<&str> = CAPABILITY.split_whitespace().filter(|word| !missing.contains(word)).collect();
        Self { capability: Some(left.join(" ")), ..Self::default() }
    }
}

/// A running server. Any user name logs in with [`PASSWORD`]; dropping it kills the whole process group.
pub struct Dovecot {
    dir: Option<tempfile::TempDir>,
    config: PathBuf,
    child: Option<Child>,
    name: String,
    /// Prefix and separator.
    names: (&'static str, char),
    /// Plain, and STARTTLS.
    pub imap: u16,
    /// TLS from the first byte.
    pub imaps: u16,
    /// LMTP.
    pub lmtp: u16,
    /// What a client must trust, as a PEM file.
    pub ca_file: PathBuf,
    /// The same as text.
    pub ca: String,
}

impl Dovecot {
    /// Starts it, or says that it is not installed. Where `MODORI_TEST_NEEDS` names dovecot, missing is a failure.
    pub fn start(setup: &Setup) -> Option<Self> {
        let Some((program, version)) = installed() else {
            super::real::missing("dovecot", "Dovecot with LMTP (dovecot-imapd, dovecot-lmtpd)");
            return None;
        };
        if setup.tokens.is_some() && version >= (2, 4) {
            super::real::missing("dovecot", "Dovecot 2.3, whose tokens are looked into as here");
            return None;
        }
        // a free port may be taken between looking and starting: look again
        for _ in 0..5 {
            if let Some(server) = Self::try_start(setup, &program, version) {
                return Some(server);
            }
        }
        panic!("Dovecot did not start; see its log above");
    }

    fn try_start(setup: &Setup, program: &Path, version: (u32, u32)) -> Option<Self> {
        let dir = tempfile::Builder::new().prefix("modori-dovecot").tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let certs = Certs::new();
        std::fs::write(root.join("ca.pem"), &certs.ca).unwrap();
        std::fs::write(root.join("cert.pem"), &certs.certificate).unwrap();
        std::fs::write(root.join("key.pem"), &certs.key).unwrap();
        std::fs::create_dir(root.join("mail")).unwrap();
        let [imap, imaps, lmtp] = super::real::free_ports();
        let owner = Owner::of(&root);
        if owner.root {
            // the mail processes run as an ordinary user and must reach their folder
            std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o755)).unwrap();
            std::fs::set_permissions(root.join("mail"), std::fs::Permissions::from_mode(0o777)).unwrap();
        }
        let config = root.join("dovecot.conf");
        let text = if version >= (2, 4) {
            config_24(setup, &root, &owner, [imap, imaps, lmtp])
        } else {
            config_23(setup, &root, &owner, [imap, imaps, lmtp])
        };
        std::fs::write(&config, text).unwrap();
        let lacks =
            |word: &str| setup.capability.as_ref().is_some_and(|words| !words.split(' ').any(|one| one == word));
        let missing: Vec<&str> = ["MOVE", "UIDPLUS", "IDLE", "NOTIFY"].into_iter().filter(|word| lacks(word)).collect();
        let format = if setup.maildir { "Maildir" } else { "sdbox" };
        let mut server = Self {
            ca_file: root.join("ca.pem"),
            ca: certs.ca,
            dir: Some(dir),
            config,
            child: None,
            name: format!("Dovecot, {format}, without {missing:?}"),
            names: (setup.prefix, setup.separator),
            imap,
            imaps,
            lmtp,
        };
        server.child = Some(spawn(program, &server.config));
        if server.wait_until_ready() {
            return Some(server);
        }
        // a master that ended may have found a port taken; one that runs and does not answer will not get better
        let ended = server.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some());
        assert!(ended, "Dovecot runs but does not answer:\n{}", server.log());
        eprintln!("{}", server.log());
        None
    }

    /// Waits until IMAP logs in and LMTP greets. False if the master ended or half a minute passed.
    fn wait_until_ready(&mut self) -> bool {
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            if self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some()) {
                return false;
            }
            if Oracle::login(self.imap, USER, PASSWORD).is_ok() && Lmtp::connect(self.lmtp).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// What the server wrote to its log.
    pub fn log(&self) -> String {
        let log = self.config.with_file_name("dovecot.log");
        std::fs::read_to_string(log).unwrap_or_default()
    }

    /// Stops it: every connection is cut, the ports refuse.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // all of its processes are in one group, which the master leads
        let group = format!("-{}", child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Ends every session of the user, as `doveadm kick` does. False when there is no doveadm that could.
    pub fn kick(&self) -> bool {
        let kick = Command::new("doveadm").arg("-c").arg(&self.config).args(["kick", USER]).output();
        kick.is_ok_and(|output| output.status.success())
    }

    /// Kills it and starts it again on the same ports, with the same mail.
    pub fn restart(&mut self) {
        self.kill();
        self.start_again();
    }

    /// After [`Self::kill`].
    pub fn start_again(&mut self) {
        let (program, _) = installed().unwrap();
        for _ in 0..20 {
            self.child = Some(spawn(&program, &self.config));
            if self.wait_until_ready() {
                return;
            }
            // a listening socket of a dying process may still be there
            self.kill();
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("Dovecot did not start again:\n{}", self.log());
    }

    /// Delivers over LMTP to the user's INBOX.
    pub fn deliver(&self, message: &[u8]) {
        self.deliver_all(&[message]);
    }

    /// Delivers many over one LMTP connection, in order.
    pub fn deliver_all<M: AsRef<[u8]>>(&self, messages: &[M]) {
        let mut lmtp = Lmtp::connect(self.lmtp).unwrap();
        for message in messages {
            lmtp.deliver(USER, message.as_ref()).unwrap();
        }
    }

    /// The test's own look at the user's mailboxes.
    pub fn oracle(&self) -> Oracle {
        Oracle::login(self.imap, USER, PASSWORD).unwrap()
    }

    /// Everything that lies in the user's mailboxes.
    pub fn mailboxes(&self) -> Mailboxes {
        self.oracle().all().unwrap()
    }
}

impl Real for Dovecot {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn imap(&self) -> u16 {
        self.imap
    }

    fn deliver_all(&self, mails: &[&[u8]]) {
        self.deliver_all(mails);
    }

    fn written(&self, folder: &str) -> String {
        let (prefix, separator) = &self.names;
        let name = folder.replace('/', &separator.to_string());
        if folder == "INBOX" { name } else { format!("{prefix}{name}") }
    }

    fn kill(&mut self) {
        self.kill();
    }

    fn start_again(&mut self) {
        self.start_again();
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking()
            && let Some(dir) = self.dir.take()
        {
            eprintln!("the server's log and mail are kept in {}", dir.keep().display());
        }
    }
}

fn spawn(program: &Path, config: &Path) -> Child {
    Command::new(program)
        .arg("-F")
        .arg("-c")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .process_group(0)
        .spawn()
        .unwrap()
}

/// The program, if it and its LMTP half are there, and its major and minor version.
fn installed() -> Option<(PathBuf, (u32, u32))> {
    let paths = std::env::var("PATH").unwrap_or_default();
    let program = std::env::split_paths(&paths)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|dir| dir.join("dovecot"))
        .find(|path| path.is_file())?;
    let homes = ["/usr/lib/dovecot", "/usr/libexec/dovecot", "/usr/local/libexec/dovecot"];
    homes.iter().find(|home| Path::new(home).join("lmtp").is_file())?;
    let output = Command::new(&program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text.split(['.', ' ']).map_while(|part| part.trim().parse().ok());
    Some((program, (numbers.next()?, numbers.next()?)))
}

/// Who runs the test, and so who may own what.
struct Owner {
    root: bool,
    user: String,
    group: String,
    mail_uid: u32,
    mail_gid: u32,
}

impl Owner {
    fn of(made_by_us: &Path) -> Self {
        let meta = std::fs::metadata(made_by_us).unwrap();
        let name = |option: &str| {
            let output = Command::new("id").arg(option).output().unwrap();
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        let root = meta.uid() == 0;
        // Dovecot refuses to touch mail as root
        let (mail_uid, mail_gid) = if root { (65_534, 65_534) } else { (meta.uid(), meta.gid()) };
        Self { root, user: name("-un"), group: name("-gn"), mail_uid, mail_gid }
    }
}

/// What 2.3 and 2.4 write alike: ports, users of the processes, no penalties, no chroot where we may not.
fn services(owner: &Owner, ports: [u16; 3], version_24: bool) -> String {
    let [imap, imaps, lmtp] = ports;
    let address = |port: u16| {
        if version_24 {
            format!("listen = 127.0.0.1\n port = {port}")
        } else {
            format!("address = 127.0.0.1\n port = {port}")
        }
    };
    let mut text = format!(
        "service imap-login {{\n chroot =\n process_min_avail = 1\n service_count = 0\n client_limit = 500\n \
         inet_listener imap {{\n {}\n }}\n inet_listener imaps {{\n {}\n ssl = yes\n }}\n}}\n\
         service lmtp {{\n inet_listener lmtp {{\n {}\n }}\n}}\n\
         service anvil {{\n chroot =\n unix_listener anvil-auth-penalty {{\n mode = 0\n }}\n}}\n",
        address(imap),
        address(imaps),
        address(lmtp)
    );
    if !owner.root {
        let (user, group) = (&owner.user, &owner.group);
        writeln!(text, "default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}")
            .unwrap();
        for service in ["auth", "auth-worker", "lmtp", "imap", "stats", "log", "config", "dict", "director"] {
            if version_24 && matches!(service, "director" | "config" | "dict") {
                continue;
            }
            writeln!(text, "service {service} {{\n chroot =\n}}").unwrap();
        }
    }
    text
}

fn config_23(setup: &Setup, root: &Path, owner: &Owner, ports: [u16; 3]) -> String {
    let dir = root.display();
    let format = if setup.maildir { "maildir:~/Maildir:LAYOUT=fs" } else { "sdbox:~/sdbox" };
    let (more, tokens) = match &setup.tokens {
        None => (String::new(), String::new()),
        Some((url, mechanisms)) => {
            let file = root.join("dovecot-oauth2.conf.ext");
            let text = format!(
                "introspection_url = {url}\nintrospection_mode = post\nusername_attribute = username\n\
                 active_attribute = active\nactive_value = true\n"
            );
            std::fs::write(&file, text).unwrap();
            let mechanisms = mechanisms.to_lowercase();
            let passdb =
                format!("passdb {{\n driver = oauth2\n mechanisms = {mechanisms}\n args = {}\n}}\n", file.display());
            (format!(" {mechanisms}"), passdb)
        }
    };
    let mut text = format!(
        "base_dir = {dir}/run\nstate_dir = {dir}/run\nlog_path = {dir}/dovecot.log\nprotocols = imap lmtp\n\
         listen = 127.0.0.1\nssl = yes\nssl_cert = <{dir}/cert.pem\nssl_key = <{dir}/key.pem\n\
         disable_plaintext_auth = no\nauth_mechanisms = plain login{more}\nauth_failure_delay = 0\n\
         mail_location = {format}\nmail_fsync = never\nmail_max_userip_connections = 100\n\
         first_valid_uid = 1\nfirst_valid_gid = 1\nmail_plugins =\n\
         postmaster_address = postmaster@example.test\nhostname = mx.example.test\n\
         {tokens}passdb {{\n driver = static\n mechanisms = plain login\n args = password={PASSWORD}\n}}\n\
         userdb {{\n driver = static\n args = uid={} gid={} home={dir}/mail/%n allow_all_users=yes\n}}\n\
         namespace inbox {{\n inbox = yes\n separator = {}\n prefix = {}\n{}}}\n",
        owner.mail_uid,
        owner.mail_gid,
        setup.separator,
        setup.prefix,
        setup.mailboxes()
    );
    if let Some(capability) = &setup.capability {
        writeln!(text, "imap_capability = {capability}").unwrap();
    }
    text + &services(owner, ports, false)
}

fn config_24(setup: &Setup, root: &Path, owner: &Owner, ports: [u16; 3]) -> String {
    let dir = root.display();
    let format = if setup.maildir {
        "mail_driver = maildir\nmail_path = ~/Maildir\nmailbox_list_layout = fs"
    } else {
        "mail_driver = sdbox\nmail_path = ~/sdbox"
    };
    let mut text = format!(
        "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n\
         base_dir = {dir}/run\nstate_dir = {dir}/run\nlog_path = {dir}/dovecot.log\n\
         protocols {{\n imap = yes\n lmtp = yes\n}}\nlisten = 127.0.0.1\nssl = yes\n\
         ssl_server_cert_file = {dir}/cert.pem\nssl_server_key_file = {dir}/key.pem\n\
         auth_allow_cleartext = yes\nauth_mechanisms {{\n plain = yes\n login = yes\n}}\nauth_failure_delay = 0\n\
         {format}\nmail_fsync = never\nmail_max_userip_connections = 100\n\
         first_valid_uid = 1\nfirst_valid_gid = 1\n\
         postmaster_address = postmaster@example.test\nhostname = mx.example.test\n\
         passdb static {{\n passdb_static_password = {PASSWORD}\n}}\n\
         userdb static {{\n userdb_static_allow_all_users = yes\n fields {{\n uid = {}\n gid = {}\n \
         home = {dir}/mail/%{{user | username}}\n }}\n}}\n\
         namespace inbox {{\n inbox = yes\n separator = {}\n prefix = {}\n{}}}\n",
        owner.mail_uid,
        owner.mail_gid,
        setup.separator,
        setup.prefix,
        setup.mailboxes()
    );
    if let Some(capability) = &setup.capability {
        text.push_str("imap_capability {\n");
        for word in capability.split_whitespace() {
            writeln!(text, " {word} = yes").unwrap();
        }
        text.push_str("}\n");
    }
    text + &services(owner, ports, true)
}

/// A little LMTP client (RFC 2033).
pub struct Lmtp(BufReader<TcpStream>);

impl Lmtp {
    pub fn connect(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        let mut this = Self(BufReader::new(stream));
        this.answer()?;
        this.say("LHLO tests.example.test")?;
        Ok(this)
    }

    fn answer(&mut self) -> std::io::Result<()> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                let ok = line.starts_with('2') || line.starts_with('3');
                return if ok { Ok(()) } else { Err(std::io::Error::other(line)) };
            }
        }
    }

    fn say(&mut self, line: &str) -> std::io::Result<()> {
        write!(self.0.get_mut(), "{line}\r\n")?;
        self.answer()
    }

    /// One message to one user; returns after the server's 250, when it lies in the mailbox.
    pub fn deliver(&mut self, user: &str, message: &[u8]) -> std::io::Result<()> {
        self.deliver_to(&format!("{user}@example.test"), message)
    }

    /// The same, to an address as the server wants it.
    pub fn deliver_to(&mut self, address: &str, message: &[u8]) -> std::io::Result<()> {
        self.say("MAIL FROM:<sender@example.test>")?;
        self.say(&format!("RCPT TO:<{address}>"))?;
        self.say("DATA")?;
        let mut data = vec![];
        for line in message.split_inclusive(|&byte| byte == b'\n') {
            if line.starts_with(b".") {
                data.push(b'.');
            }
            data.extend_from_slice(line.strip_suffix(b"\n").map_or(line, |l| l.strip_suffix(b"\r").unwrap_or(l)));
            data.extend_from_slice(b"\r\n");
        }
        data.extend_from_slice(b".\r\n");
        self.0.get_mut().write_all(&data)?;
        self.answer()
    }
}

#[test]
fn dovecot_delivers_restarts_and_shows_what_it_holds() {
    let Some(mut server) = Dovecot::start(&Setup::default()) else { return };
    let mail = |n: u32| format!("Message-ID: <{n}@example.test>\r\nSubject: {n}\r\n\r\n.dot\r\n");
    server.deliver_all(&[mail(1), mail(2)]);
    let mut oracle = server.oracle();
    oracle.command(&format!("CREATE \"{}\"", super::oracle::encode("楽天/再入荷"))).unwrap();
    oracle.append("楽天/再入荷", mail(3).as_bytes()).unwrap();
    let before = server.mailboxes();
    let ids = |name: &str| before[name].iter().map(|seen| seen.message_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids("INBOX"), ["1@example.test", "2@example.test"]);
    assert_eq!(ids("楽天/再入荷"), ["3@example.test"]);
    server.restart();
    assert_eq!(server.mailboxes(), before);
    server.kill();
    // whoever listens there now is another test's server
    let ours = Oracle::login(server.imap, USER, PASSWORD).and_then(|mut oracle| oracle.folders());
    assert!(!ours.is_ok_and(|folders| folders.contains(&"楽天/再入荷".to_owned())), "it still runs");
}

#[test]
fn dovecot_can_lack_a_capability_and_put_folders_below_inbox() {
    let setup = Setup { prefix: "INBOX.", separator: '.', maildir: true, ..Setup::without(&["MOVE", "UIDPLUS"]) };
    let Some(server) = Dovecot::start(&setup) else { return };
    let mut oracle = server.oracle();
    let capability = &oracle.command("CAPABILITY").unwrap()[0].text;
    assert!(capability.contains(" IDLE ") && !capability.contains("MOVE") && !capability.contains("UIDPLUS"));
    let namespace = &oracle.command("NAMESPACE").unwrap()[0].text;
    assert!(namespace.contains("\"INBOX.\" \".\""), "{namespace}");
    oracle.command("CREATE INBOX.a.b").unwrap();
    assert!(oracle.folders().unwrap().contains(&"INBOX.a.b".to_owned()));
}

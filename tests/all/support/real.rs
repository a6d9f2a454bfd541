//! What the real servers have in common: a mailbox that mail is delivered to, that can be looked at, killed and started.

use super::dovecot::{PASSWORD, USER};
use super::oracle::{Mailboxes, Oracle};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server with the mailbox of [`USER`].
pub trait Real {
    /// What it is and how it is set up, for people.
    fn name(&self) -> String;

    /// IMAP in clear.
    fn imap(&self) -> u16;

    /// Lays mails into INBOX, in this order, as this server gets its mail; returns when they lie there.
    fn deliver_all(&self, mails: &[&[u8]]);

    /// How the server writes a folder that the shopper writes with `/` between its levels, in UTF-8.
    fn written(&self, folder: &str) -> String;

    /// SIGKILL to all of it: every connection is cut, the ports refuse.
    fn kill(&mut self);

    /// After [`Self::kill`]: the same ports, the same mail.
    fn start_again(&mut self);

    /// Stops and starts it.
    fn restart(&mut self) {
        self.kill();
        self.start_again();
    }

    fn deliver(&self, mail: &[u8]) {
        self.deliver_all(&[mail]);
    }

    /// The test's own look at the mailboxes.
    fn oracle(&self) -> Oracle {
        Oracle::login(self.imap(), USER, PASSWORD).unwrap()
    }

    /// Everything that lies in the mailboxes.
    fn mailboxes(&self) -> Mailboxes {
        self.oracle().all().unwrap()
    }
}

/// Says that a server is missing; where `MODORI_TEST_NEEDS` names it, that is a failure.
pub fn missing(server: &str, what: &str) {
    let needed = std::env::var("MODORI_TEST_NEEDS").is_ok_and(|needs| needs.split(',').any(|one| one == server));
    assert!(!needed, "{what} is missing; scripts/test fetches it");
    eprintln!("skipped: {what} is missing; scripts/test fetches it");
}

/// The root below which a server's files lie: fetched by `scripts/servers`, or installed.
pub fn root_of(server: &str, file: &str) -> Option<PathBuf> {
    let fetched = std::env::var_os("MODORI_TEST_SERVERS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers"), PathBuf::from);
    [fetched.join(server), PathBuf::from("/")].into_iter().find(|root| root.join(file).is_file())
}

/// The folders of a root in which its shared libraries lie, as LD_LIBRARY_PATH takes them.
pub fn libraries(root: &Path) -> String {
    let mut found = vec![];
    for place in ["usr/lib", "lib", "usr/lib/courier-authlib"] {
        found.push(root.join(place));
        let inside = std::fs::read_dir(root.join(place)).into_iter().flatten().flatten();
        found.extend(inside.map(|one| one.path()).filter(|path| path.to_string_lossy().ends_with("-linux-gnu")));
    }
    found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(":")
}

/// Compiles the preloaded library into a folder.
pub fn shim(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("shim.c"), folder.join("shim.so"));
    std::fs::write(&source, include_str!("shim.c")).unwrap();
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).output();
    let compiled = compiled.expect("a C compiler, which the build of the program needs, too");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    library
}

/// Ports that were free a moment ago, all different.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let sockets = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    sockets.map(|socket| socket.local_addr().unwrap().port())
}

/// Who the server's processes are: whoever runs the test, or nobody where that is root.
pub struct Owner {
    pub root: bool,
    pub uid: u32,
    pub gid: u32,
    pub user: String,
    pub group: String,
}

impl Owner {
    pub fn of(made_by_us: &Path) -> Self {
        let meta = std::fs::metadata(made_by_us).unwrap();
        let root = meta.uid() == 0;
        let name = |option: &str| {
            let output = Command::new("id").args(root.then_some("nobody")).arg(option).output().unwrap();
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        let number = |option: &str| name(option).parse().unwrap();
        Self { root, uid: number("-u"), gid: number("-g"), user: name("-un"), group: name("-gn") }
    }

    /// Makes a folder of theirs.
    pub fn folder(&self, path: &Path) {
        std::fs::create_dir_all(path).unwrap();
        self.own(path);
    }

    /// Gives them a file or folder.
    pub fn own(&self, path: &Path) {
        if self.root {
            std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid)).unwrap();
        }
    }
}

/// A temporary folder that others may pass through.
pub fn folder(prefix: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::Builder::new().prefix(prefix).tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    (dir, path)
}

/// Processes in groups of their own, which are killed together.
#[derive(Default)]
pub struct Group(Vec<Child>);

impl Group {
    pub fn start(&mut self, command: &mut Command, log: &Path) {
        let to = || std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(to()).stderr(to()).process_group(0).spawn().unwrap();
        self.0.push(child);
    }

    pub fn any_ended(&mut self) -> bool {
        self.0.iter_mut().any(|child| child.try_wait().unwrap().is_some())
    }

    pub fn kill(&mut self) {
        for mut child in self.0.drain(..) {
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Waits until `ready` says so. False if a process ended, or half a minute passed.
    pub fn wait_until(&mut self, mut ready: impl FnMut() -> bool) -> bool {
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end && !self.any_ended() {
            if ready() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

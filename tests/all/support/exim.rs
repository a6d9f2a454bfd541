//! A real mail server on loopback in a temporary directory, as an ordinary user: Exim with a configuration and a spool of
//! its own. It takes mail by SMTP and carries all of it to one LMTP server.

use super::real::{self, Group, Owner};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A running server; dropping it kills all of its processes.
pub struct Exim {
    dir: Option<tempfile::TempDir>,
    path: PathBuf,
    group: Group,
    /// SMTP in clear, without a login.
    pub smtp: u16,
}

impl Exim {
    /// Starts it, or says that it is missing. Mail for `gone@…` is refused at once, mail for `void@…` is taken and comes
    /// back; all other mail goes to `lmtp`.
    pub fn start(lmtp: u16) -> Option<Self> {
        let Some(root) = real::root_of("exim", "usr/sbin/exim4") else {
            real::missing("exim", "Exim (exim4-daemon-light)");
            return None;
        };
        for _ in 0..5 {
            let (dir, path) = real::folder("modori-exim");
            let owner = Owner::of(&path);
            for name in ["spool", "log"] {
                owner.folder(&path.join(name));
            }
            real::shim(&path);
            let [smtp] = real::free_ports();
            let program = root.join("usr/sbin/exim4");
            let at = path.display();
            let text = format!(
                "primary_hostname = mx.example.test\nqualify_domain = example.test\nexim_path = {}\n\
                 spool_directory = {at}/spool\nlog_file_path = {at}/log/%slog\npid_file_path = {at}/spool/pid\n\
                 exim_user = {}\nexim_group = {}\nnever_users =\ndeliver_drop_privilege = true\n\
                 keep_environment = LD_PRELOAD : LD_LIBRARY_PATH\nhost_lookup =\ntls_advertise_hosts =\n\
                 daemon_smtp_ports = {smtp}\nlocal_interfaces = 127.0.0.1\nacl_smtp_rcpt = rcpt\n\
                 begin acl\nrcpt:\n deny local_parts = gone\n message = 5.1.1 there is no such shop\n accept\n\
                 begin routers\nvoid:\n driver = redirect\n local_parts = void\n data = :fail: it was closed\n allow_fail\n\
                 all:\n driver = manualroute\n route_list = * 127.0.0.1 byname\n self = send\n transport = lmtp\n\
                 begin transports\nlmtp:\n driver = smtp\n protocol = lmtp\n port = {lmtp}\n allow_localhost\n\
                 begin retry\n* * F,1h,1s\n",
                program.display(),
                owner.user,
                owner.group
            );
            let config = path.join("exim.conf");
            std::fs::write(&config, text).unwrap();
            let mut command = Command::new(&program);
            command
                .arg("-C")
                .arg(&config)
                .args(["-bdf", "-q1s"])
                .env_clear()
                .env("LD_PRELOAD", path.join("shim.so"))
                .env("LD_LIBRARY_PATH", real::libraries(&root))
                .current_dir(&path);
            if owner.root {
                command.uid(owner.uid).gid(owner.gid);
            }
            let mut server = Self { dir: Some(dir), path: path.clone(), group: Group::default(), smtp };
            std::fs::File::create(path.join("out")).unwrap();
            server.group.start(&mut command, &path.join("out"));
            if server.group.wait_until(|| greets(smtp)) {
                return Some(server);
            }
            // a port may have been taken; what runs and does not answer will not get better
            assert!(server.group.any_ended(), "it runs but does not answer:\n{}", server.log());
            eprintln!("{}", server.log());
        }
        panic!("Exim did not start; see its log above");
    }

    pub fn log(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.path.join(name)).unwrap_or_default();
        format!("{}{}{}", read("out"), read("log/mainlog"), read("log/paniclog"))
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        self.group.kill();
        if std::thread::panicking()
            && let Some(dir) = self.dir.take()
        {
            eprintln!("the server's log and mail are kept in {}", dir.keep().display());
        }
    }
}

fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut greeting = [0; 4];
    stream.set_read_timeout(Some(std::time::Duration::from_secs(5))).is_ok()
        && stream.read_exact(&mut greeting).is_ok()
        && greeting == *b"220 "
}

/// A wire to a mail server that breaks when a mail was handed over whole, before the client hears the answer.
pub fn losing_answers(target: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { continue };
            let ended = Arc::new(AtomicBool::new(false));
            let (mut from, mut to, seen) =
                (client.try_clone().unwrap(), server.try_clone().unwrap(), Arc::clone(&ended));
            std::thread::spawn(move || {
                let (mut room, mut tail) = ([0; 4096], Vec::new());
                while let Ok(count @ 1..) = from.read(&mut room) {
                    tail.extend_from_slice(&room[..count]);
                    // said before the server can answer
                    seen.fetch_or(tail.ends_with(b"\r\n.\r\n"), Ordering::SeqCst);
                    tail.drain(..tail.len().saturating_sub(5));
                    if to.write_all(&room[..count]).is_err() {
                        return;
                    }
                }
                let _ = to.shutdown(Shutdown::Write);
            });
            let (mut from, mut to) = (server, client);
            std::thread::spawn(move || {
                let mut room = [0; 4096];
                while let Ok(count @ 1..) = from.read(&mut room) {
                    if ended.load(Ordering::SeqCst) || to.write_all(&room[..count]).is_err() {
                        break;
                    }
                }
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
            });
        }
    });
    port
}

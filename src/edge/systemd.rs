//! What systemd is told of a service (sd_notify): that it is ready, how it is, that it lives. Nothing without systemd.

use std::time::Duration;

/// The service manager that started the program.
#[derive(Debug)]
pub struct Systemd {
    #[cfg(unix)]
    socket: std::os::unix::net::UnixDatagram,
    #[cfg(unix)]
    address: std::os::unix::net::SocketAddr,
    watchdog: Option<Duration>,
}

impl Systemd {
    /// The manager that the environment names (`NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`); `None` without one.
    #[must_use]
    pub fn of_environment() -> Option<Self> {
        let text = |name: &str| std::env::var(name).ok();
        let mine = text("WATCHDOG_PID").is_none_or(|pid| pid.trim() == std::process::id().to_string());
        let every = text("WATCHDOG_USEC").and_then(|every| every.trim().parse().ok()).filter(|every| *every > 0);
        Self::at(&std::env::var_os("NOTIFY_SOCKET")?, every.filter(|_| mine).map(Duration::from_micros))
    }

    #[cfg(unix)]
    fn at(name: &std::ffi::OsStr, watchdog: Option<Duration>) -> Option<Self> {
        let address = address(name)?;
        let socket = std::os::unix::net::UnixDatagram::unbound().ok()?;
        // a manager that does not read must not hold mail up
        socket.set_nonblocking(true).ok()?;
        Some(Self { socket, address, watchdog })
    }

    #[cfg(not(unix))]
    fn at(_name: &std::ffi::OsStr, _watchdog: Option<Duration>) -> Option<Self> {
        None
    }

    /// The service is restarted when it is not heard of for so long; `None`: never.
    #[must_use]
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Everything is started.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// One line for people (`systemctl status`).
    pub fn status(&self, line: &str) {
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        self.send(&format!("STATUS={line}"));
    }

    /// A sign of life.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// The service ends.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    #[cfg(unix)]
    fn send(&self, text: &str) {
        // a word that does not arrive is said again: the watchdog's, the status
        let _ = self.socket.send_to_addr(text.as_bytes(), &self.address);
    }

    #[cfg(not(unix))]
    #[allow(clippy::unused_self, reason = "there is no systemd here")]
    fn send(&self, _text: &str) {}
}

/// A path, or (on Linux) a name after `@` that lies in no file system.
#[cfg(unix)]
fn address(name: &std::ffi::OsStr) -> Option<std::os::unix::net::SocketAddr> {
    use std::os::unix::ffi::OsStrExt;
    match name.as_bytes().split_first()? {
        (b'/', _) => std::os::unix::net::SocketAddr::from_pathname(name).ok(),
        #[cfg(target_os = "linux")]
        (b'@', name) => {
            use std::os::linux::net::SocketAddrExt;
            std::os::unix::net::SocketAddr::from_abstract_name(name).ok()
        }
        _ => None,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn words_arrive_one_by_one_at_a_path_and_at_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let systemd = Systemd::at(path.as_os_str(), None).unwrap();
        let mut bytes = [0; 200];
        let mut heard = |manager: &UnixDatagram| {
            let size = manager.recv(&mut bytes).unwrap();
            String::from_utf8(bytes[..size].to_vec()).unwrap()
        };
        systemd.ready();
        systemd.status("a: watching\nREADY=0");
        assert_eq!([heard(&manager), heard(&manager)], ["READY=1", "STATUS=a: watchingREADY=0"]);
        #[cfg(target_os = "linux")]
        {
            use std::os::linux::net::SocketAddrExt;
            let name = format!("modori-test-{}", std::process::id());
            let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
            let manager = UnixDatagram::bind_addr(&address).unwrap();
            Systemd::at(format!("@{name}").as_ref(), None).unwrap().alive();
            assert_eq!(heard(&manager), "WATCHDOG=1");
        }
        assert!(Systemd::at("relative".as_ref(), None).is_none());
        // nobody there is no trouble
        drop(manager);
        systemd.alive();
    }
}

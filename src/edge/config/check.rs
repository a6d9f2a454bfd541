//! From the file as written to a configuration that can be used, or to everything that is wrong with it.

use super::provider::{self, Reached};
use super::{Account, Backlog, Config, Hidden, mistakes, syntax};
use crate::edge::imap::{Pace, Security};
use crate::edge::secret::Secret;
use crate::edge::tls::Pin;
use crate::ledger::due::Settings;
use crate::mailbox::LEAST_FETCH;
use crate::plan::{Looks, Policy};
use crate::rules::diagnostic::{Desk, Diagnostic, Source};
use crate::wording::Language;
use jiff::SignedDuration;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

/// A configuration that cannot be used: all that is wrong with it.
#[derive(Debug)]
pub struct Broken {
    /// Each with its place.
    pub problems: Vec<Diagnostic>,
}

impl std::error::Error for Broken {}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, problem) in self.problems.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl Broken {
    fn whole_file(file: &Path, message: String, help: &str) -> Self {
        let source = Source::new(file.display().to_string(), "");
        let mut desk = Desk::new(&source);
        desk.error(0..0, message, help);
        Self { problems: desk.found }
    }

    pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        let help = if error.kind() == std::io::ErrorKind::NotFound {
            "name the file with --config FILE, or copy docs/config.example.toml there"
        } else {
            "check the file's owner and mode"
        };
        Self::whole_file(file, format!("cannot read the configuration: {error}"), help)
    }

    pub(super) fn not_utf8(file: &Path, error: &std::string::FromUtf8Error) -> Self {
        let at = error.utf8_error().valid_up_to();
        Self::whole_file(
            file,
            format!("the configuration is not UTF-8 (byte {at})"),
            "save it as UTF-8 in your editor; Shift_JIS is not understood here",
        )
    }
}

pub(super) fn parse(file: &Path, text: &str, state: Option<&Path>) -> Result<Config, Broken> {
    let source = Source::new(file.display().to_string(), text);
    let mut check = Check { file, state: state.map(Path::to_path_buf), desk: Desk::new(&source) };
    let written: syntax::File = match toml::from_str(text) {
        Ok(written) => written,
        Err(error) => {
            check.syntax_error(&error, text);
            return Err(Broken { problems: check.desk.found });
        }
    };
    let config = check.config(written);
    match config {
        Some(config) if check.desk.found.is_empty() => Ok(config),
        _ => Err(Broken { problems: check.desk.found }),
    }
}

pub(super) struct Check<'a> {
    file: &'a Path,
    /// The state folder: named elsewhere, else as the file says.
    pub(super) state: Option<PathBuf>,
    desk: Desk<'a>,
}

impl Check<'_> {
    pub(super) fn wrong(&mut self, span: Range<usize>, message: impl Into<String>, help: &str) {
        self.desk.error(span, message, help);
    }

    pub(super) fn source(&self) -> &Source {
        self.desk.source()
    }

    fn syntax_error(&mut self, error: &toml::de::Error, text: &str) {
        let span = error.span().unwrap_or(0..0);
        let (message, help) = mistakes::explained(error.message(), text, &span);
        self.wrong(span, message, &help);
    }

    fn config(&mut self, written: syntax::File) -> Option<Config> {
        if let Some(version) = &written.version
            && *version.get_ref() != 1
        {
            let found = *version.get_ref();
            let (what, help) = match found {
                0 => ("there is no version 0 of the configuration".to_owned(), "write version = 1"),
                _ => (
                    format!(
                        "this is version {found} of the configuration, and modori {} reads version 1",
                        env!("CARGO_PKG_VERSION")
                    ),
                    "it was written for a newer modori: install that one, or bring the file down by hand (docs/operations.md) and write version = 1",
                ),
            };
            self.wrong(version.span(), what, help);
        }
        let language = written
            .language
            .as_ref()
            .map_or(Language::Ja, |language| self.one_of(language, [("ja", Language::Ja), ("en", Language::En)]));
        let named = self.state.take().or_else(|| written.state.as_ref().map(|state| self.path(state)));
        self.state = named.or_else(super::default_state);
        let channels = self.channels(&written.channel, language);
        let accounts = self.accounts(&written.account);
        let filing = &written.filing;
        let observe = match &filing.mode {
            Some(mode) => self.one_of(mode, [("observe", true), ("move", false)]),
            None => true,
        };
        let backlog = match &filing.backlog {
            Some(backlog) => self.one_of(backlog, [("leave", Backlog::Leave), ("sort", Backlog::Sort)]),
            None => Backlog::Leave,
        };
        let usual = Looks::default();
        let looks = Looks {
            every: self.duration(filing.flag_look_every.as_ref(), usual.every),
            apart: self.duration(filing.flag_apart.as_ref(), usual.apart),
        };
        let flags = filing.flag_cases.unwrap_or(true).then_some(looks);
        let alerts = self.alerts(&written.alerts, &channels);
        let blind = self.blind(&written.sight, &alerts, &channels);
        let web = self.web(written.web.as_ref());
        let repeat = self.repeat(written.alerts.repeat, web.as_ref());
        let search = self.search(&written.search);
        let calendar = self.calendar(&written.calendar, web.is_some());
        let replies = self.replies(&written.replies, observe, &accounts);
        let Some(state) = self.state.clone() else {
            self.wrong(0..0, "no place for modori's state is known", "write state = \"/a/folder\", or set HOME");
            return None;
        };
        Some(Config {
            origin: None,
            rules: written.rules.as_deref().map(|path| self.path(path)),
            wording: written.wording.as_deref().map(|path| self.path(path)),
            wanted: self.path(written.wanted.as_deref().unwrap_or("wanted.toml")),
            state,
            letters: written.letters.as_deref().map(|path| self.path(path)),
            policy: Policy { observe, flags, blind, language, repeat, search, replies, ..alerts },
            accounts,
            backlog,
            outgoing: self.outgoing(&written.replies, &channels),
            channels,
            web,
            ledger: self.ledger(written.ledger),
            hot: self.hot(written.hot),
            keep: self.keep_words(&written.keep),
            calendar,
        })
    }

    /// The clocks, with the days of the file that they name.
    fn ledger(&mut self, written: Option<Settings>) -> Settings {
        let mut settings = written.unwrap_or_default();
        if let Some(name) = settings.calendar.file.take() {
            let path = self.path(&name);
            match std::fs::read(&path) {
                Ok(list) => {
                    if let Err((line, day)) = settings.calendar.add_list(&list) {
                        let what = format!("{}, line {line}: `{day}` is no day", path.display());
                        self.wrong(0..0, what, "write days like 2027-05-06, one a line");
                    }
                }
                Err(error) => {
                    let what = format!("cannot read the list of holidays {}: {error}", path.display());
                    self.wrong(0..0, what, "check `file` in [ledger.calendar], and the file's mode");
                }
            }
        }
        settings
    }

    fn accounts(&mut self, written: &[Spanned<syntax::Account>]) -> Vec<Account> {
        let mut seen = BTreeSet::new();
        let mut accounts = Vec::new();
        for (n, spanned) in written.iter().enumerate() {
            let account = spanned.get_ref();
            let name = account.name.as_ref().map_or_else(|| format!("account{}", n + 1), |name| name.get_ref().clone());
            if !seen.insert(name.clone()) {
                let span = account.name.as_ref().map_or(spanned.span(), Spanned::span);
                self.wrong(span, format!("two accounts are called `{name}`"), "give each its own name");
            }
            let (provider, known_by) = self.provider(account).unzip();
            let reached = self.reached(account, provider);
            let credential = self.credential(&name, account, provider);
            let (Some(Reached { host, port, security }), Some(credential)) = (reached, credential) else { continue };
            let fetch_kib = account.fetch_kib.as_ref().map_or(256, |kib| *kib.get_ref());
            let fetch_cap = fetch_kib.saturating_mul(1024);
            if let Some(kib) = &account.fetch_kib
                && (fetch_cap < LEAST_FETCH || fetch_kib > 64 * 1024)
            {
                self.wrong(kib.span(), "fetch_kib must lie between 32 and 65536", "");
            }
            let mut own: Vec<String> = account.own_addresses.iter().map(|own| own.get_ref().to_lowercase()).collect();
            for address in &account.own_addresses {
                if !address.get_ref().contains('@') {
                    self.wrong(address.span(), format!("`{}` is not a mail address", address.get_ref()), "");
                }
            }
            let user = account.user.get_ref().clone();
            if user.contains('@') {
                own.push(user.to_lowercase());
            }
            let from = self.from(account);
            own.extend(from.as_ref().map(|from| from.to_lowercase()));
            let mailbox = account.mailbox.as_ref().map_or_else(|| "INBOX".to_owned(), |name| self.mail_folder(name));
            let smtp = self.smtp(account, provider, &user, &credential);
            accounts.push(Account {
                name,
                pace: self.pace(&account.pace, &provider::pace(provider, &host)),
                provider: provider.map(|provider| provider.name.as_str()),
                known_by,
                host,
                port,
                security,
                user,
                credential,
                mailbox,
                authserv_ids: account.authserv_ids.clone(),
                own_addresses: own,
                from,
                ca_file: account.ca_file.as_ref().map(|path| self.path(path.get_ref())),
                pin: self.pin(account, security),
                fetch_cap,
                smtp,
                own: self.own_rules(account),
            });
        }
        accounts
    }

    fn pin(&mut self, account: &syntax::Account, security: Security) -> Option<Pin> {
        let written = account.pin.as_ref()?;
        if security == Security::Plain {
            self.wrong(
                written.span(),
                "without TLS there is no key to compare with a pin",
                "use \"tls\" or \"starttls\"",
            );
        }
        if let Some(ca_file) = &account.ca_file {
            self.wrong(
                ca_file.span(),
                "with a pin nobody's signature counts, so `ca_file` does nothing",
                "keep one of the two",
            );
        }
        let pin = written.get_ref().parse();
        if pin.is_err() {
            let help = "sha256: and the base64 or hexadecimal digest of the server's public key; modori prints it when it \
                        refuses a certificate";
            self.wrong(written.span(), format!("`{}` is not a pin", written.get_ref()), help);
        }
        pin.ok()
    }

    fn pace(&mut self, written: &syntax::Pace, usual: &Pace) -> Pace {
        Pace {
            command: self.duration(written.command.as_ref(), usual.command),
            probe_after: self.duration(written.probe_after.as_ref(), usual.probe_after),
            probe_answer: self.duration(written.probe_answer.as_ref(), usual.probe_answer),
            poll_every: self.duration(written.poll_every.as_ref(), usual.poll_every),
            hot_floor: self.duration(written.hot_floor.as_ref(), usual.hot_floor),
            back_off: (
                self.duration(written.back_off_first.as_ref(), usual.back_off.0),
                self.duration(written.back_off_longest.as_ref(), usual.back_off.1),
            ),
        }
    }

    pub(super) fn needed<T: Clone>(
        &mut self,
        name: &Spanned<String>,
        key: &str,
        value: Option<&Spanned<T>>,
    ) -> Option<T> {
        if value.is_none() {
            self.wrong(name.span(), format!("channel `{}` has no `{key}`", name.get_ref()), &format!("add {key} = …"));
        }
        value.map(|value| value.get_ref().clone())
    }

    pub(super) fn hidden(
        &mut self,
        name: &Spanned<String>,
        key: &str,
        plain: Option<&Spanned<String>>,
        elsewhere: Option<&Spanned<syntax::Secret>>,
    ) -> Option<Hidden> {
        match (plain, elsewhere) {
            (Some(plain), None) => Some(Hidden::Plain(plain.get_ref().clone())),
            (None, Some(secret)) => Some(Hidden::Elsewhere(self.secret(secret))),
            (Some(plain), Some(_)) => {
                self.wrong(plain.span(), format!("both `{key}` and `{key}_from` are given"), "keep one of them");
                None
            }
            (None, None) => {
                self.wrong(
                    name.span(),
                    format!("channel `{}` has no `{key}`", name.get_ref()),
                    &format!("add {key} = \"…\", or {key}_from = {{ file = \"PATH\" }} to keep it secret"),
                );
                None
            }
        }
    }

    pub(super) fn url(&mut self, url: &str, span: Range<usize>) {
        let loopback = url.strip_prefix("http://").is_some_and(|rest| {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            !host.contains('@') && is_loopback(host.rsplit_once(':').map_or(host, |(host, _)| host))
        });
        if !loopback && !url.starts_with("https://") {
            self.wrong(span, "this must be an https:// address", "http:// is allowed to this machine only");
        }
    }

    pub(super) fn security(&mut self, written: Option<&Spanned<String>>, host: &Spanned<String>) -> Security {
        let kinds = [("tls", Security::Tls), ("starttls", Security::StartTls), ("plain", Security::Plain)];
        let security = written.map_or(Security::Tls, |security| self.known_word(security, &kinds, Security::Tls));
        if let Some(written) = written
            && security == Security::Plain
            && !is_loopback(host.get_ref())
        {
            let message = format!("`plain` would send the password to {} in clear text", host.get_ref());
            self.wrong(
                written.span(),
                message,
                "use \"tls\" or \"starttls\"; plain is for 127.0.0.1, ::1 and localhost",
            );
        }
        security
    }

    pub(super) fn secret(&mut self, written: &Spanned<syntax::Secret>) -> Secret {
        let secret = written.get_ref();
        match (&secret.command, &secret.env, &secret.file, &secret.credential) {
            (Some(argv), None, None, None) if argv.first().is_some_and(|program| !program.is_empty()) => {
                Secret::Command(argv.clone())
            }
            (None, Some(name), None, None) => Secret::Environment(name.clone()),
            (None, None, Some(path), None) => Secret::File(self.path(path)),
            (None, None, None, Some(name)) if is_credential(name) => Secret::Credential(name.clone()),
            _ => {
                self.wrong(
                    written.span(),
                    "a secret comes from exactly one place",
                    "{ command = [\"PROGRAM\", \"ARG\"] }, { env = \"NAME\" }, { file = \"PATH\" } or { credential = \"NAME\" }",
                );
                Secret::Environment(String::new())
            }
        }
    }

    /// The known value that is written, else (with a complaint) the first of them.
    pub(super) fn one_of<T: Copy>(&mut self, written: &Spanned<String>, known: [(&str, T); 2]) -> T {
        self.known_word(written, &known, known[0].1)
    }

    pub(super) fn known_word<T: Copy>(&mut self, written: &Spanned<String>, known: &[(&str, T)], usual: T) -> T {
        if let Some((_, value)) = known.iter().find(|(name, _)| name == written.get_ref()) {
            return *value;
        }
        let names: Vec<String> = known.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let message = format!("`{}` is not known here", written.get_ref());
        self.wrong(written.span(), message, &format!("one of {}", names.join(", ")));
        usual
    }

    pub(super) fn duration(&mut self, written: Option<&Spanned<String>>, usual: Duration) -> Duration {
        let Some(written) = written else { return usual };
        match written.get_ref().parse::<SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok()) {
            Some(span) if !span.is_zero() => span,
            _ => {
                let message = format!("`{}` is not a length of time", written.get_ref());
                self.wrong(written.span(), message, "write it like \"45s\", \"10m\" or \"2h\"");
                usual
            }
        }
    }

    /// `~/` is the home folder; anything relative is relative to the configuration's folder.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        path_in(self.file.parent().unwrap_or(Path::new("")), path)
    }
}

/// Whether this can be the name of a credential of systemd: the name of a file, no path.
fn is_credential(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0'])
}

/// A path as it is written in a file of this folder.
pub(super) fn path_in(folder: &Path, path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => folder.join(path),
    }
}

/// Whether a host, as written, can only be this machine.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(super) fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

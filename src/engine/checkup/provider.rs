//! What is known of an account's provider, held against its settings and against what its server shows. Changes
//! nothing there, and takes nothing over by itself.

use super::{Asked, Check};
use crate::edge::config::{Account, KnownBy};
use crate::edge::hand::{Use, there};
use crate::edge::imap::{Fetch, Folder, ImapError, Mailbox, Session, UidSet};
use crate::edge::oauth::Credential;
use crate::mail::topmost_authserv_id;
use crate::provider::{self, Grade, LoginKind, Provider, Subject, UserName};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Mails whose Authentication-Results are looked at.
const MAILS: usize = 5;
/// So many UIDs back they are looked for: there may be gaps.
const BACK: u32 = 200;
/// Bytes of each that are read: the topmost field stands at the top.
const HEAD: u32 = 32 * 1024;
/// Connections of one account: one watches its mailbox, one files and lays drafts.
const EACH: usize = 2;
/// One more looks for a letter among those that were sent, just before it leaves.
const SENDING: usize = 1;
/// Longest name of a Gmail label.
const LABEL: usize = 225;
/// Names that Gmail's own labels have, lower case.
const SYSTEM: &[&str] = &[
    "inbox", "sent", "drafts", "draft", "spam", "trash", "starred", "important", "chats", "chat", "all mail",
    "scheduled", "snoozed", "muted", "unread", "[gmail]", "[google mail]",
];

fn known(account: &Account) -> Option<&'static Provider> {
    provider::named(account.provider?)
}

/// Where the provider's page of the documents is.
fn page(provider: &Provider) -> String {
    format!("docs/providers.md#{}", provider.name)
}

/// What the settings alone show.
pub(super) fn before(account: &Account, about: &impl Fn(&str) -> String) -> Vec<Check> {
    let Some(provider) = known(account) else { return own(account, about).into_iter().collect() };
    let how = match account.known_by {
        Some(KnownBy::Host) => "known by its host",
        Some(KnownBy::Address) => "known by the address",
        Some(KnownBy::Name) | None => "named in the configuration",
    };
    let told = about("provider");
    let mut checks = vec![Check::fine(told, format!("{}, {how}; see {}", provider.label, page(provider)))];
    checks.extend(login_kind(account, provider, about));
    checks.extend(login_name(account, provider, about));
    checks.extend(own(account, about));
    checks
}

/// Whether a login of the kind that is configured is taken.
fn login_kind(account: &Account, provider: &Provider, about: &impl Fn(&str) -> String) -> Option<Check> {
    use LoginKind::{AppPassword, Oauth, Password};
    let takes: Vec<String> = provider.login.iter().map(ToString::to_string).collect();
    let taken = takes.join(" or ");
    let grade = provider.grade(Subject::Login)?;
    let about = about("kind of login");
    let (shown, fits) = match &account.credential {
        Credential::Password(_) => ("a password", provider.takes(&[Password, AppPassword])),
        Credential::Token(_) => ("a token", provider.takes(&[Oauth])),
    };
    if !fits {
        let said = format!("{shown} is shown, and {} takes {taken} ({grade})", provider.label);
        return Some(Check::warning(about, said, format!("expect a refusal; {} tells how to get in", page(provider))));
    }
    let own = shown == "a password" && !provider.login.contains(&Password);
    Some(Check::fine(
        about,
        if own { format!("a password, which must be {AppPassword} ({grade})") } else { format!("{shown} ({grade})") },
    ))
}

/// Whether the login name is of the form that the provider wants.
fn login_name(account: &Account, provider: &Provider, about: &impl Fn(&str) -> String) -> Option<Check> {
    if let Some(other) = other_address(account, provider) {
        return Some(Check::warning(about("login name"), other.0, other.1));
    }
    let wanted = provider.user?;
    let grade = provider.grade(Subject::User)?;
    let domain = account.user.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
    let is_theirs = domain.as_ref().is_some_and(|domain| provider.domains.contains(domain));
    let what = match wanted {
        UserName::Address if domain.is_none() => "the whole address",
        UserName::Local if is_theirs => "what stands before the @",
        UserName::Own if is_theirs => "a name of its own, and not the address",
        _ => return None,
    };
    let said = format!("`{}` is no usual one: {} wants {what} ({grade})", account.user, provider.label);
    let remedy = format!(
        "if the login is refused, write a name like {} as `user`; see {}",
        provider.user_example,
        page(provider)
    );
    Some(Check::warning(about("login name"), said, remedy))
}

/// What is said of an address that another gave, or that has no IMAP, and what to do.
fn other_address(account: &Account, provider: &Provider) -> Option<(String, String)> {
    if let Some(without) = provider::without_imap(&account.user).filter(|without| without.name == provider.name) {
        let said = format!("no IMAP server is known for {}; {} has one", account.user, without.label);
        return Some((said, format!("have its mail forwarded to an address that has one: {}", page(provider))));
    }
    // a name of its own may be an address from anywhere; a server of your own has no addresses that are known
    if provider.domains.is_empty() || provider.user == Some(UserName::Own) {
        return None;
    }
    let other = provider::of_address(&account.user).filter(|other| other.name != provider.name)?;
    let said =
        format!("{} is an address of {}, and the account is one of {}", account.user, other.label, provider.label);
    let remedy = format!(
        "write provider = \"{}\", or leave `provider` and `host` out; if {} gave you this name for the login, all is well",
        other.name, provider.label
    );
    Some((said, remedy))
}

/// Whether it is known which addresses are the shopper's.
fn own(account: &Account, about: &impl Fn(&str) -> String) -> Option<Check> {
    if !account.own_addresses.is_empty() {
        return None;
    }
    let domain = known(account).and_then(|provider| provider.domains.first()).map_or("example.jp", String::as_str);
    let said =
        format!("`{}` is no address, and none is named: what you wrote yourself is not known as yours", account.user);
    Some(Check::warning(about("your addresses"), said, format!("own_addresses = [\"hanako@{domain}\"], with yours")))
}

/// What to do when the login is refused.
pub(super) fn refused(account: &Account) -> Option<String> {
    let provider = known(account).filter(|provider| !provider.refused.is_empty())?;
    Some(format!("{}. Then run modori doctor again: a watch that waits tries at once then", provider.refused))
}

/// What is known of the server, and is not offered by it.
pub(super) fn offered(account: &Account, session: &Session, about: &impl Fn(&str) -> String) -> Option<Check> {
    let provider = known(account).filter(|provider| !provider.capabilities.is_empty())?;
    let grade = provider.grade(Subject::Capabilities)?;
    let missing: Vec<&str> =
        provider.capabilities.iter().map(String::as_str).filter(|capability| !session.has(capability)).collect();
    let about = about("what the server offers");
    if missing.is_empty() {
        return Some(Check::fine(
            about,
            format!("all that is known of {}: {} ({grade})", provider.label, provider.capabilities.join(", ")),
        ));
    }
    let word = match grade {
        Grade::Documented => "documented",
        Grade::Seen | Grade::Guess => "seen by others",
    };
    let said = format!("{word} but not offered: {}", missing.join(", "));
    Some(Check::warning(
        about,
        said,
        "modori does without; it may be another server than you think, or the provider changed it",
    ))
}

/// Whose word on forgeries could count, where nobody's does.
pub(super) async fn vouched(
    account: &Account,
    session: &mut Session,
    opened: Mailbox,
    about: &impl Fn(&str) -> String,
) -> Result<Option<Check>, ImapError> {
    if !account.authserv_ids.is_empty() {
        return Ok(None);
    }
    let about = about("trust");
    let known = known(account).map(|provider| provider.authserv_ids.as_slice()).unwrap_or_default();
    let ids = newest(session, opened).await?;
    let named: BTreeSet<&str> = ids.iter().flatten().map(String::as_str).collect();
    let nobody = "no authserv_ids: nobody's word on forgeries counts, no mail is called verified";
    let look = "open the source of a mail from Rakuten first, and add it only if the topmost Authentication-Results stands there so";
    let mut seen = named.iter();
    let check = match (seen.next(), seen.next()) {
        (Some(id), None) if ids.iter().all(Option::is_some) => {
            let said = match known.iter().any(|known| known == id) {
                true => format!("{nobody}; the newest mails name {id}, which is the provider's"),
                false => {
                    format!("{nobody}; the newest mails name {id}, which whoever sent them could have written, too")
                }
            };
            Check::warning(about, said, format!("authserv_ids = [\"{id}\"]: {look}"))
        }
        _ => {
            let said = match named.len() {
                0 => nobody.to_owned(),
                _ => format!(
                    "{nobody}; the newest mails do not agree: {}",
                    named.into_iter().collect::<Vec<_>>().join(", ")
                ),
            };
            let remedy = match known.first() {
                Some(id) => format!("authserv_ids = [\"{id}\"], as others saw it: {look}"),
                None => "docs/configuration.md, Trust, tells where to look for the name".to_owned(),
            };
            Check::warning(about, said, remedy)
        }
    };
    Ok(Some(check))
}

/// The topmost authserv-id of each of the newest mails of the open mailbox.
///
/// # Errors
/// The connection.
pub async fn newest(session: &mut Session, opened: Mailbox) -> Result<Vec<Option<String>>, ImapError> {
    if opened.messages == 0 || opened.uid_next < 2 {
        return Ok(Vec::new());
    }
    let last = opened.uid_next - 1;
    let there = session.fetch(&UidSet::between(last.saturating_sub(BACK), last), Fetch::Sizes).await?;
    let uids = there.iter().rev().take(MAILS).map(|one| one.uid);
    let heads = session.fetch(&UidSet::of(uids), Fetch::First(HEAD)).await?;
    Ok(heads.iter().map(|one| topmost_authserv_id(&one.bytes)).collect())
}

/// When the server took in the newest mails of the open mailbox: the latest of these.
pub(super) async fn newest_received(session: &mut Session, opened: Mailbox) -> Result<Option<Timestamp>, ImapError> {
    if opened.messages == 0 || opened.uid_next < 2 {
        return Ok(None);
    }
    let last = opened.uid_next - 1;
    let there = session.fetch(&UidSet::between(last.saturating_sub(BACK), last), Fetch::Sizes).await?;
    Ok(there.iter().filter_map(|one| one.received).max())
}

/// What the folders are marked as, whether All Mail is watched, and whether rules name folders that cannot be made.
pub(super) fn marked(
    asked: Asked<'_>,
    session: &Session,
    folders: &[Folder],
    about: &impl Fn(&str) -> String,
) -> Vec<Check> {
    let mut checks: Vec<Check> =
        asked.folders.iter().filter_map(|folder| stays(folder, asked.account, about)).collect();
    let bears = |folder: &Folder, mark: &str| folder.attributes.iter().any(|one| one.eq_ignore_ascii_case(mark));
    let watched = &asked.account.mailbox;
    if folders.iter().any(|folder| folder.name == *watched && bears(folder, "\\All")) {
        checks.push(if session.has("X-GM-EXT-1") {
            let said =
                format!("{watched} shows every mail: filed there by labels, see docs/gmail.md#watching-all-mail");
            Check::fine(about("mailbox"), said)
        } else {
            let said =
                format!("{watched} holds every mail once more: what you file stays in it, and would be seen again");
            Check::warning(about("mailbox"), said, "watch INBOX: mailbox = \"INBOX\", or leave it out")
        });
    }
    if session.has("X-GM-EXT-1") {
        checks.extend(asked.folders.iter().filter_map(|folder| {
            let why = no_label(folder)?;
            let said = format!("{folder} cannot be a Gmail label: {why}");
            Some(Check::failure(about("folders"), said, "give the category another folder in your rules"))
        }));
    }
    let marks = ["\\Drafts", "\\Sent", "\\Junk", "\\All"];
    let found: Vec<String> = marks
        .iter()
        .filter_map(|mark| Some((folders.iter().find(|folder| bears(folder, mark))?, mark.trim_start_matches('\\'))))
        .map(|(folder, mark)| format!("{mark} is {}", folder.name))
        .collect();
    if !found.is_empty() {
        checks.push(Check::fine(about("special folders"), found.join(", ")));
    }
    for (wanted, what, key, configured) in
        [(Use::Drafts, "drafts", "drafts_folder", asked.drafts), (Use::Sent, "sent mail", "sent_folder", asked.sent)]
    {
        let Some(configured) = configured else { continue };
        if there(folders, wanted, configured).is_none() {
            let said = format!("no folder is marked or called as the one for {what}: one is made for the first letter");
            checks.push(Check::warning(
                about("special folders"),
                said,
                format!("name yours: {key} = \"…\" under [replies]"),
            ));
        }
    }
    checks
}

/// A folder that is the watched mailbox itself: nothing is filed into it.
fn stays(folder: &str, account: &Account, about: &impl Fn(&str) -> String) -> Option<Check> {
    let inbox = |name: &str| name.eq_ignore_ascii_case("INBOX");
    if folder != account.mailbox && !(inbox(folder) && inbox(&account.mailbox)) {
        return None;
    }
    let said = format!("{folder} is the mailbox that is watched: mail that is to go there stays where it is, unfiled");
    Some(Check::warning(about("folders"), said, "give the category another folder, or let its rule name none"))
}

/// Why a folder cannot be a Gmail label.
fn no_label(folder: &str) -> Option<String> {
    let first = folder.split('/').next().unwrap_or_default().trim().to_lowercase();
    if SYSTEM.contains(&first.as_str()) {
        return Some(format!("`{first}` is a name of Gmail's own"));
    }
    let length = folder.chars().count();
    (length > LABEL).then(|| format!("it has {length} letters, and {LABEL} is the most"))
}

/// How many connections are used, against what each provider allows one login at a time; `sends`: letters are sent.
#[must_use]
pub fn budget(accounts: &[Account], sends: bool) -> Vec<Check> {
    let mut logins: BTreeMap<(String, &str), Vec<&Account>> = BTreeMap::new();
    for account in accounts {
        logins.entry((account.host.to_lowercase(), account.user.as_str())).or_default().push(account);
    }
    let one = |((_, user), accounts): ((String, &str), Vec<&Account>)| {
        let first = accounts.first()?;
        let provider = known(first)?;
        let most = provider.connections?;
        let grade = provider.grade(Subject::Connections)?;
        let uses = accounts.len().saturating_mul(if sends { EACH + SENDING } else { EACH });
        let names: Vec<&str> = accounts.iter().map(|account| account.name.as_str()).collect();
        let about = format!("account {}: connections", names.join(", "));
        let said = format!("{uses} at most for {user}, of {most} that {} allows at a time ({grade})", provider.label);
        Some(if uses.saturating_mul(2) > most as usize {
            let remedy = if accounts.len() > 1 {
                "your phone and other programs need some, too: watch fewer mailboxes of one login"
            } else {
                "your phone and other programs need some, too: should logins be refused now and then, close one of those"
            };
            Check::warning(about, said, remedy)
        } else {
            Check::fine(about, said)
        })
    };
    let twice = twice(&logins);
    logins.into_iter().filter_map(one).chain(twice).collect()
}

/// Mailboxes that more than one account watches: each of their mails is seen, and alerted, more than once.
fn twice(logins: &BTreeMap<(String, &str), Vec<&Account>>) -> Vec<Check> {
    let mut found = Vec::new();
    for ((_, user), accounts) in logins {
        let mut watched: BTreeMap<(&str, u16), Vec<&str>> = BTreeMap::new();
        for account in accounts {
            watched.entry((&account.mailbox, account.port)).or_default().push(&account.name);
        }
        let several = watched.into_iter().filter(|(_, names)| names.len() > 1);
        found.extend(several.map(|((mailbox, _), names)| {
            let said = format!(
                "{mailbox} of {user} is watched by each: every mail in it is seen, and alerted, by all of them"
            );
            Check::warning(
                format!("account {}: mailbox", names.join(", ")),
                said,
                "keep one of them, or name another `mailbox`",
            )
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_gmail_keeps_for_itself_are_no_labels() {
        for (folder, fits) in [
            ("楽天/再入荷", true),
            ("Inbox/楽天", false),
            ("INBOX", false),
            ("[Gmail]/楽天", false),
            ("All Mail", false),
            ("Sent by me", true),
            (&"あ".repeat(225), true),
            (&"あ".repeat(226), false),
        ] {
            assert_eq!(no_label(folder).is_none(), fits, "{folder}");
        }
    }
}

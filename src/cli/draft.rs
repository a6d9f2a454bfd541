//! `modori rules new`: writes a rule made from a mail into the shopper's rules folder, or prints it.

use super::args::NewRule;
use super::{Failure, mails, setup};
use crate::edge::files::{Before, FileMail, Mark};
use crate::mail::{self, Reading};
use crate::rules::draft::{self, Draft, Wish};
use crate::rules::{self, Known, Layer, Source};
use std::path::{Path, PathBuf};

/// Makes the rule, tries it with all others, and writes it.
pub(super) fn run(arguments: &NewRule, config: Option<&Path>, state: Option<&Path>) -> Result<(), Failure> {
    let there = |folder: &Option<PathBuf>| folder.clone().filter(|folder| folder.is_dir());
    let named = setup::config_if_any(config)?;
    let account = arguments.account.as_deref().map(|name| setup::account(named.as_ref(), name)).transpose()?;
    let shared = arguments.rules.clone().or_else(|| named.as_ref().and_then(|config| config.rules.clone()));
    let own = setup::layers(there(&shared).as_deref(), account)?;
    let folder = match account {
        None => shared.clone(),
        Some(account) => Some(account.own.rules.clone().ok_or_else(|| {
            let name = &account.name;
            Failure::broken(format!(
                "the account `{name}` has no rule folder: write rules = \"DIR\" in its [[account]]"
            ))
        })?),
    };
    let found = find(&arguments.mail, config, state)?;
    let authserv_id = &arguments.authserv_id;
    let quiet = setup::quiet(config, there(&shared).as_deref(), authserv_id, arguments.account.as_deref())?;
    let reading = Reading { received: found.received, size: found.size, authserv_ids: &quiet.authserv_ids };
    let mail = mail::read(&found.bytes, &reading);
    let known = Known { own_addresses: quiet.own_addresses, ..Known::default() };
    let new = !quiet.rules.categories().any(|name| name == arguments.category);
    if new && arguments.folder.is_none() {
        let all: Vec<&str> = quiet.rules.categories().collect();
        return Err(Failure::broken(format!(
            "there is no category `{}` (there are {}); a new one wants `--folder NAME`, where its mail is filed",
            arguments.category,
            all.join(", ")
        )));
    }
    let wish =
        Wish { category: arguments.category.clone(), name: arguments.name.clone(), folder: arguments.folder.clone() };
    let draft = draft::draft(&own, &mail, &known, &wish).map_err(Failure::new)?;
    let Some(folder) = folder.filter(|_| !arguments.stdout) else {
        anstream::print!("{}\n{}", draft.head, draft.text);
        if !arguments.stdout {
            anstream::eprintln!(
                "\nno rules folder is configured: save this as a *.toml in one and name it in config.toml (`rules = \"DIR\"`), \
                 or give it with --rules DIR"
            );
        }
        return Ok(());
    };
    let (file, text) = place(&folder, &wish.category, &draft, &own)?;
    std::fs::create_dir_all(&folder)
        .and_then(|()| write(&file, &text))
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", file.display())))?;
    anstream::println!("the rule `{}` was written to {}", draft.name, file.display());
    let of_account = account.map(|account| format!(" --account {}", account.name)).unwrap_or_default();
    for note in &draft.notes {
        anstream::println!("  {note}");
    }
    anstream::println!(
        "  look at it, and try it: modori rules check; modori explain{} {}",
        of_account,
        found.path.display()
    );
    Ok(())
}

/// The mail: a file, standard input, or one that was moved by hand, by its Message-ID.
fn find(mail: &str, config: Option<&Path>, state: Option<&Path>) -> Result<FileMail, Failure> {
    let path = PathBuf::from(mail);
    let id = mail.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    if let Some(id) = id.filter(|_| !path.exists()) {
        let bytes = super::corrections::by_id(id, config, state)?;
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let now = crate::edge::clock::Clock::system().now();
        let read = mail::read(&bytes, &Reading { received: now, size, authserv_ids: &[] });
        let received = read.date.unwrap_or(now);
        return Ok(FileMail {
            label: mail.to_owned(),
            path: PathBuf::from("MAIL"),
            received,
            size,
            bytes,
            before: Before::default(),
            mark: Mark::default(),
        });
    }
    let paths = [path];
    let mut all = mails::all(&paths);
    let first = match all.next() {
        Some(Ok(first)) => first,
        Some(Err(unread)) => return Err(Failure::new(format!("{}: {}", unread.file, unread.what))),
        None => return Err(Failure::new(format!("{mail} holds no mail"))),
    };
    if all.next().is_some() {
        return Err(Failure::broken(format!("{mail} holds several mails; name one .eml file")));
    }
    Ok(first)
}

/// Which file the rule goes to, and the whole text of that file with it: tried once more as a whole.
fn place(folder: &Path, category: &str, draft: &Draft, own: &[Layer]) -> Result<(PathBuf, String), Failure> {
    let plain: String =
        category.chars().map(|c| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect();
    for n in 1..100 {
        let stem = if n == 1 { format!("my-{plain}") } else { format!("my-{plain}-{n}") };
        let file = folder.join(format!("{stem}.toml"));
        let old = match std::fs::read_to_string(&file) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::new(format!("cannot read {}: {error}", file.display()))),
        };
        let text = match old {
            Some(old) => format!("{}\n\n{}", old.trim_end(), draft.text),
            None => format!("{}\n{}", draft.head, draft.text),
        };
        let name = file.display().to_string().replace('\\', "/");
        let all = draft::with_file(own, Source::new(name, text.clone()));
        // a file of this name may be of another category: the next name, then
        if rules::check_layers(&all).is_fine() {
            return Ok((file, text));
        }
    }
    Err(Failure::new(format!("no file in {} takes the rule; --stdout prints it", folder.display())))
}

/// Whole or not at all: a watching modori must never read half a file.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let beside = file.with_extension("toml.new");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, file)
}

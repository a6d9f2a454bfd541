//! `modori init --agree`: from observing to filing, by one line of the configuration.

use super::super::Failure;
use super::super::render;
use crate::edge::config::Config;
use crate::edge::files::Beside;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Changes the line, if that gives a configuration that passes.
pub(super) fn run(file: &Path, state: Option<&Path>) -> Result<(), Failure> {
    let before = Config::load_with(file, state).map_err(|broken| Failure::broken(broken.to_string()))?;
    if !before.policy.observe {
        anstream::println!("{} files mail already: nothing was changed", file.display());
        return Ok(());
    }
    // a link stays one: the file behind it is changed
    let place: PathBuf = std::fs::canonicalize(file)
        .map_err(|error| Failure::broken(format!("cannot find {}: {error}", file.display())))?;
    let text = std::fs::read_to_string(&place)
        .map_err(|error| Failure::broken(format!("cannot read {}: {error}", place.display())))?;
    let by_hand = || {
        Failure::broken(format!(
            "{}: write mode = \"move\" under [filing] by hand; nothing was changed",
            file.display()
        ))
    };
    let text = agreed(&text).ok_or_else(by_hand)?;
    let after = Config::parse(file, &text).map_err(|_| by_hand())?;
    if after.policy.observe || after.accounts.len() != before.accounts.len() {
        return Err(by_hand());
    }
    change(&place, &text).map_err(|error| Failure::new(format!("{error}; nothing was changed")))?;
    anstream::println!(
        "{} says mode = \"move\" now: mail is filed into its folders, nothing is deleted\n\n\
         A watch that runs takes it at its next start. What lies there already:\n  \
         modori sweep --dry-run     what would be filed\n  \
         modori sweep               file it\n  \
         modori undo --since DAY    take it back",
        render::one_line(&file.display().to_string())
    );
    Ok(())
}

/// Whoever may read the file may read it afterwards: a service of the system reads what is root's.
fn change(place: &Path, text: &str) -> Result<(), String> {
    let beside = Beside::new(place, true).map_err(|error| error.to_string())?;
    let written = beside.open().map_err(|error| error.to_string())?.write_all(text.as_bytes());
    written.map_err(|error| format!("cannot write {}: {error}", place.display()))?;
    beside.like_before().and_then(|()| beside.keep()).map_err(|error| error.to_string())
}

/// The text with `mode = "move"` under `[filing]`; all else, comments too, as it was. `None`: it cannot be told where.
fn agreed(text: &str) -> Option<String> {
    let is_table = |line: &str| line.trim_start().starts_with('[');
    let name = |line: &str| line.trim().trim_start_matches('[').split(']').next().map(|name| name.trim().to_owned());
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let filing = lines.iter().position(|line| is_table(line) && name(line).as_deref() == Some("filing"));
    let Some(filing) = filing else {
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { end };
        return Some(format!("{text}{gap}{end}[filing]{end}mode = \"move\"{end}"));
    };
    let rest = lines.get(filing.saturating_add(1)..)?;
    let own = rest.iter().take_while(|line| !is_table(line));
    let mode = own.clone().position(|line| line.split('=').next().map(str::trim) == Some("mode"));
    let mut out: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    match mode {
        Some(mode) => {
            let at = filing.saturating_add(1).saturating_add(mode);
            let line = out.get_mut(at)?;
            let changed = ["\"observe\"", "'observe'"].iter().find_map(|word| {
                let (before, after) = line.split_once(word)?;
                // what was said of observing is no longer true
                let after = if after.trim_start().starts_with('#') { end.to_owned() } else { after.to_owned() };
                Some(format!("{}\"move\"{after}", before))
            });
            *line = changed?;
        }
        None => {
            let line = out.get_mut(filing)?;
            let gap = if line.ends_with('\n') { "" } else { end };
            line.push_str(&format!("{gap}mode = \"move\"{end}"));
        }
    }
    Some(out.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn who_may_read_the_file_may_read_it_afterwards() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, "a").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        change(&file, "b").unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "b");
    }

    #[test]
    fn one_line_is_changed_and_no_other() {
        for (before, after) in [
            (
                "a = 1 # observe\n[filing]\n# mode = \"observe\"\nmode = \"observe\"  # moves nothing\nbacklog = \"sort\"\n[alerts]\n",
                Some(
                    "a = 1 # observe\n[filing]\n# mode = \"observe\"\nmode = \"move\"\nbacklog = \"sort\"\n[alerts]\n",
                ),
            ),
            ("[filing]\r\nmode='observe'\r\n", Some("[filing]\r\nmode=\"move\"\r\n")),
            ("[ filing ] # x\n[alerts]\n", Some("[ filing ] # x\nmode = \"move\"\n[alerts]\n")),
            ("[filing]", Some("[filing]\nmode = \"move\"\n")),
            ("[alerts]\nmode = \"observe\"", Some("[alerts]\nmode = \"observe\"\n\n[filing]\nmode = \"move\"\n")),
            ("[filing]\nmode = \"watch\"\n", None),
        ] {
            assert_eq!(agreed(before).as_deref(), after, "{before}");
        }
    }
}

//! `[alerts]`: which channels tell, in what order, and when something is told later or not at all.

use super::check::{Check, seconds};
use super::{Channel, syntax};
use crate::plan::calm::{Calm, SIGHT, WANTED};
use crate::plan::sight::Blind;
use crate::plan::{Late, Policy};
use crate::rules::diagnostic::meant;
use crate::rules::{Priority, category};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use toml::Spanned;

/// So many alerts an hour are told one by one.
const MOST_AN_HOUR: u32 = 20;
/// As they are written.
const PRIORITIES: [(&str, Priority); 4] = [
    ("urgent", Priority::Urgent),
    ("high", Priority::High),
    ("normal", Priority::Normal),
    ("silent", Priority::Silent),
];
/// Categories that are there without a rule of the shopper's.
const CATEGORIES: [&str; 9] = [
    category::RESTOCK,
    category::CANCELLATION,
    category::POINT_REFUND,
    category::COUPON,
    category::ORDER,
    category::OTHER,
    "reminder",
    "rules",
    SIGHT,
];
/// No quiet hours are longer.
const LONGEST_QUIET: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Check<'_> {
    /// The part of the policy that is about alerts.
    pub(super) fn alerts(&mut self, written: &syntax::Alerts, channels: &BTreeMap<String, Channel>) -> Policy {
        self.there_are(&written.channels, channels);
        self.there_are(&written.fallback, channels);
        for name in &written.fallback {
            if written.channels.iter().any(|first| first.get_ref() == name.get_ref()) {
                let message = format!("`{}` tells at once already", name.get_ref());
                self.wrong(name.span(), message, "name each channel once, under `channels` or under `fallback`");
            }
        }
        let late = match &written.late {
            Some(late) => self.one_of(late, [("summary", Late::Summary), ("each", Late::Each)]),
            None => Late::Summary,
        };
        let stale_after = self.duration(written.stale_after.as_ref(), Duration::from_secs(15 * 60));
        let give_up_after = self.duration(written.give_up_after.as_ref(), Duration::from_secs(2 * 3600));
        let fallback_after = self.duration(written.fallback_after.as_ref(), Duration::from_secs(20));
        Policy {
            channels: names(&written.channels),
            fallback: names(&written.fallback),
            only_wanted: written.only_wanted.unwrap_or(false),
            fallback_after_s: seconds(fallback_after),
            stale_after_s: seconds(stale_after),
            give_up_after_s: seconds(give_up_after),
            late,
            calm: self.calm(written),
            ..Policy::default()
        }
    }

    fn there_are(&mut self, named: &[Spanned<String>], channels: &BTreeMap<String, Channel>) {
        for name in named.iter().filter(|name| !channels.contains_key(name.get_ref())) {
            let known: Vec<&str> = channels.keys().map(String::as_str).collect();
            let help = meant(name.get_ref(), &known).map_or_else(
                || format!("add a table [channel.{}]", name.get_ref()),
                |known| format!("did you mean `{known}`?"),
            );
            self.wrong(name.span(), format!("there is no channel `{}`", name.get_ref()), &help);
        }
    }

    fn calm(&mut self, written: &syntax::Alerts) -> Calm {
        let usual = Calm::default();
        let mut priority = BTreeMap::new();
        for (category, word) in &written.priority {
            self.looks_right(category, &CATEGORIES, "");
            priority.insert(category.get_ref().clone(), self.known_word(word, &PRIORITIES, Priority::Normal));
        }
        let mut quiet = Vec::new();
        for hours in &written.quiet.hours {
            match hours.get_ref().parse() {
                Ok(window) => quiet.push(window),
                Err(error) => self.wrong(
                    hours.span(),
                    format!("`{}` is {error}", hours.get_ref()),
                    "times are those of Tokyo; hours that end before they begin end on the next day: 23:00-07:00",
                ),
            }
        }
        let mut known: Vec<&str> = vec![WANTED, "urgent", "high", "normal"];
        known.extend(CATEGORIES);
        let except = match &written.quiet.except {
            Some(except) => {
                for name in except {
                    self.looks_right(name, &known, "a priority, a category, or \"wanted\"");
                }
                except.iter().map(|name| name.get_ref().clone()).collect()
            }
            None => BTreeSet::from([WANTED.to_owned()]),
        };
        let most_an_hour = written.most_an_hour.as_ref().map_or(MOST_AN_HOUR, |most| *most.get_ref());
        let calm = Calm { priority, quiet, except, most_an_hour, ..usual };
        let begin = Timestamp::UNIX_EPOCH;
        let nothing = crate::plan::Alert { priority: Priority::Silent, ..crate::plan::Alert::default() };
        let endless = calm.quiet_until(&nothing, begin).is_some_and(|end| end.duration_since(begin) > LONGEST_QUIET);
        if let (true, Some(first)) = (endless, written.quiet.hours.first()) {
            self.wrong(first.span(), "these quiet hours never end", "leave a time of the day at which you are told");
        }
        calm
    }

    /// Names of the shopper's own categories are hers; one that is nearly a known one is a slip.
    fn looks_right(&mut self, name: &Spanned<String>, known: &[&str], help: &str) {
        let word = name.get_ref().as_str();
        if known.contains(&word) {
            return;
        }
        if let Some(known) = meant(word, known) {
            let message = format!("`{word}` is not known here");
            self.wrong(name.span(), message, &format!("did you mean `{known}`?"));
        } else if word == "silent" {
            self.wrong(name.span(), "what is silent is not told at any hour", help);
        }
    }

    /// When blindness is told, and by which channels: a mail would lie in a mailbox that is perhaps the blind one.
    pub(super) fn blind(
        &mut self,
        written: &syntax::Sight,
        policy: &Policy,
        channels: &BTreeMap<String, Channel>,
    ) -> Blind {
        let after = self.duration(written.blind_after.as_ref(), Duration::from_secs(5 * 60));
        let after_hot = self.duration(written.blind_after_hot.as_ref(), Duration::from_secs(60));
        let told = written.alert.unwrap_or(true);
        let span = |span: Duration| SignedDuration::try_from(span).ok().filter(|_| told);
        let by_mail = |name: &&String| channels.get(*name).is_some_and(|channel| channel.kind.is_mail());
        let (mail, other): (Vec<&String>, Vec<&String>) = policy.channels.iter().partition(by_mail);
        let (later_mail, later): (Vec<&String>, Vec<&String>) = policy.fallback.iter().partition(by_mail);
        let owned = |names: Vec<&String>| names.into_iter().cloned().collect::<Vec<String>>();
        // those that are not mail first, in their order; mail is asked when none of them took it
        let (first, then) = match (other.is_empty(), later.is_empty()) {
            (true, true) => (mail, later_mail),
            _ => (other, later.into_iter().chain(mail).chain(later_mail).collect()),
        };
        Blind { after: span(after), after_hot: span(after_hot), channels: owned(first), fallback: owned(then) }
    }
}

fn names(written: &[Spanned<String>]) -> Vec<String> {
    written.iter().map(|name| name.get_ref().clone()).collect()
}

#[cfg(test)]
mod tests {
    use crate::edge::config::Config;
    use crate::plan::calm::Calm;
    use crate::plan::sight::Blind;
    use crate::rules::Priority;
    use std::path::Path;

    const CHANNELS: &str = "[channel.phone]\nkind = \"ntfy\"\ntopic = \"t\"\n[channel.desk]\nkind = \"command\"\nargv = [\"x\"]\n\
        [channel.mail]\nkind = \"smtp\"\nhost = \"h\"\nfrom = \"a@b\"\nto = [\"a@b\"]\n";

    fn parse(alerts: &str) -> Result<Config, String> {
        let text = format!("{alerts}{CHANNELS}");
        Config::parse(Path::new("/etc/modori/config.toml"), &text).map_err(|broken| broken.to_string())
    }

    #[test]
    fn the_chain_and_the_quiet_hours_are_read() {
        let config = parse(
            "[alerts]\nchannels = [\"phone\"]\nfallback = [\"desk\", \"mail\"]\nfallback_after = \"30s\"\nmost_an_hour = 5\n\
             [alerts.priority]\nrestock = \"high\"\ncoupon = \"silent\"\nmine = \"urgent\"\n\
             [alerts.quiet]\nhours = [\"23:00-07:00\", \"sat 00:00-09:00\"]\nexcept = [\"wanted\", \"urgent\", \"mine\"]\n",
        )
        .unwrap();
        let policy = config.policy;
        assert_eq!((policy.channels.len(), policy.fallback.len(), policy.fallback_after_s), (1, 2, 30));
        assert_eq!((policy.calm.most_an_hour, policy.calm.quiet.len(), policy.calm.except.len()), (5, 2, 3));
        assert_eq!(policy.calm.priority_of("coupon", Priority::Normal), Priority::Silent);
        assert_eq!(policy.calm.priority_of("mine", Priority::Normal), Priority::Urgent);
        let usual = parse("").unwrap().policy;
        assert_eq!(usual.calm, Calm { most_an_hour: 20, ..Calm::default() });
        assert_eq!(usual.fallback_after_s, 20);
    }

    #[test]
    fn blindness_is_told_by_mail_last() {
        let blind = |alerts: &str| {
            let Blind { channels, fallback, .. } = parse(alerts).unwrap().policy.blind;
            (channels.join(" "), fallback.join(" "))
        };
        let is = |first: &str, then: &str| (first.to_owned(), then.to_owned());
        assert_eq!(
            blind("[alerts]\nchannels = [\"mail\", \"phone\"]\nfallback = [\"desk\"]\n"),
            is("phone", "desk mail")
        );
        assert_eq!(blind("[alerts]\nchannels = [\"mail\"]\nfallback = [\"desk\"]\n"), is("", "desk mail"));
        assert_eq!(blind("[alerts]\nchannels = [\"mail\"]\n"), is("mail", ""));
        assert_eq!(blind("[alerts]\nfallback = [\"phone\", \"mail\"]\n"), is("", "phone mail"));
    }

    #[test]
    fn what_is_wrong_is_shown_where_it_is() {
        for (text, at, says) in [
            ("[alerts]\nfallback = [\"phne\"]\n", "2:13", "did you mean `phone`"),
            ("[alerts]\nchannels = [\"phone\"]\nfallback = [\"phone\"]\n", "3:13", "tells at once already"),
            ("[alerts]\nfallback_after = \"soon\"\n", "2:18", "length of time"),
            ("[alerts.priority]\nrestok = \"high\"\n", "2:1", "did you mean `restock`"),
            ("[alerts.priority]\nrestock = \"loud\"\n", "2:11", "\"urgent\", \"high\", \"normal\", \"silent\""),
            ("[alerts.quiet]\nhours = [\"11pm\"]\n", "2:10", "not a time like"),
            ("[alerts.quiet]\nhours = [\"00:00-12:00\", \"12:00-00:00\"]\n", "2:10", "never end"),
            ("[alerts.quiet]\nexcept = [\"wantd\"]\n", "2:11", "did you mean `wanted`"),
            ("[alerts.quiet]\nexcept = [\"silent\"]\n", "2:11", "not told at any hour"),
        ] {
            let broken = parse(text).err().unwrap();
            assert!(broken.contains(&format!("config.toml:{at}")) && broken.contains(says), "{text}\n→ {broken}");
        }
    }
}

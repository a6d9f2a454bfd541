//! The texts of one mail as rules see them, and every word of every rule found in them in one pass.

use crate::facts::{Facts, Field, Span};
use crate::mail::{Mail, PartKind, Text};
use crate::text::Folded;
use crate::text::clause;
use aho_corasick::AhoCorasick;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

/// Bytes of one text that are looked at.
const MAX_TEXT: usize = 512 * 1024;
/// Links, recipients or headers of one kind that are looked at.
const MAX_MANY: usize = 2000;
/// Hits that are remembered of one mail.
const MAX_HITS: usize = 200_000;

/// Which text of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Spot {
    From,
    FromDomain,
    To,
    Subject,
    Body,
    Link,
    LinkHost,
    LinkText,
    Attachment,
    /// Index into the rule set's list of header names.
    Header(u16),
}

/// One text of a mail.
#[derive(Debug)]
pub(super) struct Hay<'m> {
    pub(super) spot: Spot,
    /// In normal form (hosts and domains: as they are).
    pub(super) text: Cow<'m, str>,
    /// As written.
    pub(super) raw: Cow<'m, str>,
    way: Way<'m>,
}

/// The way back from the text matched to the text written.
#[derive(Debug)]
enum Way<'m> {
    Same,
    Kept(Folded),
    Lent {
        folded: &'m Folded,
        /// Line ends taken out of the normal form: where they would stand in the joined text.
        joins: Vec<usize>,
    },
}

impl Hay<'_> {
    /// Bytes of `raw` that a range of `text` came from.
    pub(super) fn origin(&self, range: Range<usize>) -> Range<usize> {
        match &self.way {
            Way::Same => range,
            Way::Kept(folded) => folded.origin(range),
            Way::Lent { folded, joins } => {
                let start = range.start + joins.partition_point(|join| *join <= range.start);
                folded.origin(start..range.end + joins.partition_point(|join| *join < range.end))
            }
        }
    }

    /// The words at a range of `text`, as written.
    pub(super) fn written(&self, range: Range<usize>) -> &str {
        self.raw.get(self.origin(range)).unwrap_or_default().trim()
    }
}

/// A word of a rule seen in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    pub(super) word: u32,
    pub(super) hay: u32,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The hits of one mail. Nearly every question about a word is answered by one bit: not seen.
#[derive(Debug)]
struct Hits {
    list: Vec<Hit>,
    seen: Vec<u64>,
}

impl Hits {
    fn new(list: Vec<Hit>, words: usize) -> Self {
        let mut seen = vec![0_u64; words.div_ceil(64)];
        for hit in &list {
            if let Some(bits) = seen.get_mut(hit.word as usize / 64) {
                *bits |= 1 << (hit.word % 64);
            }
        }
        Self { list, seen }
    }

    fn of(&self, word: u32) -> &[Hit] {
        if self.seen.get(word as usize / 64).is_none_or(|bits| bits & (1 << (word % 64)) == 0) {
            return &[];
        }
        let from = self.list.partition_point(|hit| hit.word < word);
        let to = self.list.partition_point(|hit| hit.word <= word);
        self.list.get(from..to).unwrap_or_default()
    }
}

/// All words of a rule set, found in one pass.
#[derive(Debug, Default)]
pub(super) struct Words {
    list: Vec<String>,
    index: std::collections::HashMap<String, u32>,
    finder: Option<AhoCorasick>,
}

impl Words {
    /// The number of a word, which is taken in if it is new.
    pub(super) fn take(&mut self, word: String) -> u32 {
        let next = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        *self.index.entry(word.clone()).or_insert_with(|| {
            self.list.push(word);
            next
        })
    }

    /// A word by its number.
    pub(super) fn word(&self, number: u32) -> &str {
        self.list.get(number as usize).map_or("", String::as_str)
    }

    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// Must be called once after the last [`Self::take`]. False when there are too many words.
    pub(super) fn finish(&mut self) -> bool {
        if self.list.is_empty() {
            return true;
        }
        self.finder = AhoCorasick::new(&self.list).ok();
        self.finder.is_some()
    }

    fn find(&self, hays: &[Hay<'_>], raw: bool) -> Vec<Hit> {
        let mut hits = Vec::new();
        let Some(finder) = &self.finder else { return hits };
        for (hay, text) in hays.iter().enumerate() {
            let room = MAX_HITS.saturating_sub(hits.len());
            let text = if raw { text.raw.as_ref() } else { text.text.as_ref() };
            let text = text.get(..floor(text, MAX_TEXT)).unwrap_or_default();
            hits.extend(finder.find_overlapping_iter(text).take(room).map(|found| Hit {
                word: found.pattern().as_u32(),
                hay: u32::try_from(hay).unwrap_or(u32::MAX),
                start: found.start(),
                end: found.end(),
            }));
        }
        hits.sort_unstable();
        hits
    }
}

/// What a rule set looks at, so that nothing else is prepared.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) spots: BTreeSet<Spot>,
    /// Header names in lower case; [`Spot::Header`] counts into it.
    pub(super) headers: Vec<String>,
}

/// One mail, ready to be judged.
#[derive(Debug)]
pub(super) struct Page<'m> {
    pub(super) mail: &'m Mail,
    pub(super) facts: &'m Facts,
    pub(super) hays: Vec<Hay<'m>>,
    hits: Hits,
    exact: Hits,
    /// Names of items and of the shop, as bytes of `subject.raw` and `body.raw`.
    subject_names: Vec<Range<usize>>,
    body_names: Vec<Range<usize>>,
    /// Different item pages that the mail links to.
    pub(super) item_links: u64,
    /// Ends of the first so many lines of the body, as they were asked for.
    heads: RefCell<Vec<((usize, usize), usize)>>,
}

impl<'m> Page<'m> {
    pub(super) fn new(mail: &'m Mail, facts: &'m Facts, wanted: &Wanted, words: &Words, exact: &Words) -> Self {
        let hays = hays(mail, wanted);
        let hits = Hits::new(words.find(&hays, false), words.count());
        let exact = Hits::new(exact.find(&hays, true), exact.count());
        Self {
            mail,
            facts,
            hays,
            hits,
            exact,
            subject_names: names(&mail.subject, Field::Subject, facts),
            body_names: names(&mail.body, Field::Body, facts),
            item_links: item_links(mail),
            heads: RefCell::default(),
        }
    }

    /// All hits of a word, in order.
    pub(super) fn hits(&self, word: u32, exact: bool) -> &[Hit] {
        if exact { self.exact.of(word) } else { self.hits.of(word) }
    }

    /// All words that were seen, each once.
    pub(super) fn seen(&self, exact: bool) -> impl Iterator<Item = u32> {
        let hits = if exact { &self.exact.list } else { &self.hits.list };
        hits.chunk_by(|a, b| a.word == b.word).filter_map(|run| run.first()).map(|hit| hit.word)
    }

    /// Whether these bytes (as written) lie inside the name of an item or a shop.
    pub(super) fn is_name(&self, spot: Spot, range: &Range<usize>) -> bool {
        let names = match spot {
            Spot::Subject => &self.subject_names,
            Spot::Body => &self.body_names,
            _ => return false,
        };
        names.iter().any(|name| name.start <= range.start && range.end <= name.end)
    }

    /// Whether a byte of the body (as written) is new, quoted or forwarded text.
    pub(super) fn part_at(&self, at: usize) -> PartKind {
        let parts = &self.mail.parts;
        let after = parts.partition_point(|part| part.range.end <= at);
        parts.get(after).filter(|part| part.range.contains(&at)).map_or(PartKind::New, |part| part.kind)
    }

    /// Where the first so many lines with text end, in the text of the body.
    pub(super) fn head_ends(&self, text: &str, lines: usize) -> usize {
        if let Some((_, end)) = self.heads.borrow().iter().find(|(known, _)| *known == (lines, text.len())) {
            return *end;
        }
        let mut at = 0;
        let mut seen = 0;
        for line in text.split_inclusive('\n') {
            if seen == lines {
                break;
            }
            seen += usize::from(!line.trim().is_empty());
            at += line.len();
        }
        self.heads.borrow_mut().push(((lines, text.len()), at));
        at
    }
}

fn hays<'m>(mail: &'m Mail, wanted: &Wanted) -> Vec<Hay<'m>> {
    let mut hays = Vec::new();
    let inner = mail.inner.as_ref();
    let senders = || std::iter::once(&mail.from).chain(inner.and_then(|inner| inner.from.as_ref()));
    let links = || mail.links.iter().take(MAX_MANY);
    for spot in &wanted.spots {
        match *spot {
            Spot::From => hays.extend(senders().map(|from| own(*spot, format!("{}\n{}\n", from.name, from.addr)))),
            Spot::FromDomain => hays.extend(senders().map(|from| same(*spot, from.domain()))),
            Spot::To => {
                hays.extend(mail.to.iter().take(MAX_MANY).map(|to| own(*spot, format!("{}\n{}\n", to.name, to.addr))))
            }
            Spot::Subject => {
                hays.push(lent(*spot, &mail.subject));
                hays.extend(inner.filter(|inner| !inner.subject.is_empty()).map(|i| own(*spot, i.subject.clone())));
            }
            Spot::Body => hays.push(lent(*spot, &mail.body)),
            Spot::Link => hays.extend(links().map(|link| own(*spot, link.href.clone()))),
            Spot::LinkHost => hays.extend(links().map(|link| same(*spot, &link.host))),
            Spot::LinkText => hays.extend(links().map(|link| own(*spot, link.text.clone()))),
            Spot::Attachment => hays.extend(mail.attachments.iter().map(|file| own(*spot, file.name.clone()))),
            Spot::Header(at) => {
                let Some(name) = wanted.headers.get(usize::from(at)) else { continue };
                let named = mail.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
                hays.extend(named.take(MAX_MANY).map(|header| own(*spot, header.value.clone())));
            }
        }
    }
    hays
}

fn same(spot: Spot, text: &str) -> Hay<'_> {
    Hay { spot, text: Cow::Borrowed(text), raw: Cow::Borrowed(text), way: Way::Same }
}

fn own<'m>(spot: Spot, raw: String) -> Hay<'m> {
    let end = floor(&raw, MAX_TEXT);
    let folded = crate::text::fold(raw.get(..end).unwrap_or_default());
    Hay { spot, text: Cow::Owned(folded.text().to_owned()), raw: Cow::Owned(raw), way: Way::Kept(folded) }
}

/// A text of the mail itself; lines that a mail program broke in the middle of a sentence are joined again.
fn lent(spot: Spot, text: &Text) -> Hay<'_> {
    let folded = text.folded.text();
    let folded = folded.get(..floor(folded, MAX_TEXT)).unwrap_or_default();
    let mut joins = Vec::new();
    let mut at = 0;
    let mut line_start = 0;
    while let Some(length) = folded.get(at..).and_then(|rest| rest.find('\n')) {
        let end = at + length;
        let line = folded.get(line_start..end).unwrap_or_default();
        let rest = folded.get(end + 1..).unwrap_or_default();
        if clause::wrapped(line, rest) {
            joins.push(end);
        }
        at = end + 1;
        line_start = at;
    }
    let joined = if joins.is_empty() {
        Cow::Borrowed(folded)
    } else {
        let mut joined = String::with_capacity(folded.len());
        let mut from = 0;
        for join in &joins {
            joined.push_str(folded.get(from..*join).unwrap_or_default());
            from = join + 1;
        }
        joined.push_str(folded.get(from..).unwrap_or_default());
        joins.iter_mut().enumerate().for_each(|(before, join)| *join -= before);
        Cow::Owned(joined)
    };
    Hay { spot, text: joined, raw: Cow::Borrowed(&text.raw), way: Way::Lent { folded: &text.folded, joins } }
}

/// The largest character boundary not beyond `at`.
fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Where the names of the mail's items and of its shop stand.
fn names(text: &Text, field: Field, facts: &Facts) -> Vec<Range<usize>> {
    let mut names = Vec::new();
    let inside = |span: &Span, name: &str| {
        let words = text.raw.get(span.range.clone())?;
        let at = span.range.start + words.find(name)?;
        Some(at..at + name.len())
    };
    for item in facts.items.iter().filter(|item| field == Field::Body && item.span.field == field) {
        names.extend(inside(&item.span, &item.value.name));
    }
    if let Some(shop) = facts.shop_name.as_ref().filter(|shop| shop.value.chars().count() >= 2) {
        names.extend(text.raw.match_indices(&shop.value).take(50).map(|(at, name)| at..at + name.len()));
    }
    names
}

/// How many different item pages a mail links to: `item.rakuten.co.jp/SHOP/ITEM/`, not `/SHOP/c/…`.
fn item_links(mail: &Mail) -> u64 {
    let mut pages = BTreeSet::new();
    for link in &mail.links {
        if !matches!(link.host.as_str(), "item.rakuten.co.jp" | "books.rakuten.co.jp") {
            continue;
        }
        let path = link.href.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let mut steps = path.split('/').filter(|step| !step.is_empty());
        if let (Some(shop), Some(item)) = (steps.next(), steps.next())
            && item != "c"
        {
            pages.insert((shop.to_ascii_lowercase(), item.to_ascii_lowercase(), steps.next().unwrap_or_default()));
        }
    }
    u64::try_from(pages.len()).unwrap_or(u64::MAX)
}

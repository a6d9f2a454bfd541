//! All rules as one matcher: every literal of every rule found in one pass, regexes only where their literals hit.

use super::diagnostic::{Desk, Diagnostic, Severity, Source};
use super::extract::{self, Extractors, ListedExtractor};
use super::layer::{self, Layer};
use super::node::{Builder, Cost, Node, Word};
use super::scan::{Wanted, Words};
use super::syntax::{At, Cond, Example, File, Rule};
use super::{Priority, category, inherit, label, lint, parse};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Words that all rules together may look for.
const MAX_WORDS: usize = 1_000_000;

/// The rank of a shopper's own rule that names none and replaces none: before every shipped rule.
const OWN_RANK: i64 = 1000;

/// The shipped rule files.
const SHIPPED: &[(&str, &str)] = &[
    ("rules/restock.toml", include_str!("../../rules/restock.toml")),
    ("rules/cancellation.toml", include_str!("../../rules/cancellation.toml")),
    ("rules/point-refund.toml", include_str!("../../rules/point-refund.toml")),
    ("rules/coupon.toml", include_str!("../../rules/coupon.toml")),
    ("rules/order.toml", include_str!("../../rules/order.toml")),
    ("rules/other.toml", include_str!("../../rules/other.toml")),
    ("rules/quarantine.toml", include_str!("../../rules/quarantine.toml")),
];

/// Labels that rules may set beside the names of categories.
pub(super) const LABELS: &[&str] = &[label::PENDING, label::NEEDS_ANSWER, label::ADVERT];

/// All rules, compiled.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// In the order in which they win: the first that matches decides.
    pub(super) rules: Vec<Compiled>,
    pub(super) categories: Vec<Category>,
    pub(super) words: Words,
    pub(super) exact: Words,
    pub(super) wanted: Wanted,
    /// Rules that may match when this word was seen.
    pub(super) by_word: Vec<Vec<u32>>,
    pub(super) by_exact: Vec<Vec<u32>>,
    /// Rules that may match without any word.
    pub(super) always: Vec<u32>,
    pub(super) quarantine_folder: Option<String>,
    pub(super) examples: Vec<Sample>,
    pub(super) extractors: Extractors,
    listed: Vec<Listed>,
    warnings: Vec<Diagnostic>,
}

/// A category as all its files together describe it.
#[derive(Clone, Debug, Default)]
pub(super) struct Category {
    pub(super) name: String,
    pub(super) folder: Option<String>,
    pub(super) priority: Priority,
}

/// A rule, ready to be tried.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) name: String,
    /// Index into [`RuleSet::categories`].
    pub(super) category: usize,
    pub(super) when: Vec<Node>,
    pub(super) score: Vec<(f64, Node)>,
    pub(super) threshold: f64,
    pub(super) labels: Vec<String>,
    pub(super) folder: Option<String>,
    pub(super) priority: Option<Priority>,
    rank: i64,
    layer: usize,
}

/// An example and the file it stands in.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) source: Arc<Source>,
    pub(super) category: Option<String>,
    /// The rule it belongs to, for `[[rule.example]]`.
    pub(super) rule: Option<String>,
    /// Rules of a later layer stand over this one's.
    pub(super) overruled: bool,
    pub(super) example: Example,
}

/// One rule as `modori rules list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The rule's name.
    pub name: String,
    /// Its category.
    pub category: String,
    /// The file it was taken from.
    pub file: String,
    /// The line of its name in that file, counted from 1.
    pub line: usize,
    /// The file whose rule of the same name it stands in for.
    pub replaces: Option<String>,
    /// The rule from which it takes what it does not say itself.
    pub inherits: Option<String>,
    /// False for a rule that was switched off.
    pub enabled: bool,
    /// Higher wins.
    pub rank: i64,
}

impl RuleSet {
    /// The rules that come with modori. Their files are checked by a test.
    #[must_use]
    pub fn shipped() -> Self {
        Self::load(&[]).unwrap_or_default()
    }

    /// The texts of the shipped rule files, to be copied and edited.
    #[must_use]
    pub fn shipped_sources() -> Vec<Source> {
        SHIPPED.iter().map(|(name, text)| Source::new(*name, *text)).collect()
    }

    /// The shipped rules under the shopper's own files: a rule of the same name replaces the shipped one, a file of
    /// the same category adds to it.
    ///
    /// # Errors
    /// Everything that is wrong in the files, warnings included, when any of it is an error.
    pub fn load(own: &[Source]) -> Result<Self, Vec<Diagnostic>> {
        Self::build(&[&Self::shipped_sources(), own])
    }

    /// As [`RuleSet::load`], with several layers over the shipped rules: the shopper's, then an account's.
    ///
    /// # Errors
    /// As [`RuleSet::load`].
    pub fn load_layers(own: &[Layer]) -> Result<Self, Vec<Diagnostic>> {
        let mut plan = Plan::default();
        Self::shipped_sources().iter().for_each(|source| plan.read(0, source));
        for (layer, own) in own.iter().enumerate() {
            own.files.iter().for_each(|source| plan.read(layer + 1, source));
            plan.sheets.extend(own.folders.iter().flat_map(|folders| folders.sheets(layer + 1)));
        }
        plan.finish()
    }

    /// The given layers and nothing else; later layers stand over earlier ones.
    pub(super) fn build(layers: &[&[Source]]) -> Result<Self, Vec<Diagnostic>> {
        let mut plan = Plan::default();
        for (layer, sources) in layers.iter().enumerate() {
            for source in *sources {
                plan.read(layer, source);
            }
        }
        plan.finish()
    }

    /// What in the files is probably not what was meant.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Every rule with the file it was taken from, by category, then in the order in which they win.
    #[must_use]
    pub fn list(&self) -> &[Listed] {
        &self.listed
    }

    /// Every extractor with the file it was taken from, in the order in which they are tried.
    #[must_use]
    pub fn extractors(&self) -> &[ListedExtractor] {
        &self.extractors.listed
    }

    /// Names of all categories.
    pub fn categories(&self) -> impl Iterator<Item = &str> {
        self.categories.iter().map(|category| category.name.as_str())
    }

    /// Where mail that a rule decides on is filed, and how urgent it is; of a rule that is off what its category says.
    #[must_use]
    pub fn acts(&self, rule: &Listed) -> (Option<&str>, Priority) {
        let home = self.categories.iter().find(|category| category.name == rule.category);
        let own = self.rules.iter().find(|one| one.name == rule.name);
        let folder = own.and_then(|own| own.folder.as_deref()).or_else(|| home?.folder.as_deref());
        let usual = home.map(|home| home.priority).unwrap_or_default();
        (folder.filter(|folder| !folder.is_empty()), own.and_then(|own| own.priority).unwrap_or(usual))
    }

    /// The category whose mail is filed into a folder: by the category's own folder, else by a rule's.
    #[must_use]
    pub fn category_of(&self, folder: &str) -> Option<&str> {
        let own = self.categories.iter().find(|category| category.folder.as_deref() == Some(folder));
        let by_rule = || self.rules.iter().find(|rule| rule.folder.as_deref() == Some(folder));
        own.or_else(|| by_rule().and_then(|rule| self.categories.get(rule.category))).map(|home| home.name.as_str())
    }

    /// The folder of each category that has one, and that of forged mail under [`layer::QUARANTINE`], by name.
    #[must_use]
    pub fn folders_by_category(&self) -> BTreeMap<&str, &str> {
        let of = self.categories.iter().filter_map(|one| Some((one.name.as_str(), one.folder.as_deref()?)));
        of.chain(self.quarantine_folder.as_deref().map(|folder| (layer::QUARANTINE, folder))).collect()
    }

    /// Every folder that mail may be filed into, in no particular order.
    #[must_use]
    pub fn folders(&self) -> Vec<&str> {
        let mut folders: Vec<&str> = self.categories.iter().filter_map(|category| category.folder.as_deref()).collect();
        folders.extend(self.rules.iter().filter_map(|rule| rule.folder.as_deref()));
        folders.extend(self.quarantine_folder.as_deref());
        folders.sort_unstable();
        folders.dedup();
        folders
    }
}

/// One file, read.
pub(super) struct Sheet {
    pub(super) layer: usize,
    pub(super) source: Arc<Source>,
    pub(super) file: File,
    /// It stands for a line of a table that gives folders, and is no rule file.
    pub(super) of_table: bool,
    /// Where the lines end, in bytes.
    line_ends: Vec<usize>,
}

impl Sheet {
    fn of_file(layer: usize, source: Arc<Source>, file: File) -> Self {
        let line_ends = source.text.match_indices('\n').map(|(at, _)| at).collect();
        Self { layer, source, file, of_table: false, line_ends }
    }

    /// Of a table that gives a folder.
    pub(super) fn of_table(layer: usize, source: Arc<Source>, file: File) -> Self {
        Self { of_table: true, ..Self::of_file(layer, source, file) }
    }

    /// The line of a byte, counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.line_ends.partition_point(|end| *end < at) + 1
    }
}

/// All files, read.
#[derive(Default)]
struct Plan {
    sheets: Vec<Sheet>,
    found: Vec<Diagnostic>,
}

impl Plan {
    fn read(&mut self, layer: usize, source: &Source) {
        let mut desk = Desk::new(source);
        let file = parse::file(source, &mut desk);
        self.found.append(&mut desk.found);
        self.sheets.push(Sheet::of_file(layer, Arc::new(source.clone()), file));
    }

    fn finish(self) -> Result<RuleSet, Vec<Diagnostic>> {
        let Self { sheets, mut found } = self;
        let mut set = RuleSet::default();
        layer::unknown_categories(&sheets, &mut found);
        categories(&sheets, &mut set);
        let chosen = choose(&sheets, &mut set, &mut found);
        let mut builder = Builder::default();
        let mut rules = Vec::new();
        for Chosen { sheet, rule, rank, .. } in chosen.iter().filter(|chosen| chosen.rule.enabled) {
            let mut desk = Desk::new(&sheet.source);
            lint::rule(&mut desk, rule);
            // what was inherited has its place in another file
            let mut node = |from: &Option<Arc<Source>>, cond: &Cond| match from {
                None => builder.node(&mut desk, cond),
                Some(source) => {
                    let mut desk = Desk::new(source);
                    let node = builder.node(&mut desk, cond);
                    found.append(&mut desk.found);
                    node
                }
            };
            let when = rule.when.iter().filter_map(|given| node(&given.from, &given.cond)).collect();
            let scored = rule.score.iter().filter_map(|s| node(&s.from, &s.when).map(|node| (s.weight, node)));
            let score = scored.collect();
            found.append(&mut desk.found);
            let name = category_of(sheet);
            let Some(at) = set.categories.iter().position(|category| category.name == name) else { continue };
            rules.push(Compiled {
                name: rule.name.value.clone(),
                category: at,
                when,
                score,
                threshold: rule.threshold.as_ref().map_or(1.0, |threshold| threshold.value),
                labels: rule.labels.clone().unwrap_or_default(),
                folder: rule.folder.as_ref().map(|folder| folder.value.clone()),
                priority: rule.priority,
                rank: *rank,
                layer: sheet.layer,
            });
        }
        // the shopper's rules stand before the shipped ones of the same rank; otherwise the files' order stays
        rules.sort_by_key(|rule| (std::cmp::Reverse(rule.rank), std::cmp::Reverse(rule.layer)));
        set.rules = rules;
        builder.hand_over(&mut set);
        if set.words.count() + set.exact.count() > MAX_WORDS || !set.words.finish() || !set.exact.finish() {
            if let Some(sheet) = sheets.last() {
                let mut desk = Desk::new(&sheet.source);
                desk.error(0..0, "all rules together look for too many words", "at most a million");
                found.append(&mut desk.found);
            }
            return Err(found);
        }
        index(&mut set);
        set.extractors = extract::compile(&sheets, &mut found);
        found.extend(lint::all(&sheets, &set, &chosen_pairs(&chosen)));
        // a folder changes nothing of what a mail is
        let changes =
            |sheet: &&Sheet| !sheet.of_table && (sheet.file.category.is_some() || !sheet.file.extracts.is_empty());
        let top = sheets.iter().filter(changes).map(|sheet| sheet.layer).max();
        set.examples = sheets.iter().flat_map(|sheet| samples(sheet, Some(sheet.layer) < top)).collect();
        if found.iter().any(|found| found.severity == Severity::Error) {
            return Err(found);
        }
        set.warnings = found;
        Ok(set)
    }
}

/// What all files of a category say about it; the last word counts.
fn categories(sheets: &[Sheet], set: &mut RuleSet) {
    for sheet in sheets {
        if let Some(folder) = &sheet.file.quarantine_folder {
            set.quarantine_folder = Some(folder.value.clone());
        }
        let Some(name) = &sheet.file.category else { continue };
        let known = set.categories.iter().position(|category| category.name == name.value);
        let at = known.unwrap_or_else(|| {
            set.categories.push(Category { name: name.value.clone(), ..Category::default() });
            set.categories.len() - 1
        });
        let Some(category) = set.categories.get_mut(at) else { continue };
        if let Some(folder) = &sheet.file.folder {
            category.folder = Some(folder.value.clone());
        }
        category.priority = sheet.file.priority.unwrap_or(category.priority);
    }
    if set.categories.iter().all(|known| known.name != category::OTHER) {
        set.categories.push(Category { name: category::OTHER.to_owned(), ..Category::default() });
    }
}

/// Which rule of each name counts.
fn choose<'p>(sheets: &'p [Sheet], set: &mut RuleSet, found: &mut Vec<Diagnostic>) -> Vec<Chosen<'p>> {
    let mut by_name: HashMap<&str, usize> = HashMap::new();
    let mut chosen: Vec<Chosen<'p>> = Vec::new();
    let mut twice = Vec::new();
    for sheet in sheets {
        for rule in &sheet.file.rules {
            let named = rule.rank.or(sheet.file.rank);
            let first = if sheet.layer > 0 { OWN_RANK } else { 0 };
            let (whole, inherited) = inherit::resolve(sheets, sheet, rule, found);
            let named = named.or(inherited);
            let next = Chosen { sheet, rule: whole, replaces: None, rank: named.unwrap_or(first) };
            let Some(&at) = by_name.get(rule.name.value.as_str()) else {
                by_name.insert(&rule.name.value, chosen.len());
                chosen.push(next);
                continue;
            };
            let Some(slot) = chosen.get_mut(at) else { continue };
            if slot.sheet.layer == sheet.layer {
                twice.push((sheet, &rule.name, slot.sheet.source.name.clone()));
            } else {
                let replaces = Some(slot.sheet.source.name.clone());
                *slot = Chosen { replaces, rank: named.unwrap_or(slot.rank), ..next };
            }
        }
    }
    set.listed = chosen.iter().map(|chosen| chosen.listed()).collect();
    set.listed.sort_by(|a, b| a.category.cmp(&b.category).then(b.rank.cmp(&a.rank)));
    for (sheet, name, first) in twice {
        let mut desk = Desk::new(&sheet.source);
        let message = format!("a second rule named `{}`", name.value);
        desk.error(name.span.clone(), message, format!("the first stands in {first}; rename one of them"));
        found.append(&mut desk.found);
    }
    chosen
}

/// The rule that counts under its name.
struct Chosen<'p> {
    sheet: &'p Sheet,
    rule: Cow<'p, Rule>,
    replaces: Option<String>,
    rank: i64,
}

impl Chosen<'_> {
    fn listed(&self) -> Listed {
        let category = category_of(self.sheet).to_owned();
        Listed {
            name: self.rule.name.value.clone(),
            inherits: self.rule.inherit.as_ref().map(|name| name.value.clone()),
            category,
            file: self.sheet.source.name.clone(),
            line: self.sheet.line(self.rule.name.span.start),
            replaces: self.replaces.clone(),
            enabled: self.rule.enabled,
            rank: self.rank,
        }
    }
}

fn chosen_pairs<'p>(chosen: &'p [Chosen<'p>]) -> Vec<(&'p Sheet, &'p Rule)> {
    chosen.iter().map(|chosen| (chosen.sheet, chosen.rule.as_ref())).collect()
}

fn category_of(sheet: &Sheet) -> &str {
    sheet.file.category.as_ref().map_or("", |category: &At<String>| category.value.as_str())
}

fn samples(sheet: &Sheet, overruled: bool) -> Vec<Sample> {
    let sample = |example: &Example, rule: Option<&Rule>| Sample {
        source: Arc::clone(&sheet.source),
        category: sheet.file.category.as_ref().map(|category| category.value.clone()),
        rule: rule.map(|rule| rule.name.value.clone()),
        overruled,
        example: example.clone(),
    };
    let in_rules = sheet.file.rules.iter().flat_map(|rule| rule.examples.iter().map(move |e| (e, Some(rule))));
    let in_extracts = sheet.file.extracts.iter().flat_map(|extract| &extract.examples);
    let in_file = sheet.file.examples.iter().chain(in_extracts).map(|example| (example, None));
    in_file.chain(in_rules).map(|(example, rule)| sample(example, rule)).collect()
}

/// Notes for each rule the words of which one must have been seen if it is to match: of the words it could be noted
/// under, those that the fewest rules share, so that a mail wakes few rules however many there are.
fn index(set: &mut RuleSet) {
    let mut shared: HashMap<Word, u32> = HashMap::new();
    for rule in &set.rules {
        for node in rule.when.iter().chain(rule.score.iter().map(|(_, node)| node)) {
            node.each_word(&mut |word| *shared.entry(word).or_default() += 1);
        }
    }
    let cost = |words: &[Word]| words.iter().filter_map(|word| shared.get(word)).max().copied();
    let mut by_word = vec![Vec::new(); set.words.count()];
    let mut by_exact = vec![Vec::new(); set.exact.count()];
    for (at, rule) in set.rules.iter().enumerate() {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let all = rule.when.iter().filter_map(|node| node.triggers(&cost));
        let scored = (!rule.score.is_empty()).then(|| score_triggers(rule, &cost)).flatten();
        match all.chain(scored).min_by_key(|words| cost(words)) {
            Some(words) => {
                for (exact, word) in words {
                    let index = if exact { &mut by_exact } else { &mut by_word };
                    index.get_mut(word as usize).into_iter().for_each(|rules| rules.push(at));
                }
            }
            None => set.always.push(at),
        }
    }
    set.by_word = by_word;
    set.by_exact = by_exact;
}

/// Words of which one was seen if the score reached its threshold.
fn score_triggers(rule: &Compiled, cost: &Cost<'_>) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut wordless = 0.0;
    for (weight, node) in rule.score.iter().filter(|(weight, _)| *weight > 0.0) {
        match node.triggers(cost) {
            Some(more) => words.extend(more),
            None => wordless += weight,
        }
    }
    // what needs no word does not reach the threshold alone
    (wordless < rule.threshold).then_some(words)
}

//! The values of what was kept back and is told together.

use super::scene::maybe;
use jiff::Timestamp;
use serde::Serialize;

/// What was kept back, or the word that alerts are kept back now. Text comes from alerts: in one line, without control
/// characters.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Nothing is told yet: alerts are kept back from now on.
    pub begins: bool,
    /// How many things were kept back.
    pub count: usize,
    /// The first of them: the urgent and the newest ones.
    pub lines: Vec<Line>,
    /// How many there are besides.
    pub more: usize,
    /// Where their mails lie.
    pub folders: Vec<String>,
    /// Some were kept back because it was quiet hours.
    pub quiet: bool,
    /// … because there were too many within the hour.
    pub many: bool,
    /// … because they were noticed late.
    pub late: bool,
    /// All of them are restocks.
    pub restocks: bool,
    /// How many an hour are told one by one.
    pub most: u32,
    /// When what is kept back will be told.
    #[serde(serialize_with = "maybe")]
    pub until: Option<Timestamp>,
}

/// One thing that was kept back.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Line {
    /// Its title.
    pub title: String,
    /// Shop: name, else code; may be empty.
    pub shop: String,
    /// When the server took its mail in, if it is about one.
    #[serde(serialize_with = "maybe")]
    pub received: Option<Timestamp>,
}

/// Every kind, without and with all that may be missing.
pub(super) fn examples() -> Vec<Summary> {
    let at = Timestamp::from_second(1_796_122_800).ok();
    let bare = Line { title: "モドリのマグ 1,980円".into(), ..Line::default() };
    let full = Line { shop: "モドリ雑貨店".into(), received: at, ..bare.clone() };
    let one = Summary { count: 1, lines: vec![bare.clone()], quiet: true, ..Summary::default() };
    let late = Summary { restocks: true, late: true, quiet: false, ..one.clone() };
    let all = Summary {
        count: 12,
        lines: vec![bare, full],
        more: 10,
        folders: vec!["楽天/再入荷".into(), "楽天/注文".into()],
        many: true,
        late: true,
        ..one.clone()
    };
    let begins = Summary { begins: true, most: 20, until: at, ..Summary::default() };
    vec![one, late, all, Summary { until: None, ..begins.clone() }, begins]
}

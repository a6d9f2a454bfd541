//! A review as tables: what every form of it (text, page, spreadsheet, JSON) shows is what stands here.

use super::latency::Times;
use super::month::{Reason, Review};
use crate::calendar::civil;
use crate::ledger::case::CouponState;
use crate::text::visible;
use crate::wording::Labels;
use jiff::Timestamp;

/// One table of a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its stable name.
    pub key: &'static str,
    /// Its title.
    pub title: String,
    /// What must be known to read it.
    pub notes: Vec<String>,
    /// Its columns; the first names what a row is about.
    pub columns: Vec<Column>,
    /// Its rows. Where they have names of their own, those are stable.
    pub rows: Vec<Row>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its stable name.
    pub key: &'static str,
    /// What stands over it.
    pub title: String,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its stable name; `None` in a list.
    pub key: Option<&'static str>,
    /// One for each column.
    pub cells: Vec<Cell>,
}

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A stable word, and what it is called.
    Word(&'static str, String),
    /// An instant.
    At(Timestamp),
    /// A number of things, of points or of yen.
    Number(i64),
    /// A length of time in milliseconds.
    Ms(i64),
    /// Nobody knows.
    Unknown,
    /// There is nothing to be said.
    Nothing,
}

impl Cell {
    fn count(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn ms(ms: Option<i64>) -> Self {
        ms.map_or(Self::Nothing, Self::Ms)
    }

    fn text(text: &str) -> Self {
        Self::Text(line(text))
    }

    /// Whether it is a figure.
    #[must_use]
    pub fn is_figure(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Ms(_))
    }

    /// As people read it.
    #[must_use]
    pub fn shown(&self, labels: &Labels) -> String {
        match self {
            Self::Text(text) | Self::Word(_, text) => text.clone(),
            Self::At(at) => civil(*at).strftime("%Y-%m-%d %H:%M").to_string(),
            Self::Number(number) => grouped(*number),
            Self::Ms(ms) => super::latency::long(*ms),
            Self::Unknown => labels.get("unknown").to_owned(),
            Self::Nothing => "-".to_owned(),
        }
    }
}

/// `1,234,567`
#[must_use]
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if number < 0 { format!("-{out}") } else { out }
}

/// The longest text of a mail in a cell, in characters.
const LONGEST: usize = 120;

/// Words of a mail in one line that is not long, with nothing in it that is not seen.
fn line(text: &str) -> String {
    let flat = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    match flat.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", flat.get(..end).unwrap_or_default()),
        None => flat,
    }
}

/// The title of the whole, and what it covers.
#[must_use]
pub fn heading(review: &Review, labels: &Labels) -> (String, String) {
    let (year, month) = (review.month.year(), review.month.number());
    let title = labels.with("heading.title", &[("year", &year), ("month", &month)]);
    let last = civil(review.until);
    let covers = match review.is_over {
        true => labels.get("heading.whole").to_owned(),
        false => labels.with("heading.until", &[("until", &last.strftime("%Y-%m-%d %H:%M"))]),
    };
    (title, covers)
}

/// All tables of a review, in their order.
#[must_use]
pub fn parts(review: &Review, labels: &Labels) -> Vec<Part> {
    let sheet = Sheet { review, labels };
    vec![
        sheet.worth(),
        sheet.points(),
        sheet.coupons(),
        sheet.orders(),
        sheet.cases(),
        sheet.restocks(),
        sheet.speed(),
        sheet.late(),
        sheet.shops(),
        sheet.mails(),
        sheet.quiet(),
        sheet.quarantine(),
        sheet.letters(),
        sheet.by_hand(),
    ]
}

struct Sheet<'a> {
    review: &'a Review,
    labels: &'a Labels,
}

impl Sheet<'_> {
    fn part(&self, key: &'static str, columns: &[&'static str], rows: Vec<Row>) -> Part {
        let title = |name: &str| self.labels.get(&format!("{key}.{name}")).to_owned();
        Part {
            key,
            title: title("title"),
            notes: Vec::new(),
            columns: columns.iter().map(|key| Column { key, title: title(key) }).collect(),
            rows,
        }
    }

    /// A row with a name of its own, which stands in its first cell.
    fn row(&self, part: &str, key: &'static str, cells: Vec<Cell>) -> Row {
        let name = Cell::Word(key, self.labels.get(&format!("{part}.{key}")).to_owned());
        Row { key: Some(key), cells: std::iter::once(name).chain(cells).collect() }
    }

    fn note(&self, mut part: Part, wanted: bool, note: &str) -> Part {
        if wanted {
            part.notes.push(self.labels.get(note).to_owned());
        }
        part
    }

    fn counts(&self, key: &'static str, rows: &[(&'static str, u64)]) -> Part {
        let rows = rows.iter().map(|(name, number)| self.row(key, name, vec![Cell::count(*number)])).collect();
        self.part(key, &["what", "number"], rows)
    }

    /// Points and coupons together, in yen: a point is worth one.
    fn worth(&self) -> Part {
        let book = &self.review.book;
        let yen =
            |points: i64, coupons: u64| Cell::Number(points.saturating_add(i64::try_from(coupons).unwrap_or(i64::MAX)));
        let rows = vec![
            self.row("worth", "returned", vec![yen(book.points.returned, book.coupons_back.yen)]),
            self.row("worth", "open", vec![yen(book.points.after, book.coupons_open.yen)]),
            self.row("worth", "lost", vec![yen(book.points.lost, book.coupons_lost.yen)]),
        ];
        let part = self.part("worth", &["what", "yen"], rows);
        let part = self.note(part, true, "worth.note");
        self.note(part, book.unknown > 0, "worth.more")
    }

    fn points(&self) -> Part {
        let flow = self.review.book.points;
        let row = |key, points| self.row("points", key, vec![Cell::Number(points)]);
        let rows = vec![
            row("before", flow.before),
            row("new", flow.new),
            row("returned", flow.returned),
            row("lost", flow.lost),
            row("after", flow.after),
        ];
        self.note(self.part("points", &["what", "points"], rows), true, "points.note")
    }

    fn orders(&self) -> Part {
        let book = &self.review.book;
        let many = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let ended = many(book.cases.iter().filter(|case| case.ended).count());
        let all = many(book.cases.len());
        let rows = [("all", all), ("ended", ended), ("open", all.saturating_sub(ended)), ("unknown", book.unknown)];
        self.counts("orders", &rows)
    }

    fn coupons(&self) -> Part {
        let book = &self.review.book;
        let all = [("back", book.coupons_back), ("lost", book.coupons_lost), ("open", book.coupons_open)];
        let rows = all
            .map(|(key, coupons)| self.row("coupons", key, vec![Cell::count(coupons.count), Cell::count(coupons.yen)]));
        self.part("coupons", &["what", "number", "yen"], rows.into())
    }

    fn cases(&self) -> Part {
        let rows = self.review.book.cases.iter().map(|case| {
            let points =
                |of: fn(&super::Account) -> u64| case.points.as_ref().map_or(Cell::Unknown, |a| Cell::count(of(a)));
            let coupon = match case.coupon {
                CouponState::None => Cell::Nothing,
                CouponState::Check => Cell::Word("open", self.labels.get("coupons.open").to_owned()),
                CouponState::Back => Cell::Word("back", self.labels.get("coupons.back").to_owned()),
                CouponState::Lost => Cell::Word("lost", self.labels.get("coupons.lost").to_owned()),
            };
            let yen = match (case.coupon, case.coupon_yen) {
                (CouponState::None, _) => Cell::Nothing,
                (_, yen) => yen.map_or(Cell::Unknown, Cell::count),
            };
            let cells = vec![
                Cell::text(case.order.as_str()),
                case.shop.as_deref().map_or(Cell::Nothing, Cell::text),
                case.cancelled_at.map_or(Cell::Nothing, Cell::At),
                points(|account| account.expected),
                points(|account| account.returned),
                if case.points.is_some() { Cell::Number(case.flow.returned) } else { Cell::Unknown },
                points(|account| account.open),
                points(|account| account.lost),
                yen,
                coupon,
            ];
            Row { key: None, cells }
        });
        let columns = [
            "order", "shop", "cancelled_at", "expected", "returned", "returned_here", "open", "lost", "coupon_yen",
            "coupon",
        ];
        self.part("cases", &columns, rows.collect())
    }

    fn restocks(&self) -> Part {
        let of = &self.review.restocks;
        self.counts(
            "restocks",
            &[
                ("all", of.all),
                ("live", of.live),
                ("told", of.told),
                ("late", of.late),
                ("quiet", of.quiet),
                ("missed", of.missed),
                ("open", of.open),
            ],
        )
    }

    fn speed(&self) -> Part {
        let speed = &self.review.restocks.speed;
        let row = |key, times: &Times| {
            let number = u64::try_from(times.count()).unwrap_or(u64::MAX);
            let cells = vec![
                Cell::count(number),
                Cell::ms(times.percent(50)),
                Cell::ms(times.percent(95)),
                Cell::ms(times.longest()),
            ];
            self.row("speed", key, cells)
        };
        let rows = vec![row("live", &speed.live), row("live_told", &speed.live_told), row("others", &speed.others)];
        self.note(self.part("speed", &["what", "number", "p50", "p95", "longest"], rows), true, "speed.note")
    }

    fn late(&self) -> Part {
        let rows = self.review.late.iter().map(|one| {
            let way = if one.is_measured() { "live" } else { "others" };
            let cells = vec![
                Cell::At(one.received),
                one.called().map_or(Cell::Nothing, Cell::text),
                one.shop().map_or(Cell::Nothing, Cell::text),
                Cell::ms(one.whole_ms()),
                Cell::Word(way, self.labels.get(&format!("late.{way}")).to_owned()),
            ];
            Row { key: None, cells }
        });
        self.part("late", &["received_at", "goods", "shop", "took", "way"], rows.collect())
    }

    fn shops(&self) -> Part {
        let rows = self.review.shops.iter().map(|shop| {
            let cells = vec![
                Cell::text(&shop.code),
                shop.name.as_deref().map_or(Cell::Nothing, Cell::text),
                Cell::count(shop.orders),
                Cell::count(shop.cancels),
                Cell::count(shop.cancels_claimed),
                Cell::count(shop.restocks),
            ];
            Row { key: None, cells }
        });
        self.part("shops", &["code", "name", "orders", "cancels", "cancels_claimed", "restocks"], rows.collect())
    }

    fn mails(&self) -> Part {
        let kept = &self.review.kept;
        let rows = kept.mails.iter().map(|(category, sorted)| {
            let called = Cell::Text(self.category(category));
            let cells = vec![Cell::text(category), called, Cell::count(sorted.mails), Cell::count(sorted.filed)];
            Row { key: None, cells }
        });
        self.part("mails", &["category", "called", "number", "filed"], rows.collect())
    }

    fn quiet(&self) -> Part {
        let rows = self.review.kept.quiet.iter().map(|((category, reason), number)| Row {
            key: None,
            cells: vec![Cell::text(category), Cell::Word(reason.word(), self.reason(*reason)), Cell::count(*number)],
        });
        self.note(self.part("quiet", &["category", "reason", "number"], rows.collect()), true, "quiet.note")
    }

    fn quarantine(&self) -> Part {
        let kept = &self.review.kept;
        self.counts(
            "quarantine",
            &[("put", kept.quarantined), ("announced", kept.announced), ("released", kept.released)],
        )
    }

    fn letters(&self) -> Part {
        let of = self.review.kept.letters;
        self.counts(
            "letters",
            &[
                ("drafted", of.drafted),
                ("sent", of.sent),
                ("unknown", of.unknown),
                ("failed", of.failed),
                ("under_way", of.under_way),
            ],
        )
    }

    fn by_hand(&self) -> Part {
        let kept = &self.review.kept;
        self.counts("by_hand", &[("undone", kept.undone), ("corrected", kept.corrected)])
    }

    /// A category in words; one of the shopper's own by its name.
    fn category(&self, category: &str) -> String {
        let name = format!("category.{category}");
        let called = self.labels.get(&name);
        line(if called == name { category } else { called })
    }

    fn reason(&self, reason: Reason) -> String {
        self.labels.get(&format!("reason.{}", reason.word())).to_owned()
    }
}

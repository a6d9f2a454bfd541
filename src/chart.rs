//! Pictures of numbers as SVG, from plain values. Nothing in them is fetched from elsewhere, no style is written into them:
//! they take the colour of the text around them, and a page's style sheet may colour them by class.
//!
//! Each says in words what it shows (`title`, `desc`), for who cannot see it; the numbers themselves stand in it, too, and
//! belong into a table beside it.

use crate::text::{markup, one_line, visible};
use std::fmt::Write as _;

/// Width of a column with its gap.
const COLUMN: u64 = 60;
/// The same where there are many.
const NARROW: u64 = 22;
/// More columns than this are narrow.
const FEW: usize = 12;
/// Height of the highest column.
const TALL: u64 = 70;
/// Height of a panel, heading and names of the columns included.
const PANEL: u64 = 150;
/// Where a panel's columns stand, from its top.
const BASE: u64 = 118;
/// Left and right of everything.
const MARGIN: u64 = 16;
/// Columns of one panel; what is beyond is left out.
const MOST: usize = 64;
/// Width and height of a bar in a line of text.
const LINE: (u64, u64) = (100, 12);
/// The longest name in a picture, in characters.
const LONGEST: usize = 80;

/// A picture: panels of columns, one under the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// A name for it in its page; letters, digits and dashes count.
    pub id: String,
    /// What it shows, in a few words.
    pub title: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// What is said where there is nothing to draw.
    pub nothing: String,
    /// A line under it; empty for none.
    pub foot: String,
    /// What is drawn.
    pub panels: Vec<Panel>,
}

/// Columns on one base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panel {
    /// What they are of.
    pub title: String,
    /// What else is known of them: stands beside the title.
    pub note: String,
    /// The columns, from the left.
    pub bars: Vec<Bar>,
}

/// One column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// What stands under it.
    pub name: String,
    /// How high it is.
    pub value: u64,
    /// It stands out: drawn in the second colour.
    pub stands_out: bool,
}

impl Bar {
    /// A column like the others.
    #[must_use]
    pub fn new(name: impl Into<String>, value: u64) -> Self {
        Self { name: name.into(), value, stands_out: false }
    }
}

/// The picture, an `<svg>` element.
#[must_use]
pub fn picture(picture: &Picture) -> String {
    let widest = picture.panels.iter().map(|panel| panel.bars.len().min(MOST)).max().unwrap_or_default();
    let column = if widest > FEW { NARROW } else { COLUMN };
    let wide = MARGIN * 2 + (column * many(widest)).max(COLUMN * 8);
    let foot = u64::from(!picture.foot.is_empty()) * 26 + 14;
    let high = (PANEL * many(picture.panels.len())).max(46) + foot;
    let mut out = opened("chart picture", &picture.id, wide, high, &picture.title, &picture.about);
    if picture.panels.is_empty() {
        let _ = writeln!(out, "<text x=\"{MARGIN}\" y=\"30\">{}</text>", escaped(&picture.nothing));
    }
    for (n, panel) in picture.panels.iter().enumerate() {
        draw(&mut out, panel, PANEL * many(n), column, wide);
    }
    if !picture.foot.is_empty() {
        let _ = writeln!(out, "<text x=\"{MARGIN}\" y=\"{}\">{}</text>", high - 14, escaped(&picture.foot));
    }
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, panel: &Panel, top: u64, column: u64, wide: u64) {
    let (head, base) = (top + 18, top + BASE);
    let _ = writeln!(out, "<text x=\"{MARGIN}\" y=\"{head}\" font-weight=\"bold\">{}</text>", escaped(&panel.title));
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{head}\" text-anchor=\"end\">{}</text>",
        wide.saturating_sub(MARGIN),
        escaped(&panel.note)
    );
    let most = panel.bars.iter().map(|bar| bar.value).max().unwrap_or_default();
    for (n, bar) in panel.bars.iter().take(MOST).enumerate() {
        let left = MARGIN + many(n) * column;
        let (middle, gap) = (left + column / 2, if column == COLUMN { 3 } else { 2 });
        let tall = scaled(bar.value, most, TALL);
        let class = if bar.stands_out { "c2" } else { "c1" };
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{tall}\" opacity=\"0.7\"/>",
            left + gap,
            base - tall,
            column - gap * 2
        );
        if bar.value > 0 {
            let above = base - tall - 4;
            let _ =
                writeln!(out, "<text x=\"{middle}\" y=\"{above}\" text-anchor=\"middle\">{}</text>", short(bar.value));
        }
        let under = base + 14;
        let _ =
            writeln!(out, "<text x=\"{middle}\" y=\"{under}\" text-anchor=\"middle\">{}</text>", escaped(&bar.name));
    }
}

/// A bar that fits into a line or a cell: so much of the most there is. `says` tells the same in words.
#[must_use]
pub fn line(id: &str, value: u64, most: u64, says: &str) -> String {
    let (wide, high) = LINE;
    let long = scaled(value, most, wide);
    let mut out = opened("chart line", id, wide, high, says, "");
    let _ = write!(
        out,
        "<rect class=\"c1\" x=\"0\" y=\"2\" width=\"{long}\" height=\"{}\" opacity=\"0.7\"/></svg>",
        high - 4
    );
    out
}

/// Twenty-four small columns in a line or a cell: hours of the day.
#[must_use]
pub fn hours(id: &str, hours: &[u32; 24], says: &str) -> String {
    let (each, high) = (5, 24);
    let most = u64::from(hours.iter().copied().max().unwrap_or_default());
    let mut out = opened("chart line", id, each * 24, high, says, "");
    for (n, count) in hours.iter().enumerate() {
        let tall = scaled(u64::from(*count), most, high);
        let _ = write!(
            out,
            "<rect class=\"c1\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{tall}\" opacity=\"0.7\"/>",
            many(n) * each,
            high - tall,
            each - 1
        );
    }
    out.push_str("</svg>");
    out
}

fn opened(class: &str, id: &str, wide: u64, high: u64, title: &str, about: &str) -> String {
    let id = name(id);
    let (also, desc) = match about {
        "" => (String::new(), String::new()),
        about => (format!(" {id}-d"), format!("<desc id=\"{id}-d\">{}</desc>", escaped(about))),
    };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{class}\" viewBox=\"0 0 {wide} {high}\" width=\"{wide}\" \
         height=\"{high}\" role=\"img\" aria-labelledby=\"{id}-t{also}\" font-family=\"sans-serif\" font-size=\"11\" \
         fill=\"currentColor\">\n<title id=\"{id}-t\">{}</title>{desc}\n",
        escaped(title)
    )
}

/// So long a bar is that stands for this value, where one for `most` is `longest`. One that is more than nothing is seen.
fn scaled(value: u64, most: u64, longest: u64) -> u64 {
    let share = u128::from(value) * u128::from(longest) / u128::from(most.max(1));
    u64::try_from(share).unwrap_or(longest).max(u64::from(value > 0)).min(longest)
}

/// A number over a column, in few characters.
fn short(value: u64) -> String {
    match value {
        ..10_000 => value.to_string(),
        10_000..10_000_000 => format!("{}k", value / 1_000),
        10_000_000..10_000_000_000 => format!("{}M", value / 1_000_000),
        _ => format!("{}G", value / 1_000_000_000),
    }
}

fn many(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// What may stand in an `id`.
fn name(id: &str) -> String {
    let plain: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect();
    if plain.starts_with(|c: char| c.is_ascii_alphabetic()) { plain } else { format!("c{plain}") }
}

fn escaped(text: &str) -> String {
    let line = one_line(&visible(text));
    let mut short: String = line.chars().take(LONGEST).collect();
    if line.chars().count() > LONGEST {
        short.push('…');
    }
    markup(&short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bars: Vec<Bar>) -> String {
        let panel = Panel { title: "phone".into(), note: "3 alerts".into(), bars };
        picture(&Picture {
            id: "x".into(),
            title: "t".into(),
            about: "d".into(),
            nothing: "none".into(),
            foot: "f".into(),
            panels: vec![panel],
        })
    }

    /// Everything that is drawn lies within the picture, and says its numbers as whole ones.
    fn is_sound(svg: &str) {
        assert_eq!(svg.matches("<svg").count(), 1);
        assert!(svg.contains("role=\"img\"") && svg.contains("aria-labelledby=\"") && svg.contains("<title id="));
        for word in ["style", "href", "NaN", "inf", "url(", "<script", "onload", "-0"] {
            assert!(!svg.contains(word), "{word}: {svg}");
        }
        let of = |text: &str, name: &str| -> u64 {
            let at = text.find(&format!(" {name}=\"")).unwrap_or_else(|| panic!("{name}: {text}"));
            let rest = &text[at + name.len() + 3..];
            rest[..rest.find('"').unwrap()].parse().unwrap_or_else(|error| panic!("{error}: {text}"))
        };
        let (wide, high) = (of(svg, "width"), of(svg, "height"));
        for rect in svg.split("<rect ").skip(1) {
            let rect = format!(" {}", &rect[..rect.find('>').unwrap()]);
            assert!(of(&rect, "x") + of(&rect, "width") <= wide, "{rect}");
            assert!(of(&rect, "y") + of(&rect, "height") <= high, "{rect}");
        }
        for label in svg.match_indices("aria-labelledby=\"").map(|(at, found)| &svg[at + found.len()..]) {
            for id in label[..label.find('"').unwrap()].split(' ') {
                assert_eq!(svg.matches(&format!(" id=\"{id}\"")).count(), 1, "{id}: {svg}");
            }
        }
    }

    #[test]
    fn pictures_of_nothing_one_many_and_huge_values_are_sound() {
        let bars = |values: &[u64]| values.iter().map(|value| Bar::new("≤ 1 s", *value)).collect::<Vec<_>>();
        is_sound(&picture(&Picture::default()));
        for values in [&[][..], &[0], &[1], &[0; 24], &[1, u64::MAX], &[u64::MAX; 30], &[7; 1000]] {
            is_sound(&one(bars(values)));
        }
        let huge = one(bars(&[1, u64::MAX]));
        assert!(
            huge.contains("height=\"1\"") && huge.contains("height=\"70\""),
            "one of so many is still seen: {huge}"
        );
        for (value, most) in [(0, 0), (5, 0), (1, 1), (0, 9), (1, u64::MAX), (u64::MAX, u64::MAX), (9, 3)] {
            is_sound(&line("x", value, most, "so many"));
        }
        let mut day = [0; 24];
        is_sound(&hours("h", &day, "none"));
        day[23] = u32::MAX;
        is_sound(&hours("h", &day, "many"));
        let panels = vec![Panel { title: "a".into(), note: String::new(), bars: bars(&[1, 2]) }; 40];
        is_sound(&picture(&Picture { panels, ..Picture::default() }));
    }

    #[test]
    fn words_cannot_draw() {
        let hostile = "</text><script>alert(1)</script>\u{202e}\"' \u{0}\u{1b}[2J&";
        let drawn = one(vec![Bar { name: hostile.into(), value: 3, stands_out: true }]);
        is_sound(&drawn);
        let say = "&lt;/text&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39; [2J&amp;";
        assert!(drawn.contains(say) && !drawn.contains('\u{202e}') && !drawn.contains('\u{1b}'), "{drawn}");
        let named = line("\" onload=\"x", 1, 2, hostile);
        assert!(named.contains("aria-labelledby=\"onloadx-t\"") && !named.contains("\" onload"), "{named}");
        assert!(line("1", 1, 2, "x").contains("\"c1-t\""), "an id begins with a letter");
        assert!(one(vec![Bar::new("店".repeat(10_000), 1)]).len() < 5_000);
    }

    #[test]
    fn a_column_is_as_high_as_its_share() {
        for (value, most, longest, is) in [
            (0, 10, 70, 0),
            (10, 10, 70, 70),
            (5, 10, 70, 35),
            (1, 1_000, 70, 1),
            (u64::MAX, u64::MAX, 70, 70),
            (u64::MAX / 2, u64::MAX, 70, 34),
            (20, 10, 70, 70),
        ] {
            assert_eq!(scaled(value, most, longest), is, "{value} of {most}");
        }
        for (value, is) in [(0, "0"), (9_999, "9999"), (10_000, "10k"), (12_345_678, "12M"), (u64::MAX, "18446744073G")]
        {
            assert_eq!(short(value), is);
        }
    }
}

//! Instants in header fields and in the header blocks of forwards, in the forms mail programs write.

use crate::text::fold;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

#[derive(Debug, PartialEq)]
enum Token {
    /// Value and number of digits.
    Number(i32, usize),
    Word(String),
    Sign(char),
}

/// An instant from RFC 5322 (with its obsolete zones), or as Gmail, Outlook and Apple Mail write it in English or
/// Japanese. Without a zone it is Japan's time.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let tokens = tokens(text);
    let (date, after) = date(&tokens)?;
    let (time, zone) = time(&tokens, after);
    let zone = zone.unwrap_or(9 * 3600);
    Offset::from_seconds(zone).ok()?.to_timestamp(DateTime::from_parts(date, time?)).ok()
}

fn tokens(text: &str) -> Vec<Token> {
    let text: String = text.chars().take(200).collect();
    let folded = fold(&text);
    let mut tokens = Vec::new();
    let mut depth = 0_u32;
    let mut chars = folded.text().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            '0'..='9' => {
                let mut digits = String::from(c);
                while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                    digits.push(digit);
                }
                tokens.push(Token::Number(digits.parse().unwrap_or(i32::MAX), digits.len()));
            }
            'a'..='z' => {
                let mut word = String::from(c);
                while let Some(letter) = chars.next_if(char::is_ascii_lowercase) {
                    word.push(letter);
                }
                tokens.push(Token::Word(word));
            }
            '午' => tokens.push(Token::Word(if chars.next() == Some('後') { "pm".into() } else { "am".into() })),
            c if c.is_whitespace() => {}
            c => tokens.push(Token::Sign(c)),
        }
    }
    tokens
}

fn month(word: &str) -> Option<i8> {
    const NAMES: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let at = NAMES.iter().position(|name| word.starts_with(name))?;
    i8::try_from(at + 1).ok()
}

/// The date, and the token behind it.
fn date(tokens: &[Token]) -> Option<(Date, usize)> {
    let number = |at: usize| match tokens.get(at) {
        Some(Token::Number(value, digits)) => Some((*value, *digits)),
        _ => None,
    };
    let new = |year: i32, month: i32, day: i32| {
        let year = match year {
            0..=49 => year + 2000,
            50..=99 => year + 1900,
            year => year,
        };
        let year = i16::try_from(year).ok().filter(|year| (1970..=2200).contains(year))?;
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    };
    for at in 0..tokens.len() {
        if let Some((year, 4)) = number(at)
            && matches!(tokens.get(at + 1), Some(Token::Sign('年' | '/' | '-' | '.')))
            && let (Some((month, _)), Some((day, _))) = (number(at + 2), number(at + 4))
            && let Some(date) = new(year, month, day)
        {
            return Some((date, at + 5));
        }
        if let Some(Token::Word(word)) = tokens.get(at)
            && let Some(month) = month(word)
        {
            let skip = |at: usize| if tokens.get(at) == Some(&Token::Sign(',')) { at + 1 } else { at };
            let dash = |at: usize| if tokens.get(at) == Some(&Token::Sign('-')) { at + 1 } else { at };
            // "24 Nov 2026", "24-Nov-2026"
            let before = match tokens.get(at.wrapping_sub(1)) {
                Some(Token::Sign('-')) => at.wrapping_sub(2),
                _ => at.wrapping_sub(1),
            };
            let after = dash(skip(at + 1));
            if let (Some((day, 1..=2)), Some((year, 2 | 4))) = (number(before), number(after)) {
                return Some((new(year, month.into(), day)?, after + 1));
            }
            // "Nov 24, 2026"
            let year_at = skip(after + 1);
            if let (Some((day, 1..=2)), Some((year, 4))) = (number(after), number(year_at)) {
                return Some((new(year, month.into(), day)?, year_at + 1));
            }
        }
    }
    None
}

/// The time of day behind the date, and the zone in seconds east.
fn time(tokens: &[Token], from: usize) -> (Option<Time>, Option<i32>) {
    let number = |at: usize| match tokens.get(at) {
        Some(Token::Number(value, _)) => Some(*value),
        _ => None,
    };
    let colon = |at: usize| matches!(tokens.get(at), Some(Token::Sign(':' | '時' | '分')));
    let Some(at) = (from..tokens.len()).find(|at| number(*at).is_some() && colon(at + 1) && number(at + 2).is_some())
    else {
        return (Time::new(0, 0, 0, 0).ok(), None);
    };
    let (mut hour, minute) = (number(at).unwrap_or(-1), number(at + 2).unwrap_or(-1));
    let (second, mut after) = if colon(at + 3) && number(at + 4).is_some() {
        (number(at + 4).unwrap_or(0).min(59), at + 5)
    } else {
        (0, at + 3)
    };
    while matches!(tokens.get(after), Some(Token::Sign('分' | '秒' | '.'))) {
        after += 1;
    }
    let half = [at.checked_sub(1), Some(after)].into_iter().flatten().find_map(|at| match tokens.get(at) {
        Some(Token::Word(word)) if word == "am" || word == "pm" => Some(word == "pm"),
        _ => None,
    });
    match half {
        Some(true) if hour < 12 => hour += 12,
        Some(false) if hour == 12 => hour = 0,
        _ => {}
    }
    let small = |n: i32| i8::try_from(n).unwrap_or(-1);
    (Time::new(small(hour), small(minute), small(second), 0).ok(), zone(tokens.get(after..).unwrap_or_default()))
}

fn zone(tokens: &[Token]) -> Option<i32> {
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign(sign @ ('+' | '-')) => {
                let west = if *sign == '-' { -1 } else { 1 };
                let Some(Token::Number(value, digits)) = tokens.get(at + 1) else { return None };
                let (hours, minutes) = match digits {
                    3 | 4 => (value / 100, value % 100),
                    1 | 2 => match (tokens.get(at + 2), tokens.get(at + 3)) {
                        (Some(Token::Sign(':')), Some(Token::Number(minutes, 2))) => (*value, *minutes),
                        _ => (*value, 0),
                    },
                    _ => return None,
                };
                return (hours < 15 && minutes < 60).then_some(west * (hours * 3600 + minutes * 60));
            }
            Token::Word(word) => {
                let hours = match word.as_str() {
                    "jst" => 9,
                    "gmt" | "utc" | "ut" | "z" => {
                        if matches!(tokens.get(at + 1), Some(Token::Sign('+' | '-'))) {
                            continue;
                        }
                        0
                    }
                    "est" => -5,
                    "edt" | "cst" => -4 - i32::from(word == "cst") * 2,
                    "cdt" => -5,
                    "mst" | "pdt" => -7,
                    "mdt" => -6,
                    "pst" => -8,
                    _ => continue,
                };
                return Some(hours * 3600);
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_mail_programs_write() {
        let expect = "2026-11-24T01:03:00Z";
        for text in [
            "Tue, 24 Nov 2026 10:03:00 +0900",
            "24 Nov 26 10:03 +0900 (JST)",
            "Tue, 24 Nov 2026 01:03:00 GMT",
            "Mon, 23 Nov 2026 20:03:00 EST",
            "Mon, 23 Nov 2026 17:03:00 -0800 (PST)",
            "2026年11月24日(火) 10:03",
            "2026年11月24日 10:03:00 JST",
            "２０２６年１１月２４日（火）午前１０：０３",
            "2026年11月24日 火曜日 10時03分",
            "2026/11/24 10:03",
            "2026-11-24 10:03:00+09:00",
            "Tue, Nov 24, 2026 at 10:03 AM",
            "Tuesday, November 24, 2026 10:03 AM",
            "November 24, 2026 at 10:03:00 AM GMT+9",
            "24-Nov-2026 10:03:00 +0900",
        ] {
            assert_eq!(read(text).map(|at| at.to_string()).as_deref(), Some(expect), "{text}");
        }
        assert_eq!(read("2026年11月24日 午後1:05").map(|at| at.to_string()).as_deref(), Some("2026-11-24T04:05:00Z"));
    }

    #[test]
    fn what_is_no_instant() {
        for text in
            ["", "99 Foo 2026", "Tue, 32 Nov 2026 10:00:00 +0900", "2026年13月1日 10:00", "10:03", "24 Nov 2026 25:99"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}

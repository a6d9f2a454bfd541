//! Draws shops: their records as a table, one shop with its orders, and a histogram of hours.

use super::{BOLD, DIM, cases, one_line, table};
use crate::ledger::{Case, Shop};
use crate::wording::{Language, Wording};
use std::fmt::Write as _;

/// The highest bar of a histogram, in lines.
const HEIGHT: u32 = 8;

/// The records, in the order they are given.
pub(in crate::cli) fn shops(shops: &[&Shop], language: Language) -> String {
    if shops.is_empty() {
        return match language {
            Language::Ja => "注文も再入荷もまだ記録がありません".to_owned(),
            Language::En => "no order and no restock is known yet".to_owned(),
        };
    }
    let header = match language {
        Language::Ja => [
            "ショップ", "注文", "ショップ都合のキャンセル", "未確認", "事前の連絡", "返還日数", "お詫び", "再入荷",
            "多い時刻", "",
        ],
        Language::En => {
            ["shop", "orders", "cancelled by it", "claimed", "asked", "days back", "apologies", "restocks", "hours", ""]
        }
    };
    let mut table = table(&header);
    for shop in shops {
        let code = if shop.name.is_some() { format!("\n{}", one_line(&shop.code)) } else { String::new() };
        let cancels = match shop.cancels {
            0 => "-".to_owned(),
            cancels => format!("{cancels} ({}%)", shop.cancel_percent()),
        };
        let days = match (shop.days_back_median, shop.days_back_worst) {
            (Some(median), Some(worst)) if median != worst => format!("{median} ({worst})"),
            (Some(median), _) => median.to_string(),
            _ => "-".to_owned(),
        };
        let restocks: u32 = shop.restock_hours.iter().sum();
        table.add_row([
            format!("{}{code}", one_line(shop.called())),
            shop.orders.to_string(),
            cancels,
            some(shop.cancels_claimed),
            some(shop.asked),
            days,
            some(shop.apologies),
            some(restocks),
            hours(&shop.hot_hours),
            mark(shop, language).to_owned(),
        ]);
    }
    table.to_string()
}

/// One shop: its record, its orders, the hours of its restocks.
pub(in crate::cli) fn shop(shop: &Shop, orders: &[&Case], wording: &Wording, language: Language) -> String {
    let mut out = shops(&[shop], language);
    if !orders.is_empty() {
        let _ = write!(out, "\n{}", cases(orders, None, wording, language));
    }
    let restocks: u32 = shop.restock_hours.iter().sum();
    if restocks > 0 {
        let title = match language {
            Language::Ja => format!("再入荷メールの時刻（東京、{restocks}通）"),
            Language::En => format!("restock mail by the hour (Tokyo), {restocks} in all"),
        };
        let _ = write!(out, "\n{BOLD}{title}{BOLD:#}\n{}", histogram(&shop.restock_hours));
        let hint = match (language, shop.hot_hours.is_empty()) {
            (Language::Ja, true) => "まだ数が少なく、時刻の傾向は分かりません".to_owned(),
            (Language::En, true) => "too few to speak of hours".to_owned(),
            (Language::Ja, false) => format!("{} に多く届きます", hours(&shop.hot_hours)),
            (Language::En, false) => format!("most often at {}", hours(&shop.hot_hours)),
        };
        let _ = write!(out, "\n{DIM}{hint}{DIM:#}");
    }
    out
}

/// `20:00-21:00`
fn hours(hours: &[usize]) -> String {
    let shown: Vec<String> = hours.iter().map(|hour| format!("{hour:02}:00-{:02}:00", (hour + 1) % 24)).collect();
    if shown.is_empty() { "-".to_owned() } else { shown.join(", ") }
}

fn some(number: u32) -> String {
    if number == 0 { "-".to_owned() } else { number.to_string() }
}

fn mark(shop: &Shop, language: Language) -> &'static str {
    match (shop.bad_record, language) {
        (false, _) => "",
        (true, Language::Ja) => "要注意",
        (true, Language::En) => "be careful",
    }
}

/// Twenty-four bars of plain characters. The highest is [`HEIGHT`] lines; an hour with any mail has at least one.
fn histogram(hours: &[u32; 24]) -> String {
    let most = hours.iter().copied().max().unwrap_or_default().max(1);
    let lines = most.min(HEIGHT);
    let width = most.to_string().len();
    let mut out = String::new();
    for line in (1..=lines).rev() {
        // what a bar must hold to reach this line
        let least = ((line - 1) * most / lines) + 1;
        let label = if line == lines { most.to_string() } else { String::new() };
        let bars: String = hours.iter().map(|count| if *count >= least { " ##" } else { "   " }).collect();
        let _ = writeln!(out, "{label:>width$} |{}", bars.trim_end());
    }
    let _ = writeln!(out, "{:>width$} +{}", "", "-".repeat(3 * hours.len()));
    let _ = write!(out, "{:>width$}  {}", "", (0..hours.len()).map(|hour| format!(" {hour:02}")).collect::<String>());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_plain_characters() {
        let mut hours = [0; 24];
        (hours[0], hours[20]) = (1, 3);
        let drawn = histogram(&hours);
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(lines[0], format!("3 |{} ##", "   ".repeat(20)));
        assert_eq!(lines[2], format!("  | ##{} ##", "   ".repeat(19)));
        assert!(lines[3].starts_with("  +---") && lines[4].starts_with("    00 01 02") && lines[4].ends_with("23"));
        assert_eq!(lines.len(), 5);

        // many are scaled down, and one in a thousand is still seen
        (hours[0], hours[20]) = (1, 1000);
        let drawn = histogram(&hours);
        assert_eq!(drawn.lines().count(), 10);
        assert!(drawn.lines().nth(7).unwrap().contains("| ##"), "{drawn}");
        assert!(drawn.lines().all(|line| line.len() <= 80 && line.is_ascii()));
    }
}

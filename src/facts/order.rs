//! Rakuten order numbers: `NNNNNN-YYYYMMDD-` and 8 or 10 digits. A shop's own numbers never pass.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A Rakuten order number (domain document 4.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderNumber(String);

impl OrderNumber {
    /// Reads exactly one order number in ASCII digits; the middle must be a real date.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut pieces = text.split('-');
        let (shop, date, serial) = (pieces.next()?, pieces.next()?, pieces.next()?);
        let digits = |piece: &str| piece.bytes().all(|byte| byte.is_ascii_digit());
        let fits = pieces.next().is_none()
            && shop.len() == 6
            && matches!(serial.len(), 8 | 10)
            && [shop, date, serial].into_iter().all(digits);
        (fits && day(date).is_some()).then(|| Self(text.to_owned()))
    }

    /// Reads an order number as a person types it: in characters of any width, with blanks around it.
    #[must_use]
    pub fn typed(text: &str) -> Option<Self> {
        Self::parse(crate::text::fold(text.trim()).text())
    }

    /// The number as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The shop's numeric id.
    #[must_use]
    pub fn shop_id(&self) -> &str {
        self.0.get(..6).unwrap_or_default()
    }

    /// The day the order was placed (Asia/Tokyo).
    #[must_use]
    pub fn date(&self) -> Date {
        self.0.get(7..15).and_then(day).unwrap_or(Date::MIN)
    }
}

fn day(text: &str) -> Option<Date> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    if text.len() != 8 {
        return None;
    }
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

impl fmt::Display for OrderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for OrderNumber {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is not a Rakuten order number"))
    }
}

impl From<OrderNumber> for String {
    fn from(number: OrderNumber) -> Self {
        number.0
    }
}

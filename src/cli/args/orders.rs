//! What can be asked about orders and shops, and what can be said of them.

use super::{Format, instant, last_instant};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

/// `modori cases`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
  \x20 modori cases                                    what waits\n\
  \x20 modori cases --questions                        what only you can answer\n\
  \x20 modori cases --within 3 --shop うみのや         what waits at this shop within three days\n\
  \x20 modori cases --format json                      every order, one JSON object a line")]
pub struct Cases {
    /// Also those that ended and orders that were not cancelled
    #[arg(long)]
    pub all: bool,
    /// Only those that ask you something, each question with the mails it is about
    #[arg(long)]
    pub questions: bool,
    /// Only of this shop: its code, or a part of its name
    #[arg(long, value_name = "SHOP")]
    pub shop: Option<String>,
    /// Only where the cancellation is so far (repeatable)
    #[arg(long, value_enum, value_name = "STATE")]
    pub cancelled: Vec<CaseState>,
    /// Only what waits within so many days from now
    #[arg(long, value_name = "DAYS")]
    pub within: Option<u16>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// As seen at this time, in Tokyo: 2026-11-24 (its first second), 2026-11-24T10:00, or with an offset
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub at: Option<Timestamp>,
}

/// How far a cancellation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CaseState {
    /// Not cancelled
    None,
    /// You asked
    Requested,
    /// The shop asks
    Pending,
    /// Said by the shop or by a mail that nobody vouches for
    Claimed,
    /// Confirmed by Rakuten or by you
    Confirmed,
    /// Some items only
    Partial,
    /// Mails contradict each other
    Conflict,
}

/// `modori assign`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
  \x20 modori assign 4fb1c2d3e4 399999-20261120-0123456789          all of it is this order's\n\
  \x20 modori assign 4fb1c2d3e4 399999-20261120-0123456789=300 388888-20261121-0123456789=500\n\
  \x20 modori assign 4fb1c2d3e4 --not 399999-20261120-0123456789    it speaks of another order")]
pub struct Assign {
    /// The mail: the first digits of its key, as the question shows them
    #[arg(value_name = "MAIL")]
    pub mail: String,
    /// The orders whose points it speaks of; ORDER=POINTS says how many (all that are outstanding, if not given)
    #[arg(required_unless_present = "not", value_name = "ORDER[=POINTS]")]
    pub orders: Vec<String>,
    /// An order that it does not speak of (repeatable)
    #[arg(long, value_name = "ORDER")]
    pub not: Vec<String>,
    /// Said at this time, in Tokyo: 2026-11-24 (its first second), 2026-11-24T10:00, or with an offset
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub at: Option<Timestamp>,
}

/// `modori coupons`
#[derive(Debug, Args)]
pub struct Coupons {
    /// Also those that ended
    #[arg(long)]
    pub all: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// As seen at this time
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub at: Option<Timestamp>,
}

/// `modori case`
#[derive(Debug, Args)]
pub struct Case {
    /// Order number, as the mails write it: 399999-20261120-0123456789
    #[arg(value_name = "ORDER")]
    pub order: String,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// As seen at this time, in Tokyo: 2026-11-24 (its first second), 2026-11-24T10:00, or with an offset
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub at: Option<Timestamp>,
}

/// `modori shops`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
  \x20 modori shops             all shops, those with a bad record first\n\
  \x20 modori shops うみのや    one shop, by its code or name")]
pub struct Shops {
    /// One shop, by its code or its name: its record, its orders, the hours of its restocks
    #[arg(value_name = "SHOP")]
    pub shop: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// As seen at this time, in Tokyo: 2026-11-24 (its first second), 2026-11-24T10:00, or with an offset
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub at: Option<Timestamp>,
}

/// An order and a time.
#[derive(Debug, Args)]
pub struct About {
    /// Order number, as the mails write it: 399999-20261120-0123456789
    #[arg(value_name = "ORDER")]
    pub order: String,
    /// Said at this time, in Tokyo: 2026-11-24 (its first second), 2026-11-24T10:00, or with an offset
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub at: Option<Timestamp>,
}

/// `modori confirm`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
  \x20 modori confirm 399999-20261120-0123456789                                     all came back\n\
  \x20 modori confirm 399999-20261120-0123456789 --points 300                        300 so far\n\
  \x20 modori confirm 399999-20261120-0123456789 --points 500 --expires 2026-12-31   and they end then\n\
  \x20 modori confirm 399999-20261120-0123456789 --coupon back                       only the coupon")]
pub struct Confirm {
    /// Which order, when
    #[command(flatten)]
    pub about: About,
    /// How many points came back (all that were expected, if not given)
    #[arg(long, value_name = "N")]
    pub points: Option<u64>,
    /// When those points end (a day means its last second)
    #[arg(long, value_name = "DAY", value_parser = last_instant)]
    pub expires: Option<Timestamp>,
    /// What became of the coupon
    #[arg(long, value_enum)]
    pub coupon: Option<CouponFate>,
}

/// What became of a coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CouponFate {
    /// Usable again
    Back,
    /// Lost
    Lost,
}

/// `modori limited`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
  \x20 modori limited 399999-20261120-0123456789 --points 300 --expires 2026-11-30")]
pub struct Limited {
    /// Which order, when
    #[command(flatten)]
    pub about: About,
    /// How many of the points used were limited-time points
    #[arg(long, value_name = "N")]
    pub points: u64,
    /// When they end or ended (a day means its last second)
    #[arg(long, value_name = "DAY", value_parser = last_instant)]
    pub expires: Timestamp,
}

/// `modori note`
#[derive(Debug, Args)]
pub struct Note {
    /// Which order, when
    #[command(flatten)]
    pub about: About,
    /// The words
    #[arg(required = true, value_name = "TEXT")]
    pub text: Vec<String>,
}

/// `modori letter`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
  \x20 modori letter 399999-20261120-0123456789               what became of the letters about this order\n\
  \x20 modori letter 399999-20261120-0123456789 --sent        you sent the draft; or it was in doubt, and the shop has it\n\
  \x20 modori letter 399999-20261120-0123456789 --not-sent    it did not arrive: lay it into Drafts")]
pub struct Letter {
    /// The order's number
    pub order: String,
    /// The letter of which it is not known was sent; if there is none, you sent the draft
    #[arg(long, conflicts_with = "not_sent")]
    pub sent: bool,
    /// It was not sent: it is laid into Drafts, under the same Message-ID
    #[arg(long)]
    pub not_sent: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

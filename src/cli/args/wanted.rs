//! What can be said about goods.

use super::Format;
use clap::Args;

/// `modori want`, `modori mute`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n\
  \x20 modori want https://item.rakuten.co.jp/SHOP/ITEM/      the page of an item\n\
  \x20 modori want 琺瑯 ケトル --max-price 5000                words that its name must hold\n\
  \x20 modori want --model WH-1000XM5 --until 2026-12-24\n\
  \x20 modori want 福袋 --shop uminoya --from '2027-01-01 00:00'   the mailbox is asked all the time around then\n\
  \x20 modori mute --shop kakuu-games                         filed, never alerted\n\
  \x20 modori want --list\n\
  \x20 modori want --remove 2")]
pub struct Wish {
    /// The page of the item (several pages: several entries), or words that its name must hold
    #[arg(value_name = "URL|NAME", conflicts_with_all = ["list", "remove"])]
    pub what: Vec<String>,
    /// Only of this shop: its code, or a part of its name
    #[arg(long, value_name = "SHOP", conflicts_with_all = ["list", "remove"])]
    pub shop: Option<String>,
    /// The maker's model number
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["list", "remove"])]
    pub model: Option<String>,
    /// In yen: dearer goods are not meant
    #[arg(long, value_name = "YEN", conflicts_with_all = ["list", "remove"])]
    pub max_price: Option<u64>,
    /// The last day on which this counts (2026-12-31)
    #[arg(long, value_name = "DAY", conflicts_with_all = ["list", "remove"])]
    pub until: Option<jiff::civil::Date>,
    /// For yourself; it stands in the alert
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["list", "remove"])]
    pub note: Option<String>,
    /// When the sale begins, in Tokyo: '2026-12-04 20:00'
    #[arg(long, value_name = "TIME", conflicts_with_all = ["list", "remove"])]
    pub from: Option<String>,
    /// Show the list
    #[arg(long)]
    pub list: bool,
    /// Take an entry out: its number in the list, or its page
    #[arg(long, value_name = "N|URL", conflicts_with = "list")]
    pub remove: Option<String>,
    /// How to print the list
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

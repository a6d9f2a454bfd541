//! Whether two names mean the same goods: model number, the name without what shops hang on it, colour and size.
//!
//! Two shops never write one thing alike. What they agree on is the maker's model number, and the words that are left
//! when slogans, prices and options are taken away.

use super::money;
use super::pattern::patterns;
use crate::text;
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;

/// More characters of a name say nothing more.
const LONGEST: usize = 300;

/// Colour and size words of a name, in normal form.
pub type Options = BTreeSet<String>;

patterns! {
    /// What may be a model number: letters and digits, with hyphens inside.
    TOKEN = r"[a-z0-9]+(?:[-/_.][a-z0-9]+)*";
    LABEL = r"(?:メーカー型番|型番|型式|品番|型名|model\s?(?:no\.?|number)?)\s?[:=は]?\s?(?P<model>[a-z0-9][a-z0-9./_-]{2,29})";
    /// 100cm, 256gb, 2024ss, 12x20, 3way: a measure or a season, no model.
    MEASURE = r"^[0-9.]+[a-z]{1,5}[0-9]?$|^[0-9.]+[a-z]{0,2}x[0-9.]+.*$|^[0-9./_-]+$|^[a-z]{2}?20[0-9]{2}$";
    /// Words with a number that name no maker's model.
    COMMON = r"(?x)^(?:
        usb[0-9.c-]*|hdmi[0-9.-]*|ipx?[0-9]+x?|ip[0-9]{2}|wi-?fi[0-9.]*|bluetooth[0-9.]*|bt[0-9.]+|ver\.?[0-9.]+|vol\.?[0-9.]+|
        no\.?[0-9]+|type-?[a-z0-9]?|size[0-9]+|set[0-9]+|spf[0-9]+|uv-?[0-9]+|upf[0-9]+|led[0-9]+|cr[0-9]{4}|lr[0-9]+|
        mp[0-9]+|[ab][0-9]|h\.?26[45]|wpa[0-9]|pm2\.5|win(?:dows)?[0-9]+|android[0-9]+|ios[0-9.]+|jan[0-9]+|
        iphone[0-9a-z-]*|ipad[0-9a-z-]*|galaxy[0-9a-z-]*|xperia[0-9a-z-]*|pixel[0-9a-z-]*|ps[0-9]|switch[0-9]|
        x[0-9]+|p[0-9]+|t[0-9]+|w[0-9.]+|d[0-9.]+|h[0-9.]+|fw[0-9]{2}|ss[0-9]{2,4}|aw[0-9]{2,4}|co2|vitamin[a-z0-9]*
    )$";
    /// 【…】, ［…］, ＼…／ and the like with their contents: slogans, mostly.
    BRACKETS = r"【[^】]*】|\[[^\]]*\]|〔[^〕]*〕|≪[^≫]*≫|《[^》]*》|<[^>]*>|\\[^/]{1,40}/|★[^★]{1,30}★|☆[^☆]{1,30}☆|◆[^◆]{1,30}◆";
    /// Slogans without brackets.
    SLOGAN = r"(?x)
        送料(?:込み?|無料|別)|ポイント\s?[0-9]+\s?倍(?:以上)?|p[0-9]+倍|最大?[0-9,]+円?\s?off|[0-9,]+円?\s?off(?:クーポン)?|
        [0-9]+%\s?off|クーポン(?:で|利用で|使用で|適用で)?[^\s]{0,12}|再々?入荷|再々?販売?|予約(?:販売|商品|受付中)?|先行予約|
        あす楽(?:対象|対応)?|最強(?:翌日)?配送|メーカー取り?寄せ|お?取り?寄せ(?:商品|品)?|正規(?:品|販売店|代理店)|公式|
        新品|未使用|即納|即日(?:発送|出荷)|在庫(?:あり|限り|有り?)|数量限定|期間限定|限定(?:品|販売|価格)?|楽天(?:市場)?|
        ランキング\s?[0-9]*\s?位?(?:獲得|受賞)?|[0-9]+位(?:獲得|受賞)?|[0-9]+冠(?:達成)?|スーパー(?:sale|セール)|お買い物マラソン|
        タイムセール|セール|\bsale\b|\bnew\b|新発売|税込|税別|(?:ギフト|プレゼント)(?:対応|包装|ラッピング)?|ラッピング(?:対応|無料)?|
        母の日|父の日|敬老の日|クリスマス|お中元|お歳暮|[0-9]{4}年(?:モデル|製)?|[0-9]+年?保証|メール便|ネコポス|ゆうパケット|
        \brms\b|\b送\b";
    /// カラー:赤 サイズ:M and the like, to the end of the choice.
    CHOICE = r"(?:カラー|色|サイズ|種類|容量|color|colour|size)\s?[:=]\s?(?P<choice>[^\s、,/)\]】]{1,20})";
    SIZED = r"^(?:[0-9.]+(?:cm|mm|ml|l|g|kg|gb|tb|インチ|号|畳|合|人用)|[smlx]{1,4}|[2-9]x?l|フリー|free|大|中|小|特大|大サイズ|小サイズ|[smlx]{1,4}サイズ)$";
}

/// Colours as shops name them, longest first where one begins another.
const COLOURS: &[&str] = &[
    "ネイビーブルー", "ライトブルー", "ライトグレー", "ダークグレー", "ダークブラウン", "ローズゴールド",
    "スペースグレイ", "プラチナシルバー", "ミッドナイト", "ブラック", "ホワイト", "グレージュ", "ベージュ", "ブラウン",
    "ネイビー", "シルバー", "ゴールド", "オレンジ", "イエロー", "グリーン", "ブルー", "レッド", "ピンク", "パープル",
    "グレー", "グレイ", "カーキ", "アイボリー", "キャメル", "クリア", "ワイン", "ミント", "黒", "白", "赤", "青", "緑",
    "黄", "紫", "紺", "藍", "茶", "灰", "銀", "金", "桃", "生成り", "生成", "黒色", "白色", "赤色", "青色", "緑色",
    "black", "white", "red", "blue", "green", "navy", "gray", "grey", "silver", "gold", "pink", "brown", "beige",
];
/// What makes goods a part of, or a thing for, other goods.
const ACCESSORY: &[&str] = &[
    "用", "対応", "専用", "互換", "交換", "替え", "カバー", "ケース", "フィルム", "部品", "パーツ", "保護", "リモコン",
    "イヤーパッド", "イヤーピース", "スタンド", "アダプタ", "フィルター", "紙パック", "インク", "バッテリー", "充電器",
    "ケーブル", "レンタル", "for ", "case", "cover", "filter",
];

/// The maker's model number in a name (or, where the name has none, in an item code): `WH-1000XM5`, `NP-TZ300-W`. In
/// capitals. What the goods are made *for* (EC-SR9用, EC-SR9対応) is not their model.
#[must_use]
pub fn model(name: &str, code: Option<&str>) -> Option<String> {
    let folded = text::fold(name);
    let text = folded.text();
    let labelled = LABEL
        .captures_iter(text)
        .filter_map(|found| found.name("model"))
        .find(|found| mixed(found.as_str()) && !is_for(text, found.range()));
    let best = || {
        let tokens = TOKEN.find_iter(text).filter(|found| is_model(found.as_str()) && !is_for(text, found.range()));
        tokens
            .max_by_key(|found| (weight(found.as_str()), std::cmp::Reverse(found.start())))
            .map(|found| found.as_str())
    };
    let coded = || {
        let code = text::fold(code?);
        let token = code.text().trim();
        let whole = TOKEN.find(token).is_some_and(|found| found.len() == token.len());
        (whole && is_model(token)).then(|| token.to_owned())
    };
    let found = labelled.map(|found| found.as_str()).or_else(best).map(str::to_owned).or_else(coded)?;
    Some(found.trim_end_matches(['-', '.', '/', '_']).to_ascii_uppercase())
}

fn mixed(token: &str) -> bool {
    token.bytes().any(|b| b.is_ascii_alphabetic()) && token.bytes().any(|b| b.is_ascii_digit())
}

fn is_model(token: &str) -> bool {
    let letters = token.bytes().filter(u8::is_ascii_alphabetic).count();
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    let length = letters + digits;
    // a JAN and a date have no letters, a word no digits; MEASURE and COMMON are what else looks like one
    mixed(token)
        && (4..=24).contains(&length)
        && (letters >= 2 || token.contains('-') || digits >= 3)
        && !MEASURE.is_match(token)
        && !COMMON.is_match(token)
}

/// A hyphen speaks for a model number, then its length.
fn weight(token: &str) -> (bool, usize) {
    (token.contains('-'), token.len())
}

/// EC-SR9用, EC-SR9対応, for EC-SR9, 対応機種:EC-SR9.
fn is_for(text: &str, token: std::ops::Range<usize>) -> bool {
    let after = text.get(token.end..).unwrap_or_default().trim_start_matches([' ', ')', ']', '」', '/']);
    let before = text.get(..token.start).unwrap_or_default().trim_end_matches([' ', ':', '(', '[', '「']);
    ["用", "対応", "専用", "互換", "シリーズ用", "など", "に対応", "交換"].iter().any(|sign| after.starts_with(sign))
        || ["for", "対応機種", "対応型番", "適合機種", "適合型番", "適用機種", "対応", "適合"]
            .iter()
            .any(|sign| before.ends_with(sign))
}

/// The name for comparison: in normal form, without slogans, options, spaces and punctuation. Empty when nothing is
/// left. Equal keys mean the same goods, perhaps in another colour or size ([`options`]).
#[must_use]
pub fn item_key(name: &str) -> String {
    let plain = undecorated(name);
    let plain = CHOICE.replace_all(&plain, " ");
    plain
        .split(is_gap)
        .filter(|word| !is_option(word))
        .flat_map(str::chars)
        .filter(|c| c.is_alphanumeric() || *c == 'ー')
        .collect()
}

/// The colour and size words of a name.
#[must_use]
pub fn options(name: &str) -> Options {
    let plain = undecorated(name);
    let chosen = CHOICE.captures_iter(&plain).filter_map(|found| Some(found.name("choice")?.as_str().to_owned()));
    let words = plain.split(is_gap).filter(|word| is_option(word)).map(str::to_owned);
    chosen.chain(words).collect()
}

/// Whether both are goods themselves, or both things for other goods: a case is not the telephone.
#[must_use]
pub fn same_kind(one: &str, other: &str) -> bool {
    let parts = |name: &str| -> BTreeSet<&str> {
        let folded = text::fold(name);
        ACCESSORY.iter().copied().filter(|word| folded.text().contains(word)).collect()
    };
    parts(one) == parts(other)
}

/// How much of the shorter key stands in the longer one, by pairs of characters: 0 to 100.
#[must_use]
pub fn likeness(one: &str, other: &str) -> usize {
    let pairs = |key: &str| -> BTreeSet<(char, char)> { key.chars().zip(key.chars().skip(1)).collect() };
    let (one, other) = (pairs(one), pairs(other));
    let least = one.len().min(other.len());
    (one.intersection(&other).count() * 100).checked_div(least).unwrap_or_default()
}

fn undecorated(name: &str) -> String {
    let folded = text::fold(&parted(name));
    let bare = BRACKETS.replace_all(folded.text(), " ");
    // 【送料無料】alone is no name, but 【ケトル】is one
    let bare = if bare.trim().is_empty() { folded.text() } else { bare.as_ref() };
    SLOGAN.replace_all(bare, " ").into_owned()
}

/// The normal form takes blanks between kanji away; here they part words.
fn parted(name: &str) -> String {
    name.chars().map(|c| if c.is_whitespace() { '\n' } else { c }).collect()
}

/// The words of a name as it spells them, without what shops hang on it (【送料無料】, ★, ポイント10倍), without addresses
/// and without signs. Empty when nothing is left.
#[must_use]
pub fn words(name: &str) -> Vec<String> {
    let short: String = name.chars().take(LONGEST).collect();
    // ﾊﾟｽﾞﾙ and ＮＰ－ＴＺ are looked for as パズル and NP-TZ
    let parted: String = parted(&text::visible(&short)).nfkc().collect();
    let folded = text::fold(&parted);
    let blank = |text: &str, found: Vec<std::ops::Range<usize>>| {
        let mut text = text.as_bytes().to_vec();
        for range in found {
            if let Some(part) = text.get_mut(range) {
                part.fill(b' ');
            }
        }
        String::from_utf8(text).unwrap_or_default()
    };
    let bare = blank(folded.text(), BRACKETS.find_iter(folded.text()).map(|found| found.range()).collect());
    let bare = if bare.trim().is_empty() { folded.text().to_owned() } else { bare };
    let bare = blank(&bare, SLOGAN.find_iter(&bare).map(|found| found.range()).collect());
    // what is left stands where it stood, so that it can be spelled as it was written
    let mut spelled = String::new();
    let mut end = 0;
    for (at, c) in bare.char_indices() {
        let origin = folded.origin(at..at + c.len_utf8());
        match parted.get(origin.start.max(end)..origin.end) {
            Some(written) if c != ' ' => {
                spelled.push_str(written);
                end = origin.end.max(end);
            }
            _ => spelled.push(' '),
        }
    }
    let words = spelled.split(|c: char| c.is_whitespace()).filter(|word| !is_address(word));
    let words = words.flat_map(|word| word.split(|c: char| !is_of_a_name(c)));
    // signs belong to a word only inside it: NP-TZ300, 5.5合
    words
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != 'ー').to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// A name for comparison within one shop, where goods that are not the same must never be taken for the same: in normal
/// form, without slogans, but with colour, size and whatever else stands in brackets.
#[must_use]
pub fn exact_key(name: &str) -> String {
    let folded = text::fold(&parted(name));
    let plain = SLOGAN.replace_all(folded.text(), " ");
    plain.chars().filter(|c| c.is_alphanumeric() || *c == 'ー').collect()
}

/// A link, or a host: nothing to look for at another shop.
fn is_address(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let host = word.split('/').next().unwrap_or_default();
    let ends = [".com", ".jp", ".net", ".org", ".info", ".example", ".top", ".xyz", ".cn", ".shop"];
    word.contains("://") || word.starts_with("www.") || ends.iter().any(|end| host.ends_with(end))
}

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, 'ー' | '-' | '.' | '_' | '々' | '〆' | '&' | '°' | '\'')
}

fn is_gap(c: char) -> bool {
    c.is_whitespace() || "()[]{}【】「」『』、。,/|・!！♪★☆◆■●:;~＼\\+×&".contains(c)
}

fn is_option(word: &str) -> bool {
    COLOURS.contains(&word) || SIZED.is_match(word) || money::kanji(word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_number_is_found() {
        for (name, code, expect) in [
            ("ソニー ワイヤレスヘッドホン WH-1000XM5 ブラック", None, Some("WH-1000XM5")),
            ("AQUOS sense9 SH-C54D SIMフリー 128GB", None, Some("SH-C54D")),
            ("【送料無料】パナソニック 食洗機 ＮＰ－ＴＺ３００－Ｗ", None, Some("NP-TZ300-W")),
            ("シャープ 掃除機 型番：EC-SR9", None, Some("EC-SR9")),
            ("象印 炊飯ジャー 5.5合 NWJA10BA 品番 NW-JA10-BA", None, Some("NW-JA10-BA")),
            ("電気ケトル", Some("CK-AX08-BA"), Some("CK-AX08-BA")),
            ("電気ケトル", Some("10001234"), None),
            ("タオル 100% コットン 60x120cm 2024ss", None, None),
            ("マグカップ 350ml ホワイト M", None, None),
            ("USB3.0 ケーブル 100cm Type-C", None, None),
            ("iPhone15 ケース", None, None),
            ("EC-SR9用 紙パック 10枚", None, None),
            ("イヤーパッド for WH-1000XM5", None, None),
            ("替刃 対応機種：EC-SR9", None, None),
            ("JAN4901234567890 洗剤", None, None),
            ("モバイルバッテリー 10000mAh 20W", None, None),
            ("SPF50 日焼け止め 60g", None, None),
        ] {
            assert_eq!(model(name, code).as_deref(), expect, "{name}");
        }
    }

    #[test]
    fn what_shops_hang_on_a_name_does_not_count() {
        for (one, other) in [
            ("【再販】真鍮のペン立て 丸型", "真鍮のペン立て　丸型"),
            ("＼クーポン利用で500円OFF／ 真鍮のペン立て 丸型", "真鍮のペン立て・丸型 送料無料"),
            ("ポイント10倍 帆布トート 大 ネイビー", "帆布トート 小 カーキ"),
            ("卓上加湿器 ミスト 2L【あす楽対応】", "卓上加湿器ミスト ポイント5倍 即納"),
            ("吹きガラスの花瓶（青）", "吹きガラスの花瓶（赤）"),
            ("ガーゼケット カラー:生成り サイズ:S", "ガーゼケット"),
            ("木製ﾊﾟｽﾞﾙ ２０００ピース", "木製パズル 2000ピース"),
        ] {
            assert_eq!(item_key(one), item_key(other), "{one} / {other}");
            assert!(item_key(one).chars().count() >= 4, "{one}");
        }
        for (one, other) in [
            ("真鍮のペン立て 丸型", "真鍮のペン立て 角型"),
            ("ケトルカバー", "ケトル"),
            ("木製パズル 1000ピース", "木製パズル 2000ピース"),
        ] {
            assert_ne!(item_key(one), item_key(other), "{one} / {other}");
        }
        assert_eq!(item_key("【送料無料】 ポイント10倍"), "");
    }

    #[test]
    fn colour_and_size_are_told_apart() {
        let of = |name: &str| options(name).into_iter().collect::<Vec<_>>();
        assert_eq!(of("帆布トート 大 ネイビー"), ["ネイビー", "大"]);
        assert_eq!(of("ガーゼケット カラー:生成り サイズ:S"), ["s", "生成り"]);
        assert_eq!(of("真鍮のペン立て 丸型"), Vec::<String>::new());
    }

    #[test]
    fn a_case_is_not_the_telephone() {
        assert!(!same_kind("ソニー WH-1000XM5 ヘッドホン", "WH-1000XM5 ケース"));
        assert!(same_kind("ソニー WH-1000XM5 ヘッドホン", "ヘッドホン WH-1000XM5"));
        assert!(likeness("ソニーヘッドホンwh1000xm5", "ヘッドホンwh1000xm5") > 90);
        assert_eq!(likeness("", "ケトル"), 0);
    }
}

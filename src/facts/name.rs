//! What goods are called where no label says so: in a line above a link, in quotes, at the head of a sentence.
//!
//! A line is a name when nothing speaks against it: it is no sentence, no greeting, no price, no call to press a
//! button, no frame. What cannot be told stays without a name; a wrong one would be sent to a phone.

use super::date;
use super::money;
use super::page::{Page, View};
use super::pattern::patterns;
use crate::text::{self, signs::Signs};
use std::ops::Range;
use std::sync::LazyLock;

/// Most quotes and sentences that are looked at.
const MOST: usize = 200;
/// Lines above and below a link that may belong to it.
const NEAR: usize = 6;
/// Characters of a name.
const LONGEST: usize = 120;

patterns! {
    QUOTED = "[「『【\"]([^」』】\"\\n]{2,100})[」』】\"]";
    /// Words that say at a line's end that goods are back: `ガーゼケット 再々入荷!`
    NEWS = r"(?x)\s?(?:が|の|は|を|、|-|~)?\s?
        (?:再々?入荷|再々?販売?|再発売|販売再開|在庫復活|復活|追加入荷|緊急入荷|入荷|back\ in\ stock|restocked)
        (?:が?決定|しました|いたしました|致しました|のお知らせ|の?ご案内|予告|情報|です|中|開始|スタート)*\s?[!。☆★♪~]*$";
    /// The mug is available again; Back in stock: the mug.
    ENGLISH = r"(?:^|[.!?\n]\s?|back in stock\s?[:!-]\s?)(?P<goods>[a-z0-9][^.!?\n:]{2,80}?)(?:\s(?:is|are)\s(?:now\s)?(?:back|available)|$)";
    BACK = r"(?x)^(?P<goods>[^、。!?\n\t]{2,90}?)\s?(?:が|の|は|を|、)?\s?(?:再々?入荷|再々?販|再発売|販売再開|在庫復活|復活|入荷)";
}

/// What stands before goods and is no part of their name: up to the last of these, a name has not begun.
const LEADS: &[&str] = &[
    "ていただいた", "で、", "どおり、", "通り、", "どおり", "きっかりに", "ていただきました", "ていただいていた",
    "ていただいておりました", "ていただいております", "いただいた", "いただいていた", "いただきました",
    "いただいておりました", "いただいております", "いただきます", "いただいた", "いただいていた", "いただきました",
    "いただいておりました", "いただいております", "くださった", "くださいました", "しておりました", "ておりました",
    "していた", "ていた", "でいた", "ていました", "お尋ねの", "おたずねの", "していました", "しました", "いたしました",
    "いたしました", "された", "されていた", "だった", "でした", "登録の", "登録中の", "登録済みの", "登録商品",
    "登録アイテム", "希望の", "所望の", "問い合わせの", "問い合わせの", "問い合わせの", "注文の", "注文商品の",
    "注文のうち", "予約の", "購入の", "購入希望の", "お探しの", "お待ちの", "お待ちかねの", "お待たせの",
    "お気に入りの", "リクエストの", "話題の", "大人気の", "人気の", "幻の", "あの", "例の", "完売御礼の", "即完売の",
    "売り切れの", "品切れの", "待望の", "待ちの", "うち", "さて", "この度", "このたび", "本日", "昨日", "先日",
    "先ほど", "商品の", "商品:",
];

/// What is no name of goods, but a word for any goods or for the mail.
const GENERIC: &[&str] = &[
    "商品", "登録商品", "ご登録商品", "ご登録の商品", "ご希望商品", "ご希望の商品", "お気に入り商品", "対象商品",
    "該当商品", "人気商品", "注目商品", "おすすめ商品", "品物", "お品", "お品物", "アイテム", "ご注文商品", "下記商品",
    "下記の商品", "以下の商品", "こちらの商品", "こちら", "上記商品", "本商品", "当商品", "同商品", "一部商品",
    "全商品", "メーカー", "当店", "当社", "弊社", "店舗", "在庫", "ご注文", "注文", "お客様", "みなさま", "皆様",
    "数量", "頁", "ページ", "商品頁", "商品ページ", "お知らせ", "ご案内", "ご連絡", "次回", "今回", "前回", "現在",
    "ただいま", "ただいま", "ただいま", "あと", "残り", "再入荷", "再販", "再販決定", "入荷", "送料無料", "並べる日",
    "販売日", "発売日", "販売日時", "税込", "item", "items", "an item", "the item", "product", "price", "page", "link",
    "店", "お店", "ショップ", "先ほど", "さきほど", "さっき",
];

/// Parts of a line that is a sentence, a call or a frame, never a name.
const SPEECH: &[&str] = &[
    "ました", "ます", "です", "ません", "ございま", "いただ", "いただき", "いただけ", "ください", "ください", "でした",
    "くださ", "お待たせ", "お知らせ", "ご案内", "ありがとう", "申し訳", "こちら", "クリック", "チェック", "カート",
    "配信停止", "商品ページ", "ページ", "マガジン", "だより", "メルマガ", "クーポン", "ポイント", "送料", "限定販売",
    "一般販売", "先行販売", "http", " arrived", "you can", "right now", " we ", " our ", "click", "view ", "buy now",
    "shop now", "hello", "dear ", "good news", "your favorite", "on your", "will not", "is back", " is ", " are ",
    "great news", "has been", "have been", "are back", "thank you", "ほしい", "欲しい",
];

static SAID: LazyLock<Signs> = LazyLock::new(|| Signs::of(SPEECH));

/// A name, the price that stands with it, and where the name was read in the raw body (when it was).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) price: Option<u64>,
}

/// 「NAME」, and nothing else on the line.
fn is_quoted(line: &str) -> bool {
    let line = line.trim();
    let inside = [('「', '」'), ('『', '』')].into_iter().find_map(|(open, close)| {
        line.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).filter(|inside| !inside.contains(open))
    });
    inside.is_some_and(|inside| inside.chars().count() >= 3)
}

/// The name and the price that stand with a link. `shown` is what the mail shows as the link; `place` its bytes in the
/// raw body; `land` the bytes between the links to other goods before and after it.
pub(super) fn beside(page: &Page<'_>, shown: &str, place: &Range<usize>, land: &Range<usize>) -> Named {
    let origin = |line: &Range<usize>| page.body.span(line.clone()).range;
    let own = page.lines.iter().position(|line| origin(line).end >= place.start).unwrap_or(page.lines.len());
    let on_land = |line: &&Range<usize>| {
        let range = origin(line);
        range.start >= land.start && range.end <= land.end && !page.body.slice((*line).clone()).trim().is_empty()
    };
    let above = page.lines.get(..own).unwrap_or_default().iter().rev().take(NEAR * 2).filter(on_land).take(NEAR);
    let below = page.lines.get(own..).unwrap_or_default().iter().take(NEAR).filter(on_land).take(3);
    let named = bare(shown).filter(|_| !is_call(shown));
    let (above, below): (Vec<_>, Vec<_>) = (above.cloned().collect(), below.cloned().collect());
    let nearest = |lines: [&Vec<Range<usize>>; 2]| {
        lines.into_iter().flatten().find_map(|line| price_in(page.body.slice(line.clone())))
    };
    // behind a name its price follows; a bare link stands below both
    let price = if named.is_some() { nearest([&below, &above]) } else { nearest([&above, &below]) };
    // what the subject names, too, or what stands in quotes by itself, is the goods; a shop's name stands there as well
    let candidates: Vec<(usize, String)> =
        above.iter().enumerate().filter_map(|(n, line)| Some((n, line_name(page, line)?))).collect();
    let few = page.mail.links.iter().filter(|link| super::item::item_url(&link.href).is_some()).count() < 4;
    let sure = candidates.iter().filter(|_| few).find(|(_, name)| {
        let folded = text::fold(name);
        folded.text().chars().count() >= 4 && page.subject.text().contains(folded.text())
    });
    let sure = sure.or_else(|| {
        let whole = |n: usize| above.get(n).is_some_and(|line| is_quoted(page.body.slice(line.clone())));
        candidates.iter().find(|(n, _)| whole(*n))
    });
    // 干しいもはこちら→ LINK; in full where it stands in quotes
    let pointed = page.lines.get(own).and_then(|line| {
        let text = page.body.slice(line.clone());
        let end = ["の商品ページはこちら", "のページはこちら", "のご注文はこちら", "はこちら", "のご購入はこちら"]
            .iter()
            .filter_map(|word| text.find(word))
            .min()?;
        let name = bare(page.body.written(line.start..line.start + end))?;
        let whole = page.body.captures(&QUOTED).take(MOST).find_map(|found| {
            let inside = found.get(1)?;
            inside.as_str().starts_with(text.get(..end)?.trim()).then(|| clean(page.body.written(inside.range())))
        });
        Some(whole.unwrap_or(name))
    });
    let named = named.or(pointed);
    let mut lines = sure.cloned().map_or(candidates, |(_, name)| vec![(0, name)]).into_iter();
    let told = || above.iter().take(3).find_map(|line| in_sentence(page, line));
    let name = named.or_else(|| match lines.next() {
        // right above the link, or nothing better is said
        Some((0 | 1, name)) => Some(name),
        // a name in quotes elsewhere may be a part of the one on the line
        Some((n, name)) => {
            told().or_else(|| quoted(page).filter(|part| !name.contains(part.as_str())).or((n <= 4).then_some(name)))
        }
        None => told(),
    });
    let name = name.unwrap_or_default();
    Named { name, price }
}

/// The name that a mail about one thing tells in a sentence, in quotes, or in its subject.
pub(super) fn told(page: &Page<'_>) -> Option<String> {
    let english = || {
        [&page.joined, &page.subject].into_iter().find_map(|view| {
            let at = view.hits(&["back in stock", "available", "restock"]).first()?.0;
            let sentence = if view.text().len() < 200 { 0..view.text().len() } else { view.sentence_at(at) };
            let goods = ENGLISH.captures(view.slice(sentence.clone()))?.name("goods")?.range();
            let range = sentence.start + goods.start..sentence.start + goods.end;
            let text = view.slice(range.clone());
            let vague = ["it", "this", "the item", "an item", "item", "your", "we", "good", "great", "hi", "hello"]
                .iter()
                .any(|word| text == *word || text.starts_with(&format!("{word} ")));
            (!vague && text.is_ascii() && view.counts(range.start)).then(|| clean(view.written(range)))
        })
    };
    quoted(page).or_else(|| sentence(&page.joined)).or_else(english).or_else(|| {
        let subject = page.subject.text();
        let head = subject.rsplit(['】', ']', '\\', '/', '|']).find(|part| !part.trim().is_empty())?;
        let found = BACK.captures(head)?.name("goods")?;
        let from = head.as_ptr() as usize - subject.as_ptr() as usize;
        goods(&page.subject, from + found.start()..from + found.end())
    })
}

/// Goods of an order that a sentence names: ご注文の帆布トートが欠品…. Without quotes only the sentence's own head counts.
pub(super) fn ordered(page: &Page<'_>) -> Vec<(String, Range<usize>)> {
    let view = &page.joined;
    let lead = [
        "お求めいただいた", "お求めいただきました", "お求めの", "ご所望の", "ご注文の", "ご注文いただいた",
        "ご注文いただきました", "ご注文いただいた", "ご注文いただきました", "ご注文のうち", "ご注文商品の",
        "ご注文の商品", "ご注文くださった", "お申込の", "お申込の", "ご購入の", "お買い上げの", "お選びいただいた",
    ];
    // the quotes of a button, of a subject or of a shop
    let other = [
        "ボタン", "ページ", "より", "から", "を押", "をクリック", "メニュー", "という", "と題", "のメール", "店",
        "さま", "様",
    ];
    let on_lines = page.lines.iter().filter_map(|line| {
        let text = page.body.slice(line.clone());
        if !is_quoted(text) || !page.body.counts(line.start) {
            return None;
        }
        let name = bare(page.body.written(line.clone()))?;
        let at = view.text().find(text.trim())?;
        Some((unquoted(&name).to_owned(), at..at + text.trim().len()))
    });
    let quotes = view.captures(&QUOTED).take(MOST).filter_map(|found| {
        let (whole, name) = (found.get(0)?, found.get(1)?);
        let before = view.text().get(..whole.start())?.trim_end();
        let after = view.text().get(whole.end()..)?.trim_start();
        // 「NAME」につきまして…欠品: what became of it follows
        let sentence = view.slice(whole.end()..view.sentence_at(whole.start()).end.max(whole.end()));
        let fate = PARTICLES.iter().any(|particle| after.starts_with(particle))
            || after.starts_with(|c: char| c.is_ascii_digit());
        let fate = fate
            && whole.as_str().starts_with(['「', '『', '"'])
            && (FATES.iter().chain(LOST).any(|word| sentence.contains(word)));
        // 「NAME」をご注文いただき
        let bought = ["をご注文", "をお買い上げ", "をご購入", "のご注文"].iter().any(|word| after.starts_with(word));
        let fits = fate
            || bought
            || lead.iter().any(|lead| before.ends_with(lead)) && !other.iter().any(|word| after.starts_with(word));
        (fits && view.counts(name.start())).then(|| (clean(view.written(name.range())), name.range()))
    });
    let mut found: Vec<(String, Range<usize>)> = quotes.collect();
    if found.is_empty() {
        found = on_lines.collect();
    }
    found
}

/// ご登録いただいた「NAME」が入荷いたしました: the name in quotes of a sentence about goods.
fn quoted(page: &Page<'_>) -> Option<String> {
    let of = |view: &View<'_>| {
        view.captures(&QUOTED).take(MOST).find_map(|found| {
            let (whole, name) = (found.get(0)?, found.get(1)?);
            let sentence = view.sentence_at(name.start());
            let before = view.slice(sentence.start..whole.start());
            let after = view.slice(whole.end()..sentence.end);
            let about = [
                "入荷", "なくな", "無くな", "追加", "お待たせ", "届き", "お止め", "生産", "製造", "着荷", "再販",
                "販売", "登録", "商品", "在庫", "お気に入り", "リクエスト", "完売", "品切", "売り切れ", "復活",
                "お待ち", "お問い合わせ", "お問い合わせ", "ご希望",
            ];
            // 特装版『見本島の灯台守』(ポストカード付き): a part of a longer name
            let part = view
                .slice(sentence.start..whole.start())
                .ends_with(|c: char| c.is_alphanumeric() && !matches!(c, 'ぁ'..='ん'))
                && view.slice(whole.end()..sentence.end).starts_with('(');
            if part {
                return None;
            }
            let goods = about.iter().any(|word| before.contains(word) || after.contains(word));
            let shop = before.ends_with("ショップ") || before.ends_with("店舗") || after.trim_start().starts_with("店");
            // 【…】 at the head of a line is a tag
            let tag = whole.as_str().starts_with('【')
                && (before.trim().is_empty() || !after.starts_with(['が', 'を', 'は', 'も', 'の', 'で']));
            let feature = about.iter().any(|word| name.as_str().contains(word)) || is_speech(name.as_str());
            let asks =
                ["の登録", "に登録", "ボタン", "メール", "ページ", "を押", "より", "から", "登録は", "機能", "設定"]
                    .iter()
                    .any(|word| after.trim_start().starts_with(word));
            (goods && !shop && !tag && !feature && !asks && view.counts(name.start()))
                .then(|| clean(view.written(name.range())))
        })
    };
    of(&page.joined).or_else(|| of(&page.subject))
}

/// Words that say what became of goods.
const FATES: &[&str] = &[
    "カートに戻", "カートに入", "カートへ", "再入荷", "再入荷", "再販", "再販", "再発売", "入荷", "販売再開",
    "販売を再開", "販売が再開", "復活", "在庫", "キャンセル分", "品切", "売り切れ", "売り切れ", "欠品", "完売",
    "ご用意", "手配", "廃番", "終売", "生産終了", "買えるように", "お買い求め", "購入可能", "届き", "届いて", "入りま",
    "仕上が", "並び", "並べ",
];
/// Words that say that goods of an order are lost.
const LOST: &[&str] = &[
    "傷", "不良", "破損", "キャンセル", "取消", "なくな", "切らし", "終了", "お送りでき", "発送", "お届け", "遅れ",
    "見つか",
];
/// What closes the topic of a sentence.
const PARTICLES: &[&str] = &[
    "につきましては", "につきましても", "につきまして", "に関しましては", "に関しまして", "でございますが", "ですが",
    "なのですが", "の件ですが", "の件", "が", "は", "を", "も",
];

/// The parts of a sentence between its commas; the comma of 9,900 is none.
fn pieces(sentence: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut from = 0;
    for (at, c) in sentence.char_indices().filter(|(_, c)| matches!(c, '、' | ',')) {
        let digit = |text: Option<&str>, last: bool| {
            let c = text.and_then(|text| if last { text.chars().next_back() } else { text.chars().next() });
            c.is_some_and(|c| c.is_ascii_digit())
        };
        let number = c == ',' && digit(sentence.get(..at), true) && digit(sentence.get(at + 1..), false);
        if !number {
            parts.push(sentence.get(from..at).unwrap_or_default());
            from = at + c.len_utf8();
        }
    }
    parts.push(sentence.get(from..).unwrap_or_default());
    parts
}

/// The goods at the head of a sentence that says what became of them.
fn sentence(view: &View<'_>) -> Option<String> {
    view.hits(FATES).into_iter().take(MOST).find_map(|(at, _)| topic(view, at))
}

/// The goods of a sentence that stands on a line, if it says what became of them.
fn in_sentence(page: &Page<'_>, line: &Range<usize>) -> Option<String> {
    let place = page.body.span(line.clone()).range;
    let view = &page.joined;
    view.hits(FATES).into_iter().take(MOST).find_map(|(at, _)| {
        let origin = view.span(at..at + 1).range.start;
        if place.contains(&origin) { topic(view, at) } else { None }
    })
}

/// The topic of the sentence that says at `at` what became of it.
fn topic(view: &View<'_>, at: usize) -> Option<String> {
    let start = view.sentence_at(at).start;
    let before = view.slice(start..at);
    let mut end = at;
    for (n, piece) in pieces(before).into_iter().rev().enumerate().take(3) {
        let from = end - piece.len();
        let particle = PARTICLES
            .iter()
            .filter_map(|particle| piece.rfind(particle).map(|at| (at + particle.len(), at)))
            .max_by_key(|(end, at)| (*end, usize::MAX - at));
        // ガーゼケットの|再入荷; トートが今朝ようやく|入荷
        let close = match particle {
            Some((past, at)) if piece.get(past..).is_some_and(|rest| rest.chars().count() <= 16) => Some(at),
            _ if n == 0 => piece.strip_suffix('の').map(str::len),
            _ => Some(piece.len()),
        };
        if let Some(name) = close.and_then(|close| goods(view, from..from + close)) {
            return Some(name);
        }
        end = from.saturating_sub('、'.len_utf8()).max(start);
        if view.text().get(end..from).is_none_or(|comma| comma != "、") {
            end = from.saturating_sub(1).max(start);
        }
    }
    None
}

/// A stretch of words without what leads up to the goods, if goods are left.
fn goods(view: &View<'_>, range: Range<usize>) -> Option<String> {
    let text = view.slice(range.clone());
    let skip = LEADS.iter().filter_map(|lead| text.rfind(lead).map(|at| at + lead.len())).max().unwrap_or(0);
    let rest = text.get(skip..)?;
    let from = range.start + skip + (rest.len() - rest.trim_start_matches(['「', '『', ' ', ':', '・']).len());
    let range = from..range.end;
    let text = view.slice(range.clone()).trim_end();
    let closed = text.strip_suffix(['」', '』']).filter(|rest| !rest.contains(['「', '『']));
    let text = closed.unwrap_or(text);
    let range = range.start..range.start + text.len();
    let letters = text.chars().filter(|c| c.is_alphanumeric()).count();
    let timed = ["本日", "明日", "今夜", "今朝", "時より", "時から", "日より", "日から", "次回", "今回"]
        .iter()
        .any(|word| text.contains(word));
    // お…, ご…: a polite word, not goods
    let plain = letters >= 3
        && text.chars().count() <= 50
        && !is_generic(text)
        && !is_speech(text)
        && !text.starts_with("キャンセル")
        && !text.starts_with(['ご', 'お', '(', '※'])
        && !text
            .char_indices()
            .skip(1)
            .any(|(at, _)| text.get(at..).is_some_and(|rest| rest.starts_with("から") || rest.starts_with("より")))
        && !["により", "による", "ため", "ので", "から", "まで", "様", "さん", "ところ", "こと", "もの"]
            .iter()
            .any(|end| text.ends_with(end) || text.contains("により"));
    (plain && (skip > 0 || !timed && text.chars().count() <= 30) && view.counts(range.start))
        .then(|| clean(view.written(range)))
}

/// The name that a line is, as written.
fn line_name(page: &Page<'_>, line: &Range<usize>) -> Option<String> {
    if !page.body.counts(line.start) {
        return None;
    }
    let text = page.body.slice(line.clone());
    // the first cell of a row that is a name
    let mut start = line.start;
    for cell in text.split('\t') {
        let range = start..start + cell.len();
        start = range.end + 1;
        let news = NEWS.find(cell).map_or(cell.len(), |found| found.start());
        let kept = cell.get(..news).unwrap_or_default();
        let dated = date::stamps(cell, page.mail.base).iter().any(|stamp| stamp.time.is_some() || stamp.until);
        if kept.trim().is_empty() || dated || price_in(cell).is_some() && is_price(cell) {
            continue;
        }
        // 見本農園ゲイシャ 100g 1,880円(税込): the price is no part of the name
        let priced = if kept.len() == cell.len() {
            money::yen(cell, false).into_iter().find(|amount| amount.marked)
        } else {
            None
        };
        if let Some(amount) = priced
            && let Some(name) = bare(page.body.written(range.start..range.start + amount.range.start))
        {
            return Some(name);
        }
        if kept.len() < cell.len()
            && let Some(name) = goods(&page.body, range.start..range.start + kept.len())
        {
            return Some(name);
        }
        if let Some(name) = bare(page.body.written(range.start..range.start + kept.len())) {
            return Some(name);
        }
    }
    None
}

/// A name as a reader sees it: on one line, letters whole, nothing invisible in it.
pub(super) fn clean(written: &str) -> String {
    let mut name = text::visible(written);
    if name.contains(['\r', '\n', '\u{a0}']) {
        name = name.replace(['\r', '\n'], "").replace('\u{a0}', " ");
    }
    name.trim().trim_end_matches(|c: char| c.is_whitespace() || "│┃".contains(c)).to_owned()
}

/// A name without the quotes around all of it.
pub(super) fn unquoted(name: &str) -> &str {
    [('「', '」'), ('『', '』'), ('【', '】'), ('“', '”'), ('"', '"')].into_iter().fold(
        name.trim(),
        |name, (open, close)| {
            let inside = name.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
            inside.filter(|inside| !inside.contains(open)).unwrap_or(name)
        },
    )
}

/// Whether words can be the name of goods.
pub(super) fn is_goods(written: &str) -> bool {
    bare(written).is_some()
}

/// A line's text without ornaments and enclosing quotes, if it can be a name.
fn bare(written: &str) -> Option<String> {
    let ornament =
        |c: char| c.is_whitespace() || "■□◆◇●○◎▼▽▲△☆★*＊・>＞→⇒―‐♪♡♥❤✨🎉─━═-—_=:：|｜\\＼/／!！~〜".contains(c);
    let name = unquoted(unnumbered(written.trim_matches(ornament)));
    let folded = text::fold(name);
    let text = folded.text().trim();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let count = text.chars().count();
    let head = [
        "date:", "from:", "to:", "subject:", "sent:", "cc:", "送信日時", "差出人", "件名", "宛先", "日時:", "sku",
        "カラー:", "サイズ:", "色:", "種類:", "size ", "size:", "color ", "color:", "colour", "qty", "quantity",
        "price", "商品url", "url", "価格", "販売価格", "税込", "在庫", "数量", "期間", "販売開始", "取扱", "お一人様",
        "おひとり様", "お1人様", "1人様", "著者", "出版社", "発行", "発売元", "ショップ", "販売店", "どなた", "店舗",
        "受付", "お値段", "値段",
    ];
    let greets = ["様", "さま", "さん", "様へ", "さんへ", "さまへ", "殿"].iter().any(|end| text.ends_with(end))
        && count < 24
        || ["こんにちは", "こんばんは", "おはよう", "hi ", "hi,"].iter().any(|start| text.starts_with(start));
    // モドリ雑貨店 楽天市場店: who sells it
    let shop = ["楽天市場店", "市場店", "楽天店", "公式店", "オンラインショップ", "公式ショップ"]
        .iter()
        .any(|end| text.ends_with(end))
        || text.contains("楽天市場店");
    // すみれ　14着: how many there are of a colour
    let counted = text.trim_end_matches(['着', '点', '個', '枚', '台', '本', '足', '箱', '袋', '冊']);
    let stock = counted.len() < text.len()
        && counted.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with(' ')
        && counted.ends_with(|c: char| c.is_ascii_digit())
        && count < 12;
    let fits = letters >= 2
        && !stock
        && !shop
        && count <= LONGEST
        && !is_generic(text)
        && !is_speech(text)
        && !greets
        && !text.contains('。')
        && !text.ends_with(['、', '!', '?', ':', '。'])
        && !(text.ends_with('.') && text.split(' ').count() > 5)
        && ![
            "して", "より", "から", "ので", "まで", "たら", "には", "では", "とは", "ても", "つつ", "敬白", "敬具",
            "拝",
        ]
        .iter()
        .any(|end| text.ends_with(end))
        && !head.iter().any(|head| text.starts_with(head));
    fits.then(|| clean(name))
}

/// Without the number and the label in front of it: `1) 品名：羽毛掛け布団カバー`, `①シャインマスカット`, `一、品名 羊羹`.
fn unnumbered(written: &str) -> &str {
    let digits = |c: char| c.is_ascii_digit() || ('０'..='９').contains(&c);
    let rest = match written.trim_start().strip_prefix(|c| ('①'..='⑳').contains(&c)) {
        Some(rest) => rest,
        None => {
            let rest = written.trim_start().trim_start_matches(['(', '（']);
            let counted = rest.trim_start_matches(digits);
            let counted = if counted.len() == rest.len() {
                rest.trim_start_matches(|c| "一二三四五六".contains(c))
            } else {
                counted
            };
            let marked = counted.strip_prefix([')', '）', '、', '．', '】']).filter(|_| counted.len() < rest.len());
            marked.unwrap_or(written)
        }
    };
    let rest = rest.trim_start();
    ["商品名", "品名", "品　名", "品 名", "商品"]
        .iter()
        .find_map(|label| rest.strip_prefix(label)?.strip_prefix([':', '：', '　', ' ']))
        .map_or(rest, str::trim_start)
}

fn is_generic(text: &str) -> bool {
    let text = text.trim_matches(|c: char| !c.is_alphanumeric());
    let plain = text.trim_start_matches(['ご', 'お']);
    GENERIC.iter().any(|word| text == *word || plain == *word)
}

fn is_speech(text: &str) -> bool {
    SAID.stand_in(text)
}

fn is_call(shown: &str) -> bool {
    let folded = text::fold(shown);
    [
        "こちら", "http", "購入", "詳細", "詳しく", "見る", "みる", "買う", "へ進む", "カート", "click", "buy", "view",
        "shop now", "see ",
    ]
    .iter()
    .any(|word| folded.text().contains(word))
}

/// The price of a line: of two, the one after the arrow; never what a coupon or the shipping costs.
fn price_in(text: &str) -> Option<u64> {
    let text = text.rsplit('→').next().unwrap_or(text);
    // 定価19,800円のところ 15,840円
    let text = text.split_once("のところ").map_or(text, |(_, now)| now);
    let other = ["クーポン", "送料", "手数料", "ポイント", "引き", "割引", "以上"];
    let amounts = money::yen(text, false);
    let plain = |amount: &&money::Amount| {
        let before = text.get(..amount.range.start).unwrap_or_default();
        let after = text.get(amount.range.end..).unwrap_or_default().trim_start();
        let off = ["off", "オフ", "引", "割引", "クーポン", "以上", "分の", "分を"]
            .iter()
            .any(|word| after.starts_with(word));
        !amount.negative && !amount.bound && !amount.doubtful && !off && !other.iter().any(|word| before.contains(word))
    };
    amounts.iter().find(plain).map(|amount| amount.value)
}

/// Whether a line says a price and hardly anything else.
fn is_price(text: &str) -> bool {
    let said: usize = money::yen(text, false).iter().map(|amount| amount.range.len()).sum();
    let words = text.chars().filter(|c| c.is_alphabetic()).count();
    // 帆布リュック 生成り 6,600円: a name stands before it
    let head = money::yen(text, false).first().map_or("", |amount| text.get(..amount.range.start).unwrap_or_default());
    let price_word = [
        "価格", "税込", "税抜", "定価", "通常", "特価", "値段", "本体", "単価", "価額", "プライス", "price", "各",
        "会員", "メルマガ", "販売",
    ]
    .iter()
    .any(|word| head.contains(word));
    let named = !price_word && head.chars().filter(|c| c.is_alphabetic()).count() >= 4;
    if named {
        return false;
    }
    said > 0 && words < 24 && !text.starts_with(|c: char| c.is_alphabetic()) || said > 0 && words < 12
}

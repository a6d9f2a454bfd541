//! What became of the order: cancelled (by whom, how far), or alive.
//!
//! No single word decides: キャンセル stands in the small print of nearly every mail. A deed counts when its clause is
//! neither denied nor supposed; a question beats an apology, and a deed beats a question.

use super::asked::{ASKS, alternatives, choices};
use super::cause::cause;
use super::deed::{CANCEL, RECEIVED, deed, finished};
use super::page::Page;
use super::part::partial;
use super::pattern::patterns;
use super::said::{first_of, from_orders, from_shop, is_answer, is_said, machine, said_loosely, short};
use super::stage::stage;
use super::{Cancelled, Confidence, Facts, Found, Stage};
use crate::mail::trust::is_rakuten;
use std::ops::Range;

patterns! {
    /// An order that is named by its cancellation.
    NAMED = r"(?:キャンセル|取消し?)(?:済みの|[とに]なった|[とに]なりました|された|されました|した|しました)ご?注文";
}

/// Fills in cancellation, cause and stage.
pub(super) fn find(page: &Page<'_>, facts: &mut Facts) {
    let order_like = !facts.order_numbers.is_empty()
        || !facts.reservations.is_empty()
        || from_shop(page)
        || from_orders(page)
        || page.has(&["受注番号", "注文番号", "ご注文"]);
    let stage = stage(page, facts);
    let lives = matches!(
        stage.as_ref().map(|stage| stage.value),
        Some(Stage::FoundAfterAll | Stage::Agreed | Stage::Delayed | Stage::Split)
    );
    if order_like {
        facts.cancelled = cancelled(page, facts, lives);
    }
    if let Some(cancelled) = &facts.cancelled {
        facts.cause = cause(page, cancelled.value);
    }
    let dead = matches!(
        facts.cancelled.as_ref().map(|found| found.value),
        Some(Cancelled::Confirmed | Cancelled::Claimed | Cancelled::Pending | Cancelled::Requested)
    );
    if order_like && !dead {
        facts.stage = stage;
    }
}

fn cancelled(page: &Page<'_>, facts: &Facts, lives: bool) -> Option<Found<Cancelled>> {
    let views = page.prose();
    let found = |(v, range): (usize, Range<usize>), value: Cancelled, confidence: Confidence| {
        views.get(v).map(|view| view.found(value, range, confidence))
    };
    let machine = machine(page);
    let by_rakuten = machine.is_some()
        || (is_rakuten(page.mail.from.domain())
            && !from_shop(page)
            && !page.mail.from.domain().starts_with("emagazine"));
    let done = deed(page);

    // the machine that sends nothing but cancellations
    if machine == Some("order-cancel") {
        let place = done.clone().or_else(|| first_of(page, CANCEL)).unwrap_or((0, 0..page.subject.text().len()));
        return found(place, Cancelled::Confirmed, Confidence::High);
    }
    // order confirmations, payment instructions: キャンセル is small print there
    if matches!(machine, Some("order" | "order-confirm")) {
        let subject_says = page.subject.text().contains("キャンセル");
        return done.filter(|_| subject_says).and_then(|place| found(place, Cancelled::Confirmed, Confidence::High));
    }
    let part = partial(page);
    // choices that wait for an answer, one of them to cancel: nothing is done yet, whatever the shop will do
    if !lives
        && !finished(page)
        && let Some(place) = choices(page).or_else(|| alternatives(page))
    {
        return found(place, Cancelled::Pending, Confidence::High);
    }
    let asks = ASKS.iter().find_map(|word| said_loosely(page, word));
    let shortage = short(page);
    if let Some(place) = done {
        if let Some(part) = part {
            return found(part, Cancelled::Partial, Confidence::High);
        }
        if lives {
            return None;
        }
        let (v, range) = place.clone();
        let sentence = views.get(v).map(|view| view.slice(range)).unwrap_or_default();
        let future = ["いたします", "させていただきます", "させていただきたく", "させていただければ"]
            .iter()
            .any(|word| sentence.contains(word));
        if asks.is_some() && future && shortage.is_some() {
            return found(place, Cancelled::Pending, Confidence::High);
        }
        let wish = RECEIVED.iter().any(|word| sentence.contains(word));
        let taken_on =
            ["承りました", "承知いたしました", "承知しました", "受付"].iter().any(|word| sentence.contains(word))
                || (wish && TAKEN.iter().any(|word| sentence.contains(word)));
        if taken_on && !finished(page) {
            return found(place, Cancelled::Requested, Confidence::High);
        }
        let value = if by_rakuten { Cancelled::Confirmed } else { Cancelled::Claimed };
        return found(place, value, Confidence::High);
    }
    if let Some(part) = part {
        return found(part, Cancelled::Partial, Confidence::High);
    }
    if lives {
        return None;
    }
    // キャンセルのご依頼を受け付けました without the word's own deed
    for view in [&page.subject, &page.joined] {
        for (at, word) in view.hits(&["キャンセル", "cancel"]) {
            let sentence = view.sentence_at(at);
            let text = view.slice(sentence.clone());
            let wish = RECEIVED.iter().any(|word| text.contains(word));
            let taken_on = TAKEN.iter().any(|word| text.contains(word));
            if wish && taken_on && is_said(view, at, at + word.len()) {
                return Some(view.sure(Cancelled::Requested, sentence));
            }
        }
    }
    // 取消となったご注文でお使いのポイントですが…: there is nothing left to ask
    let over = page.joined.matches(&NAMED).any(|hit| is_said(&page.joined, hit.start(), hit.end()));
    if let (Some(place), Some(_), false) = (shortage.clone(), asks, over) {
        return found(place, Cancelled::Pending, Confidence::High);
    }
    // a subject about the cancellation, and goods that are not to be had
    let subject = page.subject.text();
    let about = [
        "キャンセルのお知らせ", "キャンセルについて", "キャンセルのご連絡", "キャンセル完了", "キャンセルのご案内",
        "キャンセル手続き", "キャンセルのお詫び", "によるキャンセル",
    ]
    .iter()
    .find_map(|word| subject.find(word).map(|at| at..at + word.len()));
    if let Some(at) = about
        && !is_answer(page)
    {
        let confidence =
            if shortage.is_some() || !facts.order_numbers.is_empty() { Confidence::High } else { Confidence::Low };
        if shortage.is_some() || page.has(&["返還", "お詫び", "取消"]) {
            let value = if by_rakuten { Cancelled::Confirmed } else { Cancelled::Claimed };
            return Some(page.subject.found(value, at, confidence));
        }
    }
    None
}

/// What is done with a wish that came in.
const TAKEN: &[&str] = &[
    "お預かりいたしました", "お預かりしました", "承り", "受付", "お受けしました", "お受けいたしました", "受け取り",
    "確認いたしました", "確認しました", "拝見", "拝受", "頂戴", "いただきました", "received",
];
#[cfg(test)]
mod tests {
    use crate::facts::tests::{from, mail_of};
    use crate::facts::{Cancelled, Cause, Stage, find};

    const ORDER: &str = "受注番号：399999-20261120-0123456789\n";

    fn shop(subject: &str, body: &str) -> (Option<Cancelled>, Option<Cause>, Option<Stage>) {
        let mail = from(mail_of(subject, &format!("{ORDER}{body}")), "モドリ雑貨店", "modori-zakka@shop.rakuten.co.jp");
        let facts = find(&mail);
        (facts.cancelled.map(|c| c.value), facts.cause.map(|c| c.value), facts.stage.map(|s| s.value))
    }

    #[test]
    fn what_shops_say_of_cancellations() {
        use Cancelled::{Claimed, Partial, Pending, Requested};
        for (subject, body, cancelled, cause) in [
            (
                "【モドリ雑貨店】ご注文キャンセルについて",
                "商品が欠品のため、ご注文をキャンセルさせていただきました。",
                Some(Claimed),
                Some(Cause::Shop),
            ),
            (
                "ご注文キャンセルのお知らせ",
                "在庫切れのためキャンセルとさせていただきます。誠に申し訳ございません。",
                Some(Claimed),
                Some(Cause::Shop),
            ),
            (
                "キャンセル手続き完了のお知らせ",
                "お客様のご依頼によりキャンセル処理が完了いたしました。",
                Some(Claimed),
                Some(Cause::Buyer),
            ),
            (
                "ご注文のキャンセルについて",
                "お支払い期限までにご入金が確認できなかったため、キャンセルいたしました。",
                Some(Claimed),
                Some(Cause::Payment),
            ),
            (
                "在庫切れのお詫び",
                "在庫切れとなりました。①キャンセル ②次回入荷を待つ いずれかをお選びのうえご返信ください。ご返信がない場合はキャンセルとさせていただきます。",
                Some(Pending),
                Some(Cause::Shop),
            ),
            (
                "【要返信】商品の件",
                "ご用意ができない状況です。キャンセルさせていただいてよろしいでしょうか。",
                Some(Pending),
                Some(Cause::Shop),
            ),
            (
                "お届け日について",
                "ご用意が12月中旬になりそうです。このままお待ちいただけますか。それともキャンセルになさいますか。",
                Some(Pending),
                Some(Cause::Shop),
            ),
            (
                "キャンセルのご依頼について",
                "キャンセルのご依頼を承りました。手続きが済みましたら改めてご連絡します。",
                Some(Requested),
                Some(Cause::Buyer),
            ),
            (
                "We have received your cancellation request",
                "We have received your request to cancel your order. We will write again when it is done.",
                Some(Requested),
                Some(Cause::Buyer),
            ),
            (
                "ご注文について",
                "在庫が不足しており、2枚分をキャンセルさせていただきました。",
                Some(Partial),
                Some(Cause::Shop),
            ),
            (
                "【モドリ雑貨店】ご注文内容変更のお知らせ",
                "1点が欠品のためキャンセルし、金額を変更いたしました。\n変更前 支払い金額 3,260(円)\n変更後 支払い金額 1,480(円)",
                Some(Partial),
                Some(Cause::Shop),
            ),
            (
                "ご注文の件",
                "トレイの分は取り消しまして、お支払いは3,000円だったところを1,800円に改めました。ごめんなさい。",
                Some(Partial),
                Some(Cause::Shop),
            ),
            ("ご注文の件", "欠けていたため、お皿はご注文から外させてください。", Some(Partial), Some(Cause::Shop)),
            ("ご注文の件", "ご注文分はキャンセルいたしました。すみません。", Some(Claimed), Some(Cause::Shop)),
            ("ご注文の件", "ご注文から外すことも可能です。", None, None),
            ("規約第9条", "本件売買契約を解除させていただきました。遺憾に存じます。", Some(Claimed), Some(Cause::Shop)),
            ("キャンセルについて", "ご返信が遅くなり申し訳ございません。キャンセルいたしました。", Some(Claimed), None),
            // what shops say beside, of an order that lives
            ("ご注文の件", "急須だけ先に発送いたします。別々の箱になります。", None, None),
            ("ご注文の件", "ラッピングは茶碗のみとなります。急須は箱のままお送りいたします。", None, None),
            ("ご注文の件", "領収書をご希望とのこと、承知いたしました。キャンセルではございません。", None, None),
            (
                "ご注文ありがとうございます",
                "当店をお選びいただき誠にありがとうございます。完売していたあの毛布が帰ってきました。",
                None,
                None,
            ),
            // what is told first is so, whatever is offered then
            (
                "急須の件",
                "急須の在庫がなく、似た急須でしたらご用意できます。替えてもよろしいでしょうか。",
                Some(Pending),
                Some(Cause::Shop),
            ),
            ("急須の件", "入荷が2月になりそうです。待ちますか？やめますか？", Some(Pending), Some(Cause::Shop)),
            (
                "Your order",
                "Shall we cancel the order, or would you rather wait for new stock?",
                Some(Pending),
                Some(Cause::Shop),
            ),
            (
                "ご注文の件",
                "ご注文を間違われたとのこと、キャンセルの手続きをいたしました。",
                Some(Claimed),
                Some(Cause::Buyer),
            ),
            (
                "ご注文の件",
                "商品のお受け取りを二度お断りになりましたので、ご注文は取消となりました。",
                Some(Claimed),
                Some(Cause::Buyer),
            ),
            ("商品発送のご連絡", "商品を発送いたしました。キャンセルはお受けできません。", None, None),
            (
                "ご注文の件",
                "先日は欠品とご案内しましたが、その後もご用意できませんでした。ご注文をキャンセルいたしました。",
                Some(Claimed),
                Some(Cause::Shop),
            ),
            ("発送遅延について", "在庫切れのため、7~10日ほどで発送予定です。お待ちくださいませ。", None, None),
            (
                "ご注文ありがとうございます",
                "■キャンセル・返品について\nキャンセルされる場合はご連絡ください。",
                None,
                None,
            ),
            (
                "Order cancelled",
                "We are sorry, the item is out of stock. Your order has been cancelled.",
                Some(Claimed),
                Some(Cause::Shop),
            ),
        ] {
            let (got, why, _) = shop(subject, body);
            assert_eq!((got, why), (cancelled, cause), "{subject}: {body}");
        }
    }

    #[test]
    fn rakutens_own_notice_confirms() {
        let body =
            "モドリ雑貨店でのご注文がキャンセルされましたのでお知らせします。\n[注文番号] 399999-20261120-0123456789";
        let mail =
            from(mail_of("ご注文キャンセルのお知らせ", body), "楽天市場", "order-cancel@order-rp.rms.rakuten.co.jp");
        assert_eq!(find(&mail).cancelled.map(|c| c.value), Some(Cancelled::Confirmed));
        let body = "[注文番号] 399999-20261120-0123456789\nお支払い期限 ：2026/12/04\n期限を過ぎると自動的にキャンセルとなります。";
        let mail =
            from(mail_of("お支払い手続きのご案内", body), "楽天市場", "order-confirm@order-rp.rms.rakuten.co.jp");
        let facts = find(&mail);
        assert_eq!((facts.cancelled, facts.stage.map(|s| s.value)), (None, Some(Stage::PaymentDue)));
    }

    #[test]
    fn what_order_mails_report() {
        for (subject, body, stage) in [
            ("商品発送のご連絡", "本日商品を発送いたしました。", Stage::Shipped),
            ("発送遅延について", "入荷が遅れております。", Stage::Delayed),
            ("商品について", "2つの倉庫より別々に発送いたします。", Stage::Split),
            ("ご入金確認のお知らせ", "ご入金を確認いたしました。", Stage::Paid),
            ("【重要】お支払い方法の変更のお願い", "クレジットカードの承認が取れませんでした。", Stage::CardRefused),
            ("ご注文ありがとうございます！", "ご注文を承りました。", Stage::Accepted),
            ("Re: 在庫の件", "入荷までお待ちいただけるとのこと、承知いたしました。", Stage::Agreed),
            ("Re: 在庫の件", "お待ちいただくということで、ありがとうございます。", Stage::Agreed),
            (
                "在庫の件",
                "先日は在庫切れとご案内しましたが、在庫を確保できましたので発送の準備を進めます。",
                Stage::FoundAfterAll,
            ),
            (
                "焼けました",
                "先日は欠品とご案内しましたが、無事に窯が直り、ご用意できました。明日発送いたします。",
                Stage::FoundAfterAll,
            ),
        ] {
            let (cancelled, _, got) = shop(subject, body);
            assert_eq!((cancelled, got), (None, Some(stage)), "{subject}");
        }
    }
}

//! The shipped templates, as they lie under `rules/wording/`.

/// Name (language and file) and text.
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("ja/restock.txt", include_str!("../../rules/wording/ja/restock.txt")),
    ("ja/cancellation.txt", include_str!("../../rules/wording/ja/cancellation.txt")),
    ("ja/order.txt", include_str!("../../rules/wording/ja/order.txt")),
    ("ja/notice.txt", include_str!("../../rules/wording/ja/notice.txt")),
    ("ja/quarantine.txt", include_str!("../../rules/wording/ja/quarantine.txt")),
    ("ja/late.txt", include_str!("../../rules/wording/ja/late.txt")),
    ("ja/rules.txt", include_str!("../../rules/wording/ja/rules.txt")),
    ("ja/step.txt", include_str!("../../rules/wording/ja/step.txt")),
    ("ja/state.txt", include_str!("../../rules/wording/ja/state.txt")),
    ("ja/cause.txt", include_str!("../../rules/wording/ja/cause.txt")),
    ("ja/claim.txt", include_str!("../../rules/wording/ja/claim.txt")),
    ("ja/question.txt", include_str!("../../rules/wording/ja/question.txt")),
    ("en/restock.txt", include_str!("../../rules/wording/en/restock.txt")),
    ("en/cancellation.txt", include_str!("../../rules/wording/en/cancellation.txt")),
    ("en/order.txt", include_str!("../../rules/wording/en/order.txt")),
    ("en/notice.txt", include_str!("../../rules/wording/en/notice.txt")),
    ("en/quarantine.txt", include_str!("../../rules/wording/en/quarantine.txt")),
    ("en/late.txt", include_str!("../../rules/wording/en/late.txt")),
    ("en/rules.txt", include_str!("../../rules/wording/en/rules.txt")),
    ("en/step.txt", include_str!("../../rules/wording/en/step.txt")),
    ("en/state.txt", include_str!("../../rules/wording/en/state.txt")),
    ("en/cause.txt", include_str!("../../rules/wording/en/cause.txt")),
    ("en/claim.txt", include_str!("../../rules/wording/en/claim.txt")),
    ("en/question.txt", include_str!("../../rules/wording/en/question.txt")),
];

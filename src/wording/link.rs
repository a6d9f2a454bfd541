//! What a link of an alert is called.

use serde::Serialize;

/// Where a link leads. What is not meant is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LinkTo {
    /// `order`, `points`, `coupons` or `search`.
    pub link: &'static str,
    /// Of a search: the shop's key in the configuration (`rakuten`, `amazon`, `yahoo`, `mercari`, or one of your own).
    pub shop: String,
    /// Of a search: what the configuration calls the shop; empty for the shipped ones.
    pub label: String,
}

impl LinkTo {
    /// The order in the purchase history.
    #[must_use]
    pub fn order() -> Self {
        Self { link: "order", ..Self::default() }
    }

    /// The point history.
    #[must_use]
    pub fn points() -> Self {
        Self { link: "points", ..Self::default() }
    }

    /// The shopper's coupons.
    #[must_use]
    pub fn coupons() -> Self {
        Self { link: "coupons", ..Self::default() }
    }

    /// A search at another shop.
    #[must_use]
    pub fn search(shop: &str, label: &str) -> Self {
        Self { link: "search", shop: shop.to_owned(), label: label.to_owned() }
    }
}

pub(super) fn examples() -> Vec<LinkTo> {
    let shops = ["rakuten", "amazon", "yahoo", "mercari"].map(|shop| LinkTo::search(shop, ""));
    let own = LinkTo::search("kakaku", "価格.com");
    [LinkTo::order(), LinkTo::points(), LinkTo::coupons(), own].into_iter().chain(shops).collect()
}

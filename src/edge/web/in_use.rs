//! The rules that sort mail now: asked anew for each page, because saved files take effect at once.

use crate::plan::calendar_file::Wishes;
use crate::rules::RuleSet;
use std::fmt;
use std::sync::Arc;

/// A rule set, and the account that has it.
#[derive(Clone, Debug)]
pub struct RulesOf {
    /// The first account that has it; `None`: those that have nothing of their own.
    pub account: Option<String>,
    /// The rules.
    pub rules: Arc<RuleSet>,
}

/// Tells which rules are in use: first those that accounts share which have nothing of their own.
#[derive(Clone, Default)]
pub struct InUse {
    rules: Option<Arc<dyn Fn() -> Vec<RulesOf> + Send + Sync>>,
    wishes: Option<Arc<dyn Fn() -> Wishes + Send + Sync>>,
}

impl InUse {
    /// One that is asked like this.
    #[must_use]
    pub fn by(ask: impl Fn() -> Vec<RulesOf> + Send + Sync + 'static) -> Self {
        Self { rules: Some(Arc::new(ask)), wishes: None }
    }

    /// One that tells, too, which goods are waited for.
    #[must_use]
    pub fn wishing(self, ask: impl Fn() -> Wishes + Send + Sync + 'static) -> Self {
        Self { wishes: Some(Arc::new(ask)), ..self }
    }

    /// What the shopper waits for now, and what she does not want to hear of.
    #[must_use]
    pub fn wishes(&self) -> Wishes {
        self.wishes.as_ref().map(|ask| ask()).unwrap_or_default()
    }

    /// The rules in use now.
    #[must_use]
    pub fn now(&self) -> Vec<RulesOf> {
        self.rules.as_ref().map(|ask| ask()).unwrap_or_default()
    }
}

impl fmt::Debug for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InUse({})", self.now().len())
    }
}

//! All rules as one matcher: every literal of every rule found in one pass, regexes only where their literals hit.

/// All rules, compiled.
#[derive(Debug, Default)]
pub struct RuleSet {}

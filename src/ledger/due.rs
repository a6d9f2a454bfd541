//! Clocks: when to look, when to ask, when a right ends (domain document 7.4).

use crate::calendar::Calendar;

/// The clocks' settings. Every default is a proposal of the domain document (grade I).
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Business days.
    pub calendar: Calendar,
}

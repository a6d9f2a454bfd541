//! What the records tell, looked back upon: how long alerts took, what became of restocks, and what came of a month. Sums
//! over plain values.

pub mod latency;
pub mod month;
pub mod owed;
pub mod restock;
pub mod sheet;

pub use month::{Kept, Letters, Month, Reason, Review, Sorted, review};
pub use owed::{Account, CouponCount, Flow, Owed};
pub use restock::{Fate, Restock, Told};

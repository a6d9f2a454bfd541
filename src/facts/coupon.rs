//! Coupons: amount or percent, code, getkey, condition, expiry, and what the coupon is in this mail.

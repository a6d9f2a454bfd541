//! Japanese dates and times in running text, resolved against the mail's own date.

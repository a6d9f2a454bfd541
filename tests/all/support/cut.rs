//! A life of the program that ends after so many wake-ups.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

/// Polls a future so many times, then is done with it.
pub struct Cut<F> {
    pub inner: Pin<Box<F>>,
    pub left: usize,
    pub used: Arc<Mutex<usize>>,
}

impl<F: Future> Future for Cut<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.left == 0 {
            return Poll::Ready(());
        }
        self.left -= 1;
        *self.used.lock().unwrap() += 1;
        self.inner.as_mut().poll(context).map(|_| ())
    }
}

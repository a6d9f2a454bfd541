//! The shopper's phone: takes alerts, and fails, hangs, or takes one and loses its answer.

use modori::edge::Advice;
use modori::edge::out::{Accepted, Deliver, Delivery, OutError};
use modori::plan::Alert;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

/// How an attempt goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// Not taken.
    Fails,
    /// Not taken, and that is found out only after some seconds.
    Hangs(u64),
    /// Taken, and the answer is lost.
    LosesAnswer,
}

/// An alert that the phone took.
#[derive(Clone, Debug, PartialEq)]
pub struct Ring {
    pub key: String,
    /// In which life of the program.
    pub life: usize,
    /// The program was told.
    pub answered: bool,
}

#[derive(Default)]
struct State {
    troubles: VecDeque<Trouble>,
    rung: Vec<Ring>,
    life: usize,
    struck: BTreeMap<&'static str, u64>,
}

#[derive(Default)]
pub struct Phone(Mutex<State>);

impl Phone {
    pub fn trouble(&self, trouble: Trouble) {
        self.0.lock().unwrap().troubles.push_back(trouble);
    }

    pub fn calm(&self) {
        self.0.lock().unwrap().troubles.clear();
    }

    pub fn new_life(&self, life: usize) {
        self.0.lock().unwrap().life = life;
    }

    pub fn rung(&self) -> Vec<Ring> {
        self.0.lock().unwrap().rung.clone()
    }

    pub fn struck(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap().struck.clone()
    }

    fn take(&self, key: &str) -> usize {
        let mut state = self.0.lock().unwrap();
        let life = state.life;
        state.rung.push(Ring { key: key.to_owned(), life, answered: false });
        state.rung.len() - 1
    }
}

impl Deliver for Phone {
    fn deliver<'a>(&'a self, _alert: &'a Alert, key: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let trouble = {
                let mut state = self.0.lock().unwrap();
                let trouble = state.troubles.pop_front();
                if let Some(trouble) = trouble {
                    let name = match trouble {
                        Trouble::Fails => "alert channel: fails",
                        Trouble::Hangs(_) => "alert channel: hangs",
                        Trouble::LosesAnswer => "alert channel: takes it, answer lost",
                    };
                    *state.struck.entry(name).or_default() += 1;
                }
                trouble
            };
            let failed = |advice| Err(OutError { what: "the phone".to_owned(), advice });
            match trouble {
                Some(Trouble::Fails) => failed(Advice::Again(None)),
                Some(Trouble::Hangs(seconds)) => {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                    failed(Advice::Unknown)
                }
                Some(Trouble::LosesAnswer) => {
                    self.take(key);
                    failed(Advice::Unknown)
                }
                None => {
                    let at = self.take(key);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    self.0.lock().unwrap().rung[at].answered = true;
                    Ok(Accepted::default())
                }
            }
        })
    }
}

//! The command line, one file a command. Exit codes: 0 done, 1 something failed, 2 configuration, rules or usage.

mod ack;
mod alert;
pub mod args;
mod assign;
mod calendar;
mod case;
mod cases;
mod classify;
mod corrections;
mod coupons;
mod dashboard;
mod demo;
mod diff;
mod doctor;
mod draft;
mod expire;
mod explain;
mod history;
mod import;
mod init;
mod inquiry;
mod install;
mod ledger;
mod letter;
mod login;
mod logout;
mod mails;
mod month;
mod release;
mod render;
mod reply;
mod report;
mod rules;
mod say;
mod seen;
mod setup;
mod shops;
mod spreadsheet;
mod status;
mod sweep;
mod tested;
mod trace;
mod want;
mod watch;

use crate::plan::wanted::List;
use args::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;

/// Why a command ended without having done its work.
#[derive(Debug)]
pub(crate) struct Failure {
    /// For people: what happened, where, what to do.
    what: String,
    code: u8,
}

impl Failure {
    /// Something went wrong (exit code 1).
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), code: 1 }
    }

    /// The configuration, the rules or the command line are wrong (exit code 2); nothing was touched.
    pub(crate) fn broken(what: impl Into<String>) -> Self {
        Self { what: what.into(), code: 2 }
    }
}

/// Reads the command line, does it, answers the exit code.
#[must_use]
pub fn run() -> ExitCode {
    quiet_panics(args::Format::Text);
    let arguments = Arguments::parse();
    quiet_panics(arguments.log_format);
    let draws = matches!(arguments.command, Command::Demo(_) | Command::Sweep(_) | Command::Init(_));
    start_log(arguments.verbose, arguments.log_format, draws);
    match dispatch(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        // said already, in its own words
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            let text = failure.what.trim_end();
            // a diagnostic says "error:" itself
            if arguments.log_format == args::Format::Json {
                anstream::eprintln!("{}", line_of_json(text));
            } else if text.starts_with("error") || text.starts_with("warning") {
                anstream::eprintln!("{text}");
            } else {
                anstream::eprintln!("{}", render::error(text));
            }
            ExitCode::from(failure.code)
        }
    }
}

/// Does what is asked; `false` when what was asked for was told, and is not well.
fn dispatch(arguments: &Arguments) -> Result<bool, Failure> {
    let config = arguments.config.as_deref();
    let state = arguments.state.as_deref();
    let done = match &arguments.command {
        Command::Status(status) => return status::run(status, config, state),
        Command::Init(init) => return init::run(init, config, state),
        Command::Doctor(doctor) => return doctor::run(doctor, config, state),
        Command::Login(login) => return login::run(login, config, state),
        Command::Logout(logout) => logout::run(logout, config, state),
        Command::Alert(alert) => return alert::run(alert, config, state),
        Command::Report(report) => report::run(report, config, state),
        Command::Demo(demo) => demo::run(demo, state),
        Command::Dashboard(dashboard) => dashboard::run(dashboard, config, state),
        Command::Ack(one) => ack::run(one, config, state),
        Command::Watch => watch::run(config, state),
        Command::Sweep(sweep) => sweep::run(sweep, config, state),
        Command::Classify(classify) => classify::run(classify, config),
        Command::Explain(explain) => explain::run(explain, config),
        Command::Rules(rules) => rules::run(rules, config, state),
        Command::Release(release) => release::run(release, config, state),
        Command::Corrections(corrections) => corrections::run(corrections, config, state),
        Command::History(history) => history::run(history, config, state),
        Command::Undo(undo) => history::undo(undo, config, state),
        Command::Import(import) => import::run(import, config, state),
        Command::Calendar(calendar) => calendar::run(calendar, config, state),
        Command::Ledger(ledger) => ledger::run(ledger, config, state),
        Command::Cases(cases) => cases::run(cases, config, state),
        Command::Case(one) => case::run(one, config, state),
        Command::Coupons(coupons) => coupons::run(coupons, config, state),
        Command::Shops(shops) => shops::run(shops, config, state),
        Command::Confirm(confirm) => say::confirm(confirm, config, state),
        Command::Deny(about) => say::deny(about, config, state),
        Command::Lost(about) => say::lost(about, config, state),
        Command::Lives(about) => say::lives(about, config, state),
        Command::Limited(limited) => say::limited(limited, config, state),
        Command::Note(note) => say::note(note, config, state),
        Command::Assign(one) => assign::run(one, config, state),
        Command::Want(wish) => want::run(List::Wanted, wish, config),
        Command::Mute(wish) => want::run(List::Muted, wish, config),
        Command::Inquiry(one) => inquiry::run(one, config, state),
        Command::Reply(one) => reply::run(one, config, state),
        Command::Completions(one) => install::completions(one),
        Command::Man(one) => install::man(one),
        Command::Letter(letter) => letter::run(letter, config, state),
    };
    done.map(|()| true)
}

/// A panic's message may hold words of a mail: only its place is shown.
fn quiet_panics(format: args::Format) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line()));
        let what = format!("a fault in the program{place}; the message concerned is left where it is");
        match format {
            args::Format::Text => anstream::eprintln!("modori: {what}"),
            args::Format::Json => anstream::eprintln!("{}", line_of_json(&what)),
        }
    }));
}

/// An error as a line of the log, whatever level the log has.
fn line_of_json(text: &str) -> serde_json::Value {
    let now = crate::edge::clock::Clock::system().now();
    serde_json::json!({ "timestamp": now, "level": "ERROR", "message": text, "target": "modori" })
}

/// Log to standard error. Libraries that could write a password at a low level are held at `info`, whatever is asked.
/// Commands that draw on the terminal keep it for themselves unless more is asked for.
fn start_log(verbose: u8, format: args::Format, draws: bool) {
    use tracing_subscriber::EnvFilter;
    let level = match verbose {
        0 if draws => "warn",
        0 => "info",
        1 => "modori=debug,info",
        _ => "modori=trace,info",
    };
    let filter = std::env::var("MODORI_LOG").ok().and_then(|text| EnvFilter::try_new(text).ok());
    let mut filter = filter.unwrap_or_else(|| EnvFilter::new(level));
    for floor in ["rustls=info", "lettre=info", "hyper=info", "hyper_util=info", "reqwest=info", "h2=info"] {
        if let Ok(directive) = floor.parse() {
            filter = filter.add_directive(directive);
        }
    }
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // a second start in one process (tests) keeps the first log
    let _ = match format {
        args::Format::Text => log.with_ansi(colour).with_target(false).try_init(),
        // `timestamp`, `level`, `message`, `target`, and what belongs to the line beside them
        args::Format::Json => {
            log.json().flatten_event(true).with_current_span(false).with_span_list(false).with_target(true).try_init()
        }
    };
}

//! An idle watch of 1, 10 and 100 mailboxes: memory, wake-ups and processor time.

use super::super::support::dovecot::{Dovecot, Setup};
use super::{Program, account_of, config, one_setting};
use std::time::Duration;

/// Voluntary switches of all threads, and processor time in clock ticks (hundredths of a second).
fn work(program: &Program) -> (u64, u64) {
    let pid = program.child.id();
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let switches = tasks.flatten().map(|task| {
        let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or(0)
    });
    let switches = switches.sum();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (switches, fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap())
}

/// Forgets which pages of the program were touched (proc_pid_clear_refs(5)).
fn forget_touched(program: &Program) {
    std::fs::write(format!("/proc/{}/clear_refs", program.child.id()), "1").unwrap();
}

/// MiB that were touched since.
fn touched(program: &Program) -> f64 {
    let maps = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", program.child.id())).unwrap();
    let line = maps.lines().find_map(|line| line.strip_prefix("Referenced:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

#[test]
#[ignore = "a measurement of several minutes"]
fn an_idle_watch() {
    let seconds = one_setting("MODORI_MEASURE_QUIET_S", 30);
    println!("\nlooked at for {seconds} s each; proc/PID/status, in MiB\n");
    println!(
        "| mailboxes | resident | of it anonymous | of it the program's file | touched meanwhile | threads | wake-ups a second \
         | processor |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for mailboxes in [1, 10, 100] {
        let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
        let folder = tempfile::tempdir().unwrap();
        let accounts: String =
            (0..mailboxes).map(|n| account_of(&format!("a{n}"), &format!("shopper{n}"), dovecot.imap, "")).collect();
        let file = config(folder.path(), &accounts, "");
        let program = Program::start(&file, &["watch"]).watching(mailboxes);
        std::thread::sleep(Duration::from_secs(5));
        forget_touched(&program);
        let (switches, ticks) = work(&program);
        std::thread::sleep(Duration::from_secs(seconds));
        let (switches_after, ticks_after) = work(&program);
        let wake_ups = (switches_after - switches) as f64 / seconds as f64;
        // a tick is a hundredth of a second
        let processor = (ticks_after - ticks) as f64 / seconds as f64;
        println!(
            "| {mailboxes} | {:.1} | {:.1} | {:.1} | {:.1} | {} | {wake_ups:.1} | {processor:.2} % |",
            program.memory("VmRSS"),
            program.memory("RssAnon"),
            program.memory("RssFile"),
            touched(&program),
            program.status("Threads"),
        );
    }
}

#[test]
#[ignore = "a measurement of a minute"]
fn rules_of_each_accounts_own() {
    println!("\nproc/PID/status, in MiB; from the start to the last mailbox that is watched\n");
    println!("| mailboxes | with rules of their own | of it anonymous | until all are watched |");
    println!("|---|---|---|---|");
    for (mailboxes, own) in [(10, 0), (10, 10), (100, 0), (100, 100)] {
        let Some(dovecot) = Dovecot::start(&Setup::default()) else { return };
        let folder = tempfile::tempdir().unwrap();
        let rules = |n: usize| {
            if n >= own {
                return String::new();
            }
            let path = folder.path().join(format!("own{n}"));
            std::fs::create_dir(&path).unwrap();
            let file =
                format!("category = \"mine\"\nfolder = \"f{n}\"\n[[rule]]\nname = \"r{n}\"\nsubject = \"s{n}\"\n");
            std::fs::write(path.join("a.toml"), file).unwrap();
            format!("rules = \"own{n}\"\n")
        };
        let accounts: String = (0..mailboxes)
            .map(|n| account_of(&format!("a{n}"), &format!("shopper{n}"), dovecot.imap, &rules(n)))
            .collect();
        let file = config(folder.path(), &accounts, "");
        let begun = std::time::Instant::now();
        let program = Program::start(&file, &["watch"]).watching(mailboxes);
        let started = begun.elapsed();
        // the folders are judged once at the start: what that needed is let go
        std::thread::sleep(Duration::from_secs(10));
        println!("| {mailboxes} | {own} | {:.1} | {:.1} s |", program.memory("RssAnon"), started.as_secs_f64());
    }
}

//! `modori completions` and `modori man`: what a shell and `man` want to know of the command line, made from it.

use super::Failure;
use super::args::{Arguments, Completions, Man};
use clap::{Command, CommandFactory};
use std::io::Write;
use std::path::Path;

/// Prints what a shell completes by.
pub(super) fn completions(arguments: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "modori", &mut script);
    print(&script)
}

/// Prints the page of `modori`, or writes those of all commands.
pub(super) fn man(arguments: &Man) -> Result<(), Failure> {
    let mut command = Arguments::command();
    command.build();
    let Some(folder) = &arguments.out else { return print(&page(&command, "modori")?) };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let number = write(&command, "modori", folder)?;
    anstream::println!("{number} pages in {}", folder.display());
    Ok(())
}

/// The page of a command and of all below it; how many these are.
fn write(command: &Command, name: &str, folder: &Path) -> Result<usize, Failure> {
    let path = folder.join(format!("{name}.1"));
    std::fs::write(&path, page(command, name)?).map_err(|error| failed(&path, &error))?;
    let mut number = 1;
    for below in command.get_subcommands().filter(|one| !one.is_hide_set() && one.get_name() != "help") {
        number += write(below, &format!("{name}-{}", below.get_name()), folder)?;
    }
    Ok(number)
}

fn page(command: &Command, name: &str) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    // without a date: the same program writes the same page
    let man = clap_mangen::Man::new(command.clone()).title(name.to_uppercase()).manual("modori").date("");
    man.render(&mut text).map_err(|error| Failure::new(format!("the page of {name} cannot be made: {error}")))?;
    Ok(text)
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} cannot be written: {error}", path.display()))
}

fn print(text: &[u8]) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(text) {
        // the reader of our output went away
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(format!("standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}

//! A password that a shell has and a service has not.

use super::super::{Failure, render};
use super::answers::{Answers, Login, Secret, Value};
use super::ask::Ask;
use super::home::Home;
use super::write::free;
use secrecy::SecretString;

/// A password from an environment variable: offers to keep it in a file, since a service has no such variable.
pub(super) async fn for_service(ask: &mut Ask<'_>, answers: &mut Answers, home: &Home) -> Result<(), Failure> {
    let Login::Password(Secret::Environment(name)) = &answers.account.login else { return Ok(()) };
    let name = name.clone();
    let shown = render::one_line(&name);
    anstream::println!("The password comes from the variable {shown}, which a service does not have.");
    let file = free(&home.folder, "mail-password");
    let question = format!("Keep it in {} instead, which only you can read?", home.folder.join(&file).display());
    match std::env::var(&name) {
        Ok(text) if ask.yes(&question, true).await? => in_file(answers, &name, &file, &SecretString::from(text)),
        _ => anstream::println!(
            "Then the service needs it from you: a line `Environment={shown}=…` or `EnvironmentFile=…` by `systemctl --user \
             edit modori` (launchd: EnvironmentVariables)."
        ),
    }
    Ok(())
}

/// Puts the password of that variable into a file, wherever it is used.
pub(super) fn in_file(answers: &mut Answers, name: &str, file: &str, text: &SecretString) {
    let login = match &mut answers.account.login {
        Login::Password(secret) => Some(secret),
        _ => None,
    };
    let keys = answers.channel.iter_mut().flat_map(|channel| &mut channel.keys);
    let channel = keys.filter_map(|(_, value)| match value {
        Value::Secret(secret) => Some(secret),
        _ => None,
    });
    for secret in login.into_iter().chain(channel) {
        if matches!(secret, Secret::Environment(known) if known == name) {
            *secret = Secret::Ours { file: file.to_owned(), text: text.clone() };
        }
    }
}

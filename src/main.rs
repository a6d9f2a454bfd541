//! modori: parse, run, exit code.

fn main() -> std::process::ExitCode {
    modori::cli::run()
}

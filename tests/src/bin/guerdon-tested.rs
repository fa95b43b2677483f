//! The program `guerdon` as the scenarios start, kill and stop it: the same entry as the host's own `main`. It is built
//! here because cargo hands a test only the programs of its own package, always freshly built.

fn main() -> std::process::ExitCode {
    guerdon::cli::run()
}

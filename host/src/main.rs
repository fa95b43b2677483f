//! The program: see [`guerdon::cli`].

fn main() -> std::process::ExitCode {
    guerdon::cli::run()
}

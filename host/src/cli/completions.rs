//! `guerdon completions`: what a shell needs to complete commands and options.

use super::Cli;
use super::exit::Failure;
use super::output::{self, Asked};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print what a shell needs to complete commands and options
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    guerdon completions bash > ~/.local/share/bash-completion/completions/guerdon\n  \
    guerdon completions zsh > ~/.zfunc/_guerdon\n  \
    guerdon completions fish > ~/.config/fish/completions/guerdon.fish\n\n\
    zsh looks there if ~/.zshrc says, before compinit: fpath+=~/.zfunc")]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(completions: &Completions, asked: Asked) -> Result<(), Failure> {
    if asked != Asked::Pretty {
        return Err(asked.refused(&[Asked::Pretty]));
    }
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Cli::command(), "guerdon", &mut script);
    output::write(&String::from_utf8_lossy(&script))
}

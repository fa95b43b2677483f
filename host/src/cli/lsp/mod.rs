//! `guerdon lsp`: the language server for campaign folders, over stdin and stdout.
//!
//! [`server`] speaks the protocol, [`workspace`] holds what is open and finds out what is wrong, [`text`] counts places as
//! the protocol does, [`answer`] writes items in its words. What is said comes from the rules crate
//! ([`guerdon_rules::editor`]), which knows no protocol.

mod answer;
mod server;
mod text;
mod workspace;

use super::exit::Failure;
use clap::Args;
use lsp_server::Connection;

/// Help an editor with campaign folders: findings as you type, completion, documentation
#[derive(Args)]
#[command(after_help = "Example, in the editor's settings:\n  guerdon lsp\n\n\
    Speaks the Language Server Protocol on stdin and stdout; see docs/editor.md for VS Code, Helix and Neovim.")]
pub struct Lsp {
    /// As many clients call it; there is no other way
    #[arg(long)]
    stdio: bool,
}

/// Serves until the client says `exit`. Blocks its thread.
pub fn run(_lsp: &Lsp) -> Result<(), Failure> {
    let (connection, threads) = Connection::stdio();
    let ended = server::serve(&connection);
    drop(connection);
    match ended {
        // What could not be read ended the connection: it says why.
        Err(server::Ended::Early) => threads.join().map_err(Failure::from).and(Err(Failure::Failed)),
        Err(server::Ended::Unheard) => Err(Failure::Failed),
        Ok(()) => threads.join().map_err(Failure::from),
    }
}

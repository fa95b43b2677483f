//! The command line. One file a command; each asks a flow or the rules crate and prints what it said. Promises:
//! results on stdout, progress and logs on stderr; `--format json` prints the same values that the API has; the exit
//! code says what became of it ([`exit`]). Must not know: SQL, how a flow does what it is asked.

mod annotations;
mod audit;
mod bench;
mod bench_plots;
mod case;
mod check;
mod codes;
mod completions;
mod coverage;
mod definitions;
mod demo;
mod diff;
mod events;
mod exit;
mod folder;
mod forecast;
mod fuzz;
mod junit;
mod lsp;
mod man;
mod migrate;
mod new;
mod output;
mod plan;
mod plan_text;
mod proposals;
mod remote;
mod rollback;
mod sarif;
mod serve;
mod settle;
mod shadow;
mod simulate;
mod snippet;
mod start;
mod switch;
mod test;
mod watching;

use crate::clock::SystemClock;
use crate::config::{self, Flags, Loaded};
use clap::{Args, Parser, Subcommand};
use exit::Failure;
use output::Asked;
use std::path::PathBuf;
use std::process::ExitCode;

/// Reward campaigns as rule files; the host owns the state and the cards.
#[derive(Parser)]
#[command(name = "guerdon", version, max_term_width = 100, arg_required_else_help = true, subcommand_required = true)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Common {
    /// The configuration file [default: guerdon.toml, if it is there]
    #[arg(long, global = true, env = "GUERDON_CONFIG", value_name = "PATH")]
    config: Option<PathBuf>,
    /// The database: postgres://… or sqlite:PATH [default: guerdon.db among the data]
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
    /// The folder of the SQLite file and of the code key [default: here]
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// How results are printed; check and test also have formats for CI
    #[arg(long, global = true, value_enum, default_value = "pretty")]
    format: Asked,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Serve(serve::Serve),
    New(new::New),
    Check(check::Check),
    Test(test::Test),
    #[command(subcommand)]
    Case(case::Case),
    Simulate(simulate::Simulate),
    Plan(plan::Plan),
    Apply(plan::Apply),
    Proposals(proposals::Proposals),
    Approve(proposals::Approve),
    Reject(proposals::Reject),
    Rollback(rollback::Rollback),
    #[command(subcommand)]
    Shadow(shadow::Shadow),
    Diff(diff::Diff),
    Fuzz(fuzz::FuzzArgs),
    Lsp(lsp::Lsp),
    Definitions(definitions::Definitions),
    Settle(settle::Settle),
    #[command(subcommand)]
    Codes(codes::Codes),
    Switch(switch::Switch),
    Migrate(migrate::Migrate),
    Audit(audit::Audit),
    Bench(bench::Bench),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Does what the arguments of this process ask.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&Failure::Infrastructure(error.to_string())),
    };
    match runtime.block_on(dispatch(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => exit::report(&failure),
    }
}

async fn dispatch(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        // These end themselves, in good order, when they are interrupted.
        Command::Serve(serve) => return serve::run(&serve, &cli.common).await,
        Command::Lsp(lsp) => return lsp::run(&lsp),
        Command::Demo(demo) if !demo.ends() => return demo::run(&demo, &cli.common).await,
        _ => {}
    }
    tokio::select! {
        done = short(cli.command, &cli.common) => done,
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
    }
}

/// A command that ends by itself, and may be interrupted anywhere: what it had not committed is as if never begun.
async fn short(command: Command, common: &Common) -> Result<(), Failure> {
    let plain = || common.format.plain();
    let load = || common.load(Flags::default());
    match command {
        Command::Demo(demo) => demo::run(&demo, common).await,
        Command::Serve(serve) => serve::run(&serve, common).await,
        Command::New(new) => new::run(&new, plain()?, &SystemClock),
        Command::Man(man) => man::run(&man, plain()?),
        Command::Check(check) => check::run(&check, common.format),
        Command::Test(test) => test::run(&test, common.format).await,
        Command::Case(case) => case::run(&case, load, plain()?).await,
        Command::Completions(completions) => completions::run(&completions, common.format),
        Command::Simulate(simulate) => simulate::run(&simulate, plain()?),
        Command::Plan(plan) => plan::plan(&plan, plain()?).await,
        Command::Apply(apply) => plan::apply(&apply, plain()?).await,
        Command::Proposals(proposals) => proposals::list(&proposals, plain()?).await,
        Command::Approve(approve) => proposals::approve(&approve, plain()?).await,
        Command::Reject(reject) => proposals::reject(&reject, plain()?).await,
        Command::Rollback(rollback) => rollback::run(&rollback, plain()?).await,
        Command::Shadow(shadow) => shadow::run(&shadow, plain()?).await,
        Command::Diff(diff) => diff::run(&diff, plain()?),
        Command::Fuzz(fuzz) => fuzz::run(&fuzz, plain()?).await,
        Command::Lsp(lsp) => lsp::run(&lsp),
        Command::Definitions(definitions) => definitions::run(&definitions, plain()?),
        Command::Settle(settle) => settle::run(&settle, &load()?, plain()?).await,
        Command::Codes(codes) => codes::run(&codes, &load()?, plain()?).await,
        Command::Switch(switch) => switch::run(&switch, &load()?, plain()?).await,
        Command::Migrate(migrate) => migrate::run(&migrate, &load()?, plain()?).await,
        Command::Audit(audit) => audit::run(&audit, &load()?, plain()?).await,
        Command::Bench(bench) => bench::run(&bench, plain()?).await,
    }
}

impl Common {
    /// What is in force: `flags` of the command, with those that all commands share.
    fn load(&self, flags: Flags) -> Result<Loaded, Failure> {
        let flags = Flags { data: self.data.clone(), database: self.database.clone(), ..flags };
        config::load(self.config.as_deref(), &flags).map_err(Failure::Usage)
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent_and_every_command_has_an_example() {
        let mut cli = Cli::command();
        cli.build();
        cli.clone().debug_assert();
        for command in cli.get_subcommands().filter(|c| c.get_name() != "help") {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Example") || command.has_subcommands(), "{}: {help}", command.get_name());
        }
    }
}

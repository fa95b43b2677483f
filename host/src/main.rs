//! The program: see [`guerdon::cli`].

/// Deciding and encoding make many small values; glibc's allocator was about a quarter of a simulation's profile.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    guerdon::cli::run()
}

//! The HTTP API over real connections to a real host: every route, every failure, and clients that misbehave.

mod bodies;
mod clients;
mod keys;
mod routes;
mod stream;
mod world;

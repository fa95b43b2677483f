//! What went wrong once, provoked again: one file an incident, each on SQLite and on PostgreSQL, through the real host.

mod ahead;
mod approval;
mod beforehand;
mod campaigns;
mod case_from_event;
mod client_gone;
mod facts;
mod held;
mod i10_versions;
mod i1_killed;
mod i1_paid_again;
mod i2_codes_skipped;
mod i3_code_given_twice;
mod i5_points_and_cards;
mod i7_rule_change;
mod leaderboard;
mod learning_race;
mod low_stock;
mod process;
mod settlement;
mod world;

//! `guerdon demo`: a campaign to look at, with a clock that can be moved.

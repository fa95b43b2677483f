//! JSON forms of the rows' inner parts.

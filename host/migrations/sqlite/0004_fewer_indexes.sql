-- Fewer indexes, because every event paid for them and hardly anybody asked: a member's standings are found by key through
-- the cycles that there are, and an audit reads the ledger from end to end.

drop index postings_member;
drop index standings_member;

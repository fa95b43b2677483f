-- What a step down an index compares is no part of what SQLite takes for an event: nothing is needed here. Both databases
-- have the same numbers.
select 1;

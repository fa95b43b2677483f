-- SQLite's commits are transactions, which can be rolled back after their rows were counted: nothing is needed here. Both
-- databases have the same numbers.
select 1;

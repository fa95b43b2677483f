-- SQLite compares byte by byte unless it is told otherwise: nothing is needed here. Both databases have the same numbers.
select 1;

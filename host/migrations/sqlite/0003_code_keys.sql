-- What proves that a host has the key that sealed this database's codes, without saying anything of the key. A host with
-- another key would seal codes that nobody else can open, and would not see that a code is there already.

create table code_keys (
  key    integer primary key,
  proof  blob    not null check (length(proof) = 32)
) strict;

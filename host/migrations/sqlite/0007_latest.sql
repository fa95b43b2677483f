-- A member's latest standing stands beside the member's row: nearly every event changes both, and one row is one place to
-- find and one change to log. standings keeps its key, without a state.

alter table members add column cycle integer;
alter table members add column revision integer;
alter table members add column state text check ((cycle is null) = (state is null) and (revision is null) = (state is null));

update members set (cycle, revision, state) = (
  select s.cycle, s.revision, s.state from standings s
  where s.campaign = members.campaign and s.member = members.member
    and s.cycle in (select c.cycle from cycles c where c.campaign = members.campaign)
  order by s.cycle desc, s.revision desc limit 1);

-- SQLite cannot take `not null` away from a column.
create table standings_of_old (
  campaign integer not null,
  cycle    integer not null,
  member   integer not null,
  revision integer not null check (revision > 0),
  state    text,
  primary key (campaign, cycle, member, revision)
) strict, without rowid;
insert into standings_of_old
select s.campaign, s.cycle, s.member, s.revision, case
  when (m.cycle, m.revision) is not (s.cycle, s.revision) then s.state end
from standings s left join members m on m.campaign = s.campaign and m.member = s.member;
drop table standings;
alter table standings_of_old rename to standings;

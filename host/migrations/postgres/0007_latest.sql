-- A member's latest standing stands beside the member's row: nearly every event changes both, and one row is one place to
-- find and one change to log. standings keeps its key, without a state.

alter table members
  add column cycle    integer,
  add column revision integer,
  add column state    text,
  add constraint members_latest check ((cycle is null) = (state is null) and (revision is null) = (state is null));
alter table standings alter column state drop not null;

update members m set cycle = s.cycle, revision = s.revision, state = s.state
from (
  select distinct on (campaign, member) campaign, member, cycle, revision, state from standings
  order by campaign, member, cycle desc, revision desc) s
where m.campaign = s.campaign and m.member = s.member;
update standings s set state = null
from members m
where (m.campaign, m.member, m.cycle, m.revision) = (s.campaign, s.member, s.cycle, s.revision);

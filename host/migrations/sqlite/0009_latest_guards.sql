-- A member's latest standing has one place, which the database keeps: a host from before schema 7 that was not stopped
-- would go on writing standings without it, and is refused. The same guards stand in PostgreSQL's 0009.
--
-- A state that this host writes into standings is one that its member has moved on from, or is about to, with the same
-- state beside it.

create trigger standings_latest_insert after insert on standings for each row
  when new.state is not null and not exists (select 1 from members m where m.campaign = new.campaign and m.member = new.member and
    ((m.cycle, m.revision) > (new.cycle, new.revision) or (m.cycle, m.revision, m.state) = (new.cycle, new.revision, new.state)))
begin
  select raise(abort, 'standings campaign ' || new.campaign || ' cycle ' || new.cycle || ' member ' || new.member || ' revision ' || new.revision || ' is the member''s latest: its state stands beside the member; stop the host that is older than schema 7');
end;
create trigger standings_latest_update after update of state on standings for each row
  when new.state is not null and not exists (select 1 from members m where m.campaign = new.campaign and m.member = new.member and
    ((m.cycle, m.revision) > (new.cycle, new.revision) or (m.cycle, m.revision, m.state) = (new.cycle, new.revision, new.state)))
begin
  select raise(abort, 'standings campaign ' || new.campaign || ' cycle ' || new.cycle || ' member ' || new.member || ' revision ' || new.revision || ' is the member''s latest: its state stands beside the member; stop the host that is older than schema 7');
end;

create trigger members_forward before update of cycle, revision on members for each row
  when old.cycle is not null and (new.cycle is null or (new.cycle, new.revision) < (old.cycle, old.revision))
begin
  select raise(abort, 'members campaign ' || old.campaign || ' member ' || old.member || ' cycle ' || old.cycle || ' revision ' || old.revision || ' is the latest standing: it never goes back');
end;

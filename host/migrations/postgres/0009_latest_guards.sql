-- A member's latest standing has one place, which the database keeps: a host from before schema 7 that was not stopped
-- would go on writing standings without it, and is refused. The same guards stand in SQLite's 0009.
--
-- A state that this host writes into standings is one that its member has moved on from: once for each member and cycle, and
-- for those whom a settlement pays. Both rows are seen as the whole statement leaves them.

create function guard_standing_latest() returns trigger language plpgsql as $$
begin
  perform from members m where m.campaign = new.campaign and m.member = new.member and
    ((m.cycle, m.revision) > (new.cycle, new.revision) or (m.cycle, m.revision, m.state) = (new.cycle, new.revision, new.state));
  if not found then
    raise exception 'standings campaign % cycle % member % revision % is the member''s latest: its state stands beside the member; stop the host that is older than schema 7',
      new.campaign, new.cycle, new.member, new.revision;
  end if;
  return null;
end $$;
create trigger standings_latest after insert or update of state on standings for each row
  when (new.state is not null) execute function guard_standing_latest();

create trigger members_forward before update of cycle, revision on members for each row
  when (old.cycle is not null and (new.cycle is null or (new.cycle, new.revision) < (old.cycle, old.revision)))
  execute function guard_refuse('is the latest standing: it never goes back', 'campaign', 'member', 'cycle', 'revision');

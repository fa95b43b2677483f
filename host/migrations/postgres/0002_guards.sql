-- Promises that the database itself keeps, whoever writes: what is booked stays, a grant follows its state machine,
-- a code has one owner. Every refusal names the row. The same guards, by the same names, stand in SQLite's 0002.
--
-- The host's own statements never touch the guarded columns, and most guards name their columns or carry a WHEN, so
-- that an ordinary commit runs none of these functions but the one that binds a code.

-- Refuses with a message for people: the table, the row's key, the reason. P0001 is what the host knows as a refusal.
create function guard_refuse() returns trigger language plpgsql as $$
declare
  row_ jsonb := to_jsonb(old);
  named text := '';
  name_ text;
begin
  -- The arguments: the sentence that follows the row's name, then the columns that name the row.
  for i in 1 .. tg_nargs - 1 loop
    name_ := tg_argv[i];
    named := named || ' ' || name_ || ' ' || coalesce(row_ ->> name_, '(none)');
  end loop;
  raise exception '%', tg_table_name || named || ' ' || tg_argv[0];
end $$;

create function guard_refuse_truncate() returns trigger language plpgsql as $$
begin
  raise exception '%: a table of the book is never emptied', tg_table_name;
end $$;

-- What is written once.
create trigger postings_stay before update or delete on postings
  for each row execute function guard_refuse('is a ledger line: it never changes', 'campaign', 'position', 'ordinal');
create trigger journal_stays before update or delete on journal
  for each row execute function guard_refuse('is a journal line: it never changes', 'campaign', 'position', 'line');
create trigger releases_stay before update or delete on releases
  for each row execute function guard_refuse('is a release: it never changes', 'campaign', 'number');
create trigger names_stay before update or delete on names
  for each row execute function guard_refuse('is in the dictionary: it never changes', 'campaign', 'code', 'name');

-- What is never deleted.
create trigger campaigns_stay before delete on campaigns
  for each row execute function guard_refuse('is a campaign: it is never deleted', 'campaign', 'id');
create trigger members_stay before delete on members
  for each row execute function guard_refuse('is a member: it is never deleted', 'campaign', 'member');
create trigger events_stay before delete on events
  for each row execute function guard_refuse('is an event: it is never deleted', 'campaign', 'source', 'id');
create trigger grants_stay before delete on grants
  for each row execute function guard_refuse('is a grant: it is never deleted', 'campaign', 'number');
create trigger pools_stay before delete on pools
  for each row execute function guard_refuse('is a pool: it is never deleted', 'pool', 'name');
create trigger codes_stay before delete on codes
  for each row execute function guard_refuse('is a code: it is never deleted', 'pool', 'number');
create trigger settlements_stay before delete on settlements
  for each row execute function guard_refuse('is a settlement: it is never deleted', 'campaign', 'cycle', 'revision');

create trigger campaigns_truncate before truncate on campaigns execute function guard_refuse_truncate();
create trigger names_truncate before truncate on names execute function guard_refuse_truncate();
create trigger releases_truncate before truncate on releases execute function guard_refuse_truncate();
create trigger members_truncate before truncate on members execute function guard_refuse_truncate();
create trigger events_truncate before truncate on events execute function guard_refuse_truncate();
create trigger postings_truncate before truncate on postings execute function guard_refuse_truncate();
create trigger pools_truncate before truncate on pools execute function guard_refuse_truncate();
create trigger grants_truncate before truncate on grants execute function guard_refuse_truncate();
create trigger codes_truncate before truncate on codes execute function guard_refuse_truncate();
create trigger journal_truncate before truncate on journal execute function guard_refuse_truncate();
create trigger settlements_truncate before truncate on settlements execute function guard_refuse_truncate();

-- The head only goes forward.
create trigger campaigns_forward before update on campaigns for each row
  when (new.position < old.position or new.last_member < old.last_member or new.last_grant < old.last_grant
        or new.closed_through < old.closed_through or new.releases < old.releases)
  execute function guard_refuse('is a head: it never goes back', 'campaign', 'position', 'last_member', 'last_grant', 'closed_through');
create trigger campaigns_same before update of campaign, id on campaigns for each row
  when ((new.campaign, new.id) is distinct from (old.campaign, old.id))
  execute function guard_refuse('is a campaign: it keeps its id', 'campaign', 'id');

-- Members keep who they are and who invited them.
create trigger members_same before update of campaign, member, kind, id on members for each row
  when ((new.campaign, new.member, new.kind, new.id) is distinct from (old.campaign, old.member, old.kind, old.id))
  execute function guard_refuse('is a member: it keeps its number and id', 'campaign', 'member');
create trigger members_inviter before update of inviter on members for each row
  when (old.inviter is not null and new.inviter is distinct from old.inviter)
  execute function guard_refuse('is invited already: an inviter never changes', 'campaign', 'member', 'inviter');

-- Events keep their identity and their final outcome.
create trigger events_same before update of campaign, identity, source, id on events for each row
  when ((new.campaign, new.identity, new.source, new.id) is distinct from (old.campaign, old.identity, old.source, old.id))
  execute function guard_refuse('is an event: it keeps its identity', 'campaign', 'source', 'id');
create trigger events_final before update on events for each row
  when (old.outcome in (1, 2, 3))
  execute function guard_refuse('is decided: a final outcome never changes', 'campaign', 'source', 'id', 'outcome');
create trigger events_claim before update of once_key on events for each row
  when (old.once_key is not null and new.once_key is distinct from old.once_key)
  execute function guard_refuse('has claimed its business key: it keeps it', 'campaign', 'source', 'id');

-- A settlement's fence only goes up: whoever holds an older one is too late.
create trigger settlements_fence before update of fence on settlements for each row
  when (new.fence < old.fence)
  execute function guard_refuse('is fenced: a fence never goes back', 'campaign', 'cycle', 'revision', 'fence');

-- The grant's state machine: owed to issued or void; issued to revealed, expired or recalled; revealed to used,
-- expired or recalled.
create function guard_refuse_grant_state() returns trigger language plpgsql as $$
declare
  states text[] := array['owed', 'issued', 'revealed', 'used', 'expired', 'recalled', 'void'];
begin
  raise exception 'grant % of campaign % is %: it cannot become %', old.number, old.campaign, states[old.state],
    coalesce(states[new.state], new.state::text);
end $$;
create trigger grants_state before update of state on grants for each row
  when (new.state <> old.state and not (
    (old.state = 1 and new.state in (2, 7)) or (old.state = 2 and new.state in (3, 5, 6)) or (old.state = 3 and new.state in (4, 5, 6))))
  execute function guard_refuse_grant_state();
create trigger grants_revealed before update of revealed on grants for each row
  when (new.revealed < old.revealed)
  execute function guard_refuse('was revealed: that is never undone', 'campaign', 'number');
create trigger grants_same
  before update of campaign, number, member, reward, function, cause, ordinal, pool, position, line, rule_line, release, cycle, at_ms,
    face_value on grants for each row
  when ((new.campaign, new.number, new.member, new.reward, new.function, new.cause, new.ordinal, new.pool, new.position, new.line,
         new.rule_line, new.release, new.cycle, new.at_ms, new.face_value) is distinct from
        (old.campaign, old.number, old.member, old.reward, old.function, old.cause, old.ordinal, old.pool, old.position, old.line,
         old.rule_line, old.release, old.cycle, old.at_ms, old.face_value))
  execute function guard_refuse('is a grant: only its state changes', 'campaign', 'number');
create function guard_refuse_grant() returns trigger language plpgsql as $$
begin
  raise exception 'grant % of campaign % is new: it begins owed or issued', new.number, new.campaign;
end $$;
create trigger grants_begin before insert on grants for each row
  when (new.state not in (1, 2) or new.revealed <> 0) execute function guard_refuse_grant();

-- A code has one owner.
create function guard_refuse_code() returns trigger language plpgsql as $$
begin
  raise exception 'code % of pool % is new: it begins available', new.number, (select name from pools where pool = new.pool);
end $$;
create trigger codes_begin before insert on codes for each row
  when (new.state <> 1) execute function guard_refuse_code();
create trigger codes_same before update of pool, number, hash, sealed on codes for each row
  when ((new.pool, new.number, new.hash, new.sealed) is distinct from (old.pool, old.number, old.hash, old.sealed)
        -- Sealing with a new key changes the ciphertext together with the key, and nothing else.
        and not (new.key <> old.key and (new.pool, new.number, new.hash) = (old.pool, old.number, old.hash)))
  execute function guard_refuse('is a code: it never changes', 'pool', 'number');

create function guard_code_owner() returns trigger language plpgsql as $$
declare
  pool_name text;
  owner record;
begin
  if old.state = 1 then
    select g.state, g.pool into owner from grants g where g.campaign = new.campaign and g.number = new.grant_number;
    if owner.state = 2 and owner.pool = new.pool then
      -- That it has no other code is the unique index's to refuse.
      return new;
    end if;
    select name into pool_name from pools where pool = new.pool;
    if not found or owner.state is null then
      raise exception 'code % of pool %: there is no grant % in campaign %', new.number, pool_name, new.grant_number, new.campaign;
    elsif owner.state <> 2 then
      raise exception 'code % of pool %: grant % of campaign % is not in the state issued', new.number, pool_name, new.grant_number, new.campaign;
    end if;
    raise exception 'code % of pool %: grant % of campaign % is of another pool', new.number, pool_name, new.grant_number, new.campaign;
  end if;
  select name into pool_name from pools where pool = old.pool;
  if new.state = 2 then
    raise exception 'code % of pool % is issued to grant % of campaign %: it cannot be issued again',
      old.number, pool_name, old.grant_number, old.campaign;
  end if;
  select g.state, g.revealed into owner from grants g where g.campaign = old.campaign and g.number = old.grant_number;
  if owner.state = 6 and owner.revealed = 0 then
    return new;
  elsif owner.revealed = 1 then
    raise exception 'code % of pool % was revealed to grant % of campaign %: it never changes owner',
      old.number, pool_name, old.grant_number, old.campaign;
  end if;
  raise exception 'code % of pool % is issued to grant % of campaign %: only a recall makes it available',
    old.number, pool_name, old.grant_number, old.campaign;
end $$;
create trigger codes_owner before update of state, campaign, grant_number on codes for each row
  when ((new.state, new.campaign, new.grant_number) is distinct from (old.state, old.campaign, old.grant_number))
  execute function guard_code_owner();

-- Promises that the database itself keeps, whoever writes: what is booked stays, a grant follows its state machine,
-- a code has one owner. Every refusal names the row. The same guards, by the same names, stand in PostgreSQL's 0002;
-- SQLite has one trigger for each of update and delete, and no truncate.
--
-- The host's own statements never touch the guarded columns, and most guards name their columns or carry a WHEN, so
-- that an ordinary commit runs few of them. `INSERT OR REPLACE` deletes rows without asking a delete trigger, so that
-- here the tables also refuse an insert under a key that is taken.
--
-- Messages are made with expressions in RAISE, which SQLite knows from 3.47 on: an older sqlite3 cannot read this schema,
-- and must not be pointed at a live file anyhow.

-- What is written once.
create trigger postings_stay_update before update on postings for each row
begin
  select raise(abort, 'postings campaign ' || coalesce(old.campaign, '(none)') || ' position ' || coalesce(old.position, '(none)') || ' ordinal ' || coalesce(old.ordinal, '(none)') || ' is a ledger line: it never changes');
end;
create trigger postings_stay_delete before delete on postings for each row
begin
  select raise(abort, 'postings campaign ' || coalesce(old.campaign, '(none)') || ' position ' || coalesce(old.position, '(none)') || ' ordinal ' || coalesce(old.ordinal, '(none)') || ' is a ledger line: it never changes');
end;
create trigger journal_stays_update before update on journal for each row
begin
  select raise(abort, 'journal campaign ' || coalesce(old.campaign, '(none)') || ' position ' || coalesce(old.position, '(none)') || ' line ' || coalesce(old.line, '(none)') || ' is a journal line: it never changes');
end;
create trigger journal_stays_delete before delete on journal for each row
begin
  select raise(abort, 'journal campaign ' || coalesce(old.campaign, '(none)') || ' position ' || coalesce(old.position, '(none)') || ' line ' || coalesce(old.line, '(none)') || ' is a journal line: it never changes');
end;
create trigger releases_stay_update before update on releases for each row
begin
  select raise(abort, 'releases campaign ' || coalesce(old.campaign, '(none)') || ' number ' || coalesce(old.number, '(none)') || ' is a release: it never changes');
end;
create trigger releases_stay_delete before delete on releases for each row
begin
  select raise(abort, 'releases campaign ' || coalesce(old.campaign, '(none)') || ' number ' || coalesce(old.number, '(none)') || ' is a release: it never changes');
end;
create trigger names_stay_update before update on names for each row
begin
  select raise(abort, 'names campaign ' || coalesce(old.campaign, '(none)') || ' code ' || coalesce(old.code, '(none)') || ' name ' || coalesce(old.name, '(none)') || ' is in the dictionary: it never changes');
end;
create trigger names_stay_delete before delete on names for each row
begin
  select raise(abort, 'names campaign ' || coalesce(old.campaign, '(none)') || ' code ' || coalesce(old.code, '(none)') || ' name ' || coalesce(old.name, '(none)') || ' is in the dictionary: it never changes');
end;

-- What is never deleted.
create trigger campaigns_stay before delete on campaigns for each row
begin
  select raise(abort, 'campaigns campaign ' || coalesce(old.campaign, '(none)') || ' id ' || coalesce(old.id, '(none)') || ' is a campaign: it is never deleted');
end;
create trigger members_stay before delete on members for each row
begin
  select raise(abort, 'members campaign ' || coalesce(old.campaign, '(none)') || ' member ' || coalesce(old.member, '(none)') || ' is a member: it is never deleted');
end;
create trigger events_stay before delete on events for each row
begin
  select raise(abort, 'events campaign ' || coalesce(old.campaign, '(none)') || ' source ' || coalesce(old.source, '(none)') || ' id ' || coalesce(old.id, '(none)') || ' is an event: it is never deleted');
end;
create trigger grants_stay before delete on grants for each row
begin
  select raise(abort, 'grants campaign ' || coalesce(old.campaign, '(none)') || ' number ' || coalesce(old.number, '(none)') || ' is a grant: it is never deleted');
end;
create trigger pools_stay before delete on pools for each row
begin
  select raise(abort, 'pools pool ' || coalesce(old.pool, '(none)') || ' name ' || coalesce(old.name, '(none)') || ' is a pool: it is never deleted');
end;
create trigger codes_stay before delete on codes for each row
begin
  select raise(abort, 'codes pool ' || coalesce(old.pool, '(none)') || ' number ' || coalesce(old.number, '(none)') || ' is a code: it is never deleted');
end;
create trigger settlements_stay before delete on settlements for each row
begin
  select raise(abort, 'settlements campaign ' || coalesce(old.campaign, '(none)') || ' cycle ' || coalesce(old.cycle, '(none)') || ' revision ' || coalesce(old.revision, '(none)') || ' is a settlement: it is never deleted');
end;

-- What INSERT OR REPLACE must not replace.
create trigger postings_replace before insert on postings for each row
  when exists (select 1 from postings where campaign = new.campaign and position = new.position and ordinal = new.ordinal)
begin
  select raise(abort, 'postings campaign ' || coalesce(new.campaign, '(none)') || ' position ' || coalesce(new.position, '(none)') || ' ordinal ' || coalesce(new.ordinal, '(none)') || ' is there already: a row of the book is never replaced');
end;
create trigger journal_replace before insert on journal for each row
  when exists (select 1 from journal where campaign = new.campaign and position = new.position and line = new.line)
begin
  select raise(abort, 'journal campaign ' || coalesce(new.campaign, '(none)') || ' position ' || coalesce(new.position, '(none)') || ' line ' || coalesce(new.line, '(none)') || ' is there already: a row of the book is never replaced');
end;
create trigger releases_replace before insert on releases for each row
  when exists (select 1 from releases where campaign = new.campaign and number = new.number)
begin
  select raise(abort, 'releases campaign ' || coalesce(new.campaign, '(none)') || ' number ' || coalesce(new.number, '(none)') || ' is there already: a row of the book is never replaced');
end;
create trigger names_replace before insert on names for each row
  when exists (select 1 from names where campaign = new.campaign and code = new.code) or exists (select 1 from names where campaign = new.campaign and name = new.name)
begin
  select raise(abort, 'names campaign ' || coalesce(new.campaign, '(none)') || ' code ' || coalesce(new.code, '(none)') || ' is there already: a row of the book is never replaced');
end;
create trigger members_replace before insert on members for each row
  when exists (select 1 from members where campaign = new.campaign and member = new.member) or exists (select 1 from members where campaign = new.campaign and kind = new.kind and id = new.id)
begin
  select raise(abort, 'members campaign ' || coalesce(new.campaign, '(none)') || ' member ' || coalesce(new.member, '(none)') || ' is there already: a row of the book is never replaced');
end;
create trigger events_replace before insert on events for each row
  when exists (select 1 from events where campaign = new.campaign and identity = new.identity) or exists (select 1 from events where campaign = new.campaign and once_key = new.once_key and once_key is not null)
begin
  select raise(abort, 'events campaign ' || coalesce(new.campaign, '(none)') || ' source ' || coalesce(new.source, '(none)') || ' id ' || coalesce(new.id, '(none)') || ' is there already: a row of the book is never replaced');
end;
create trigger grants_replace before insert on grants for each row
  when exists (select 1 from grants where campaign = new.campaign and number = new.number) or exists (select 1 from grants where campaign = new.campaign and member = new.member and function = new.function and cause = new.cause and reward = new.reward and ordinal = new.ordinal)
begin
  select raise(abort, 'grants campaign ' || coalesce(new.campaign, '(none)') || ' number ' || coalesce(new.number, '(none)') || ' is there already: a row of the book is never replaced');
end;
create trigger codes_replace before insert on codes for each row
  when exists (select 1 from codes where pool = new.pool and number = new.number) or exists (select 1 from codes where hash = new.hash)
begin
  select raise(abort, 'codes pool ' || coalesce(new.pool, '(none)') || ' number ' || coalesce(new.number, '(none)') || ' is there already: a row of the book is never replaced');
end;

-- The head only goes forward.
create trigger campaigns_forward before update on campaigns for each row
  when new.position < old.position or new.last_member < old.last_member or new.last_grant < old.last_grant
    or new.closed_through < old.closed_through or new.releases < old.releases
begin
  select raise(abort, 'campaigns campaign ' || coalesce(old.campaign, '(none)') || ' position ' || coalesce(old.position, '(none)') || ' last_member ' || coalesce(old.last_member, '(none)') || ' last_grant ' || coalesce(old.last_grant, '(none)') || ' closed_through ' || coalesce(old.closed_through, '(none)') || ' is a head: it never goes back');
end;
create trigger campaigns_same before update of campaign, id on campaigns for each row
  when new.campaign is not old.campaign or new.id is not old.id
begin
  select raise(abort, 'campaigns campaign ' || coalesce(old.campaign, '(none)') || ' id ' || coalesce(old.id, '(none)') || ' is a campaign: it keeps its id');
end;

-- Members keep who they are and who invited them.
create trigger members_same before update of campaign, member, kind, id on members for each row
  when new.campaign is not old.campaign or new.member is not old.member or new.kind is not old.kind or new.id is not old.id
begin
  select raise(abort, 'members campaign ' || coalesce(old.campaign, '(none)') || ' member ' || coalesce(old.member, '(none)') || ' is a member: it keeps its number and id');
end;
create trigger members_inviter before update of inviter on members for each row
  when old.inviter is not null and new.inviter is not old.inviter
begin
  select raise(abort, 'members campaign ' || coalesce(old.campaign, '(none)') || ' member ' || coalesce(old.member, '(none)') || ' inviter ' || coalesce(old.inviter, '(none)') || ' is invited already: an inviter never changes');
end;

-- Events keep their identity and their final outcome.
create trigger events_same before update of campaign, identity, source, id on events for each row
  when new.campaign is not old.campaign or new.identity is not old.identity or new.source is not old.source or new.id is not old.id
begin
  select raise(abort, 'events campaign ' || coalesce(old.campaign, '(none)') || ' source ' || coalesce(old.source, '(none)') || ' id ' || coalesce(old.id, '(none)') || ' is an event: it keeps its identity');
end;
create trigger events_final before update on events for each row
  when old.outcome in (1, 2, 3)
begin
  select raise(abort, 'events campaign ' || coalesce(old.campaign, '(none)') || ' source ' || coalesce(old.source, '(none)') || ' id ' || coalesce(old.id, '(none)') || ' outcome ' || coalesce(old.outcome, '(none)') || ' is decided: a final outcome never changes');
end;
create trigger events_claim before update of once_key on events for each row
  when old.once_key is not null and new.once_key is not old.once_key
begin
  select raise(abort, 'events campaign ' || coalesce(old.campaign, '(none)') || ' source ' || coalesce(old.source, '(none)') || ' id ' || coalesce(old.id, '(none)') || ' has claimed its business key: it keeps it');
end;

-- A settlement's fence only goes up: whoever holds an older one is too late.
create trigger settlements_fence before update of fence on settlements for each row
  when new.fence < old.fence
begin
  select raise(abort, 'settlements campaign ' || coalesce(old.campaign, '(none)') || ' cycle ' || coalesce(old.cycle, '(none)') || ' revision ' || coalesce(old.revision, '(none)') || ' fence ' || coalesce(old.fence, '(none)') || ' is fenced: a fence never goes back');
end;

-- The grant's state machine: owed to issued or void; issued to revealed, expired or recalled; revealed to used,
-- expired or recalled.
create trigger grants_state before update of state on grants for each row
  when new.state <> old.state and not (
    (old.state = 1 and new.state in (2, 7)) or (old.state = 2 and new.state in (3, 5, 6)) or (old.state = 3 and new.state in (4, 5, 6)))
begin
  select raise(abort, 'grant ' || old.number || ' of campaign ' || old.campaign || ' is '
    || json_extract('["owed","issued","revealed","used","expired","recalled","void"]', '$[' || (old.state - 1) || ']')
    || ': it cannot become ' || coalesce(json_extract('["owed","issued","revealed","used","expired","recalled","void"]', '$[' || (new.state - 1) || ']'), new.state));
end;
create trigger grants_revealed before update of revealed on grants for each row
  when new.revealed < old.revealed
begin
  select raise(abort, 'grants campaign ' || coalesce(old.campaign, '(none)') || ' number ' || coalesce(old.number, '(none)') || ' was revealed: that is never undone');
end;
create trigger grants_same before update of campaign, number, member, reward, function, cause, ordinal, pool, position, line, rule_line, release, cycle,
    at_ms, face_value on grants for each row
  when new.campaign is not old.campaign or new.number is not old.number or new.member is not old.member or new.reward is not old.reward
    or new.function is not old.function or new.cause is not old.cause or new.ordinal is not old.ordinal or new.pool is not old.pool
    or new.position is not old.position or new.line is not old.line or new.rule_line is not old.rule_line or new.release is not old.release
    or new.cycle is not old.cycle or new.at_ms is not old.at_ms or new.face_value is not old.face_value
begin
  select raise(abort, 'grants campaign ' || coalesce(old.campaign, '(none)') || ' number ' || coalesce(old.number, '(none)') || ' is a grant: only its state changes');
end;
create trigger grants_begin before insert on grants for each row
  when new.state not in (1, 2) or new.revealed <> 0
begin
  select raise(abort, 'grant ' || new.number || ' of campaign ' || new.campaign || ' is new: it begins owed or issued');
end;

-- A code has one owner.
create trigger codes_begin before insert on codes for each row
  when new.state <> 1
begin
  select raise(abort, 'code ' || new.number || ' of pool ' || (select name from pools where pool = new.pool) || ' is new: it begins available');
end;
-- Sealing with a new key changes the ciphertext together with the key, and nothing else.
create trigger codes_same before update of pool, number, hash, sealed on codes for each row
  when new.pool is not old.pool or new.number is not old.number or new.hash is not old.hash
    or (new.sealed is not old.sealed and new.key = old.key)
begin
  select raise(abort, 'codes pool ' || coalesce(old.pool, '(none)') || ' number ' || coalesce(old.number, '(none)') || ' is a code: it never changes');
end;
create trigger codes_owner before update of state, campaign, grant_number on codes for each row
  when old.state = 1 and (new.state <> 1 or new.campaign is not null or new.grant_number is not null)
    and not exists (select 1 from grants where campaign = new.campaign and number = new.grant_number and state = 2 and pool = new.pool)
begin
  select raise(abort, 'code ' || new.number || ' of pool ' || (select name from pools where pool = new.pool) || ': '
    || coalesce((select case when state <> 2 then 'grant ' || number || ' of campaign ' || campaign || ' is not in the state issued'
                             else 'grant ' || number || ' of campaign ' || campaign || ' is of another pool' end
                 from grants where campaign = new.campaign and number = new.grant_number),
                'there is no grant ' || coalesce(new.grant_number, '(none)') || ' in campaign ' || coalesce(new.campaign, '(none)')));
end;
create trigger codes_second before update of state, campaign, grant_number on codes for each row
  when old.state = 1 and exists (select 1 from codes where campaign = new.campaign and grant_number = new.grant_number)
begin
  select raise(abort, 'code ' || new.number || ' of pool ' || (select name from pools where pool = new.pool) || ': grant ' || new.grant_number || ' of campaign '
    || new.campaign || ' has a code already');
end;
create trigger codes_issued before update of state, campaign, grant_number on codes for each row
  when old.state = 2 and new.state = 2 and (new.campaign is not old.campaign or new.grant_number is not old.grant_number)
begin
  select raise(abort, 'code ' || old.number || ' of pool ' || (select name from pools where pool = old.pool) || ' is issued to grant ' || old.grant_number
    || ' of campaign ' || old.campaign || ': it cannot be issued again');
end;
create trigger codes_free before update of state, campaign, grant_number on codes for each row
  when old.state = 2 and new.state <> 2
    and not exists (select 1 from grants where campaign = old.campaign and number = old.grant_number and state = 6 and revealed = 0)
begin
  select raise(abort, 'code ' || old.number || ' of pool ' || (select name from pools where pool = old.pool)
    || case when exists (select 1 from grants where campaign = old.campaign and number = old.grant_number and revealed = 1)
       then ' was revealed to grant ' || old.grant_number || ' of campaign ' || old.campaign || ': it never changes owner'
       else ' is issued to grant ' || old.grant_number || ' of campaign ' || old.campaign || ': only a recall makes it available' end);
end;

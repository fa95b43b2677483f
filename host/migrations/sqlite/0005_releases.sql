-- Changes of a campaign that people propose and approve, and releases that run beside the one in force. The same
-- guards, by the same names, stand in PostgreSQL's 0005.

-- A release that brings back the content of an earlier one: a rollback, or a fallback.
alter table releases add column copy_of integer check (copy_of > 0);

-- state: 1 open, 2 live, 3 rejected, 4 replaced by a later proposal
create table proposals (
  campaign  integer not null references campaigns,
  number    integer not null check (number > 0),
  -- The newest release when this was planned: with another one it is stale.
  base      integer not null,
  hash      text    not null,
  -- at once, next cycle, or an instant
  effective text    not null,
  -- Approvals that the policy in force asked for.
  needs     integer not null check (needs > 0),
  files     blob    not null,
  -- What the host found out about it, as JSON.
  plan      text    not null,
  author    text    not null,
  note      text    not null,
  at_ms     integer not null,
  state     integer not null default 1 check (state between 1 and 4),
  -- The release that it became.
  release   integer,
  ended_by  text,
  ended_why text,
  ended_ms  integer,
  primary key (campaign, number),
  check ((state = 2) = (release is not null)),
  check ((state = 1) = (ended_ms is null))
) strict;
-- One thing at a time is proposed, so that an approval can mean nothing else.
create unique index proposals_open on proposals (campaign) where state = 1;

create table approvals (
  campaign integer not null,
  proposal integer not null,
  approver text    not null,
  -- What the approver saw.
  hash     text    not null,
  note     text    not null,
  at_ms    integer not null,
  primary key (campaign, proposal, approver)
) strict, without rowid;

-- A release that is tried on live events and pays nothing.
create table shadows (
  campaign        integer not null references campaigns,
  number          integer not null check (number > 0),
  hash            text    not null,
  files           blob    not null,
  author          text    not null,
  note            text    not null,
  at_ms           integer not null,
  -- It decides what is decided after this position of the journal.
  from_position   integer not null,
  -- Decided up to this line of the journal.
  cursor_position integer not null,
  cursor_line     integer not null,
  owner           text,
  lease_until_ms  integer not null default 0,
  ended_by        text,
  ended_ms        integer,
  primary key (campaign, number)
) strict;
create unique index shadows_running on shadows (campaign) where ended_ms is null;

-- What it decided about a line of the journal; line 0: about a close for which the journal has no line.
create table shadow_decisions (
  campaign integer not null,
  shadow   integer not null,
  position integer not null,
  line     integer not null,
  subject  text    not null,
  identity blob    check (octet_length(identity) = 16),
  differs  integer not null check (differs in (0, 1)),
  was      text    not null,
  would    text    not null,
  primary key (campaign, shadow, position, line, subject)
) strict, without rowid;
create index shadow_differences on shadow_decisions (campaign, shadow, position, line) where differs = 1;

create trigger proposals_same before update on proposals for each row
  when new.campaign is not old.campaign or new.number is not old.number or new.base is not old.base or new.hash is not old.hash
    or new.effective is not old.effective or new.needs is not old.needs or new.files is not old.files or new.plan is not old.plan
    or new.author is not old.author or new.note is not old.note or new.at_ms is not old.at_ms
begin
  select raise(abort, 'proposals campaign ' || coalesce(old.campaign, '(none)') || ' number ' || coalesce(old.number, '(none)') || ' is a proposal: its content never changes, propose another one');
end;
create trigger proposals_ended before update on proposals for each row
  when old.state <> 1
begin
  select raise(abort, 'proposals campaign ' || coalesce(old.campaign, '(none)') || ' number ' || coalesce(old.number, '(none)') || ' has ended: that is never undone');
end;
create trigger proposals_approved before update of state on proposals for each row
  when new.state = 2 and (select count(*) from approvals a where a.campaign = old.campaign and a.proposal = old.number
                          and a.hash = old.hash and a.approver <> old.author) < old.needs
begin
  select raise(abort, 'proposals campaign ' || coalesce(old.campaign, '(none)') || ' number ' || coalesce(old.number, '(none)') || ' is not approved: it cannot be live');
end;
create trigger proposals_begin before insert on proposals for each row
  when new.state <> 1
begin
  select raise(abort, 'proposals campaign ' || coalesce(new.campaign, '(none)') || ' number ' || coalesce(new.number, '(none)') || ' is new: it begins open');
end;
create trigger proposals_stay before delete on proposals for each row
begin
  select raise(abort, 'proposals campaign ' || coalesce(old.campaign, '(none)') || ' number ' || coalesce(old.number, '(none)') || ' is a proposal: it is never deleted');
end;
create trigger proposals_replace before insert on proposals for each row
  when exists (select 1 from proposals where campaign = new.campaign and number = new.number)
    or exists (select 1 from proposals where campaign = new.campaign and state = 1)
begin
  select raise(abort, 'proposals campaign ' || coalesce(new.campaign, '(none)') || ' number ' || coalesce(new.number, '(none)') || ' cannot be added: that number, or an open proposal, is there already');
end;

create trigger approvals_other before insert on approvals for each row
  when exists (select 1 from proposals where campaign = new.campaign and number = new.proposal and author = new.approver)
begin
  select raise(abort, 'approvals campaign ' || coalesce(new.campaign, '(none)') || ' proposal ' || coalesce(new.proposal, '(none)') || ' was made by ' || new.approver || ': whoever proposes does not approve');
end;
create trigger approvals_hash before insert on approvals for each row
  when not exists (select 1 from proposals where campaign = new.campaign and number = new.proposal and state = 1 and hash = new.hash)
begin
  select raise(abort, 'approvals campaign ' || coalesce(new.campaign, '(none)') || ' proposal ' || coalesce(new.proposal, '(none)') || ' is not open with this content: nothing is approved');
end;
create trigger approvals_replace before insert on approvals for each row
  when exists (select 1 from approvals where campaign = new.campaign and proposal = new.proposal and approver = new.approver)
begin
  select raise(abort, 'approvals campaign ' || coalesce(new.campaign, '(none)') || ' proposal ' || coalesce(new.proposal, '(none)') || ' approver ' || coalesce(new.approver, '(none)') || ' is there already: a row of the book is never replaced');
end;
create trigger approvals_stay_update before update on approvals for each row
begin
  select raise(abort, 'approvals campaign ' || coalesce(old.campaign, '(none)') || ' proposal ' || coalesce(old.proposal, '(none)') || ' approver ' || coalesce(old.approver, '(none)') || ' is an approval: it never changes');
end;
create trigger approvals_stay_delete before delete on approvals for each row
begin
  select raise(abort, 'approvals campaign ' || coalesce(old.campaign, '(none)') || ' proposal ' || coalesce(old.proposal, '(none)') || ' approver ' || coalesce(old.approver, '(none)') || ' is an approval: it never changes');
end;

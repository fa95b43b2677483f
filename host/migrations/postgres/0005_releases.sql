-- Changes of a campaign that people propose and approve, and releases that run beside the one in force. The same
-- guards, by the same names, stand in SQLite's 0005.

-- A release that brings back the content of an earlier one: a rollback, or a fallback.
alter table releases add column copy_of integer check (copy_of > 0);

-- state: 1 open, 2 live, 3 rejected, 4 replaced by a later proposal
create table proposals (
  campaign  integer  not null references campaigns,
  number    integer  not null check (number > 0),
  -- The newest release when this was planned: with another one it is stale.
  base      integer  not null,
  hash      text     not null,
  -- at once, next cycle, or an instant
  effective text     not null,
  -- Approvals that the policy in force asked for.
  needs     integer  not null check (needs > 0),
  files     bytea    not null,
  -- What the host found out about it, as JSON.
  plan      text     not null,
  author    text     not null,
  note      text     not null,
  at_ms     bigint   not null,
  state     smallint not null default 1 check (state between 1 and 4),
  -- The release that it became.
  release   integer,
  ended_by  text,
  ended_why text,
  ended_ms  bigint,
  primary key (campaign, number),
  check ((state = 2) = (release is not null)),
  check ((state = 1) = (ended_ms is null))
);
-- One thing at a time is proposed, so that an approval can mean nothing else.
create unique index proposals_open on proposals (campaign) where state = 1;

create table approvals (
  campaign integer not null,
  proposal integer not null,
  approver text    not null,
  -- What the approver saw.
  hash     text    not null,
  note     text    not null,
  at_ms    bigint  not null,
  primary key (campaign, proposal, approver)
);

-- A release that is tried on live events and pays nothing.
create table shadows (
  campaign        integer not null references campaigns,
  number          integer not null check (number > 0),
  hash            text    not null,
  files           bytea   not null,
  author          text    not null,
  note            text    not null,
  at_ms           bigint  not null,
  -- It decides what is decided after this position of the journal.
  from_position   bigint  not null,
  -- Decided up to this line of the journal.
  cursor_position bigint  not null,
  cursor_line     integer not null,
  owner           text,
  lease_until_ms  bigint  not null default 0,
  ended_by        text,
  ended_ms        bigint,
  primary key (campaign, number)
);
create unique index shadows_running on shadows (campaign) where ended_ms is null;

-- What it decided about a line of the journal; line 0: about a close for which the journal has no line.
create table shadow_decisions (
  campaign integer  not null,
  shadow   integer  not null,
  position bigint   not null,
  line     integer  not null,
  subject  text     not null,
  identity bytea    check (octet_length(identity) = 16),
  differs  smallint not null check (differs in (0, 1)),
  was      text     not null,
  would    text     not null,
  primary key (campaign, shadow, position, line, subject)
);
create index shadow_differences on shadow_decisions (campaign, shadow, position, line) where differs = 1;

create trigger proposals_same before update on proposals for each row
  when ((new.campaign, new.number, new.base, new.hash, new.effective, new.needs, new.files, new.plan, new.author, new.note, new.at_ms)
        is distinct from
        (old.campaign, old.number, old.base, old.hash, old.effective, old.needs, old.files, old.plan, old.author, old.note, old.at_ms))
  execute function guard_refuse('is a proposal: its content never changes, propose another one', 'campaign', 'number');
create trigger proposals_ended before update on proposals for each row
  when (old.state <> 1)
  execute function guard_refuse('has ended: that is never undone', 'campaign', 'number');
create function guard_proposal_approved() returns trigger language plpgsql as $$
begin
  if (select count(*) from approvals a where a.campaign = old.campaign and a.proposal = old.number
      and a.hash = old.hash and a.approver <> old.author) < old.needs then
    raise exception 'proposals campaign % number % is not approved: it cannot be live', old.campaign, old.number;
  end if;
  return new;
end $$;
create trigger proposals_approved before update of state on proposals for each row
  when (new.state = 2) execute function guard_proposal_approved();
create function guard_refuse_proposal() returns trigger language plpgsql as $$
begin
  raise exception 'proposals campaign % number % is new: it begins open', new.campaign, new.number;
end $$;
create trigger proposals_begin before insert on proposals for each row
  when (new.state <> 1) execute function guard_refuse_proposal();
create trigger proposals_stay before delete on proposals
  for each row execute function guard_refuse('is a proposal: it is never deleted', 'campaign', 'number');
create trigger proposals_truncate before truncate on proposals execute function guard_refuse_truncate();

create function guard_approval() returns trigger language plpgsql as $$
declare
  made record;
begin
  select p.author, p.state, p.hash into made from proposals p where p.campaign = new.campaign and p.number = new.proposal;
  if tg_argv[0] = 'other' and made.author = new.approver then
    raise exception 'approvals campaign % proposal % was made by %: whoever proposes does not approve', new.campaign, new.proposal, new.approver;
  elsif tg_argv[0] = 'hash' and (made.state is null or made.state <> 1 or made.hash <> new.hash) then
    raise exception 'approvals campaign % proposal % is not open with this content: nothing is approved', new.campaign, new.proposal;
  end if;
  return new;
end $$;
create trigger approvals_hash before insert on approvals for each row execute function guard_approval('hash');
create trigger approvals_other before insert on approvals for each row execute function guard_approval('other');
create trigger approvals_stay before update or delete on approvals
  for each row execute function guard_refuse('is an approval: it never changes', 'campaign', 'proposal', 'approver');
create trigger approvals_truncate before truncate on approvals execute function guard_refuse_truncate();

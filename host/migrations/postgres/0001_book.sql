-- The book: heads, members, standings, events, ledger, grants, codes, journal. Instants are milliseconds since
-- 1970-01-01T00:00Z, days are counted from 1970-01-01, amounts are whole points or minor units.

create table campaigns (
  campaign        integer primary key generated always as identity,
  id              text    not null unique,
  position        bigint  not null default 0,
  last_member     bigint  not null default 0,
  last_grant      bigint  not null default 0,
  closed_through  integer not null default 0,
  releases        integer not null default 0,
  totals          text    not null default '[]',
  seed            bigint  not null,
  switches        text    not null default '{}'
);

-- The campaign's dictionary: the numbers that other tables use for accounts, rewards, functions and measures.
create table names (
  campaign integer not null references campaigns,
  code     integer not null check (code > 0),
  name     text    not null,
  primary key (campaign, code),
  unique (campaign, name)
);

create table releases (
  campaign          integer not null references campaigns,
  number            integer not null check (number > 0),
  hash              text    not null,
  effective_from_ms bigint  not null,
  files             bytea   not null,
  author            text    not null,
  note              text    not null,
  at_ms             bigint  not null,
  primary key (campaign, number)
);

create table members (
  campaign   integer not null,
  member     bigint  not null check (member > 0),
  kind       text    not null,
  id         text    not null,
  inviter    bigint  check (inviter <> member),
  tally      text    not null,
  attributes text    not null,
  primary key (campaign, member),
  unique (campaign, kind, id)
) with (fillfactor = 70);

-- One member in one cycle. state: {"tally":[measure,amount,…],"days":[[day,measure,amount,…],…],"reached":[…],"set":{…},"asked":[…],"given":[…]}
create table standings (
  campaign integer  not null,
  cycle    integer  not null,
  member   bigint   not null,
  revision integer  not null check (revision > 0),
  state    text     not null,
  primary key (campaign, cycle, member, revision)
) with (fillfactor = 70);
create index standings_member on standings (campaign, member, cycle);

create table cycles (
  campaign integer  not null,
  cycle    integer  not null,
  revision integer  not null check (revision > 0),
  state    text     not null,
  primary key (campaign, cycle)
);

-- outcome: 1 booked, 2 refused, 3 duplicate, 4 failed, 5 waiting, 6 quarantined
create table events (
  campaign    integer  not null,
  identity    bytea    not null check (octet_length(identity) = 16),
  source      text     not null,
  id          text     not null,
  type        text     not null,
  subject     text,
  member      bigint,
  at_ms       bigint,
  received_ms bigint   not null,
  data        text     not null,
  body_hash   bytea    not null check (octet_length(body_hash) = 16),
  outcome     smallint not null check (outcome between 1 and 6),
  reason      text,
  once_key    bytea    check (octet_length(once_key) = 16),
  release     integer  not null,
  position    bigint   not null,
  line        integer  not null,
  primary key (campaign, identity)
);
create unique index events_once on events (campaign, once_key) where once_key is not null;

create table waits (
  campaign integer not null,
  member   bigint  not null,
  what     integer not null,
  identity bytea   not null,
  until_ms bigint  not null,
  primary key (campaign, member, what, identity)
);
create index waits_identity on waits (campaign, identity);
create index waits_until on waits (campaign, until_ms);

-- A ledger line takes amount from debit and gives it to credit; account 0 is the campaign's own.
create table postings (
  campaign integer not null,
  position bigint  not null,
  ordinal  integer not null,
  line     integer not null,
  member   bigint  not null,
  debit    integer not null,
  credit   integer not null,
  amount   bigint  not null check (amount > 0),
  at_ms    bigint  not null,
  cycle    integer not null,
  day      integer not null,
  primary key (campaign, position, ordinal),
  check ((debit = 0) <> (credit = 0))
);
create index postings_member on postings (campaign, member);

create table pools (
  pool            integer primary key generated always as identity,
  name            text    not null unique,
  -- Every available code has this number or a higher one. A hint: allocation goes by state.
  first_available bigint  not null default 1,
  last_code       bigint  not null default 0,
  available       bigint  not null default 0 check (available >= 0),
  owed            bigint  not null default 0 check (owed >= 0)
);

-- state: 1 owed, 2 issued, 3 revealed, 4 used, 5 expired, 6 recalled, 7 void. held: 0 stock, 1 budget, 2 switch.
-- revealed stays 1 for ever once the code was shown: such a code never changes owner, not even after a recall.
create table grants (
  campaign   integer  not null,
  number     bigint   not null check (number > 0),
  member     bigint   not null,
  reward     integer  not null,
  function   integer  not null,
  cause      bytea    not null check (octet_length(cause) = 16),
  ordinal    integer  not null check (ordinal > 0),
  state      smallint not null check (state between 1 and 7),
  held       smallint not null check (held between 0 and 2),
  pool       integer  references pools,
  position   bigint   not null,
  line       integer  not null,
  rule_line  integer  not null,
  release    integer  not null,
  cycle      integer  not null,
  at_ms      bigint   not null,
  face_value bigint   not null check (face_value >= 0),
  revealed   smallint not null default 0 check (revealed in (0, 1)),
  primary key (campaign, number),
  check (revealed = 1 or state not in (3, 4))
);
-- The grant key: one cause earns its rewards once, for ever.
create unique index grants_key on grants (campaign, member, function, cause, reward, ordinal);
create index grants_owed on grants (pool, campaign, number) where state = 1 and held = 0;
create index grants_held on grants (campaign, number) where state = 1 and held <> 0;

-- state: 1 available, 2 issued
create table codes (
  pool         integer  not null references pools,
  number       bigint   not null check (number > 0),
  state        smallint not null check (state in (1, 2)),
  hash         bytea    not null check (octet_length(hash) = 32),
  sealed       bytea    not null,
  key          integer  not null,
  campaign     integer,
  grant_number bigint,
  imported_ms  bigint   not null,
  primary key (pool, number),
  check ((state = 2) = (campaign is not null and grant_number is not null))
);
create unique index codes_hash on codes (hash);
create index codes_available on codes (pool, number) where state = 1;
create unique index codes_grant on codes (campaign, grant_number) where grant_number is not null;

-- kind: 1 event, 2 close, 3 settlement, 4 switch, 5 release, 6 fill, 7 reveal
create table journal (
  campaign integer  not null,
  position bigint   not null,
  line     integer  not null,
  kind     smallint not null,
  identity bytea,
  member   bigint,
  at_ms    bigint   not null,
  body     text     not null,
  primary key (campaign, position, line)
);

-- state: 1 planned, 2 running, 3 done
create table settlements (
  campaign       integer  not null,
  cycle          integer  not null,
  revision       integer  not null check (revision > 0),
  state          smallint not null check (state between 1 and 3),
  release        integer  not null,
  cursor         bigint   not null,
  fence          bigint   not null default 0,
  owner          text,
  lease_until_ms bigint   not null default 0,
  digest         text,
  failed         text     not null default '[]',
  excess         text     not null default '[]',
  why            text     not null,
  primary key (campaign, cycle, revision)
);

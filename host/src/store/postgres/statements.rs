//! The statements that write a group of any size in one round trip: its new rows alone, or all that every group has as a
//! rule, with the guard that lets a group be decided before the campaign is locked. Only text: `write.rs` binds it.
//!
//! Every list goes as arrays by column and comes back apart with `unnest`: as columns, a row at a time, because each of them
//! in `from` would first be written into a list of its own. What a group has nothing for is left out of its
//! statement: to begin and end writing into a table costs more than a few rows of it, and small groups wait for that.
//! Must not know: what rows mean.

use std::sync::OnceLock;

/// Gives pools' lowest available codes to grants, after the place where the grants are written. The state is looked at
/// again as `state + 0`, so that no plan goes through the index of every available code instead of the key.
macro_rules! bound_codes {
    ($campaign:literal, $pools:literal, $grants:literal, $when:literal) => {
        concat!(
            "needs as (
               select pool, array_agg(grant_number order by place) as grants
               from unnest(",
            $pools,
            "::integer[], ",
            $grants,
            "::bigint[]) with ordinality w (pool, grant_number, place) ",
            $when,
            " group by pool),
             free as materialized (
               select needs.pool, needs.grants, array(select number from (
                   select number from codes
                   where pool = pools.pool and number >= pools.first_available and state = 1
                   order by number limit cardinality(needs.grants) for no key update) c order by number) as numbers
               from needs join pools using (pool)),
             taken as materialized (
               select free.pool, pair.number, pair.grant_number
               from free cross join lateral unnest(free.numbers, free.grants) pair (number, grant_number)
               where pair.number is not null),
             bound as (
               update codes set state = 2, campaign = ",
            $campaign,
            ", grant_number = taken.grant_number
               from taken where codes.pool = taken.pool and codes.number = taken.number and codes.state + 0 = 1
               returning codes.pool, codes.number, codes.grant_number),
             counted as (
               update pools set available = available - b.count, first_available = b.next
               from (select pool, count(*) as count, max(number) + 1 as next from bound group by pool) b
               where pools.pool = b.pool)"
        )
    };
}
pub(super) use bound_codes;

/// What a group has rows for. Few enough that a connection can keep the plans of all combinations.
#[derive(Clone, Copy, Default)]
pub struct Parts(usize);

/// What a statement may leave out.
#[derive(Clone, Copy)]
pub enum Part {
    NewMembers = 1,
    /// With their ledger lines, and the journal.
    NewEvents = 2,
    NewGrants = 4,
    Codes = 8,
    ChangedMembers = 16,
    /// With those that they take the place of.
    NewStandings = 32,
    /// And cycles: what settlements and corrections change.
    ChangedStandings = 64,
}

const COMBINATIONS: usize = 128;

impl Parts {
    pub fn with(self, part: Part, is_needed: bool) -> Parts {
        Parts(self.0 | if is_needed { part as usize } else { 0 })
    }

    fn has(self, part: Part) -> bool {
        self.0 & part as usize != 0
    }
}

/// One text for each combination, made when it is first needed.
type Texts = [OnceLock<String>; COMBINATIONS];

/// Rows that are only new, under keys that nobody else writes.
pub fn new_rows(parts: Parts) -> &'static str {
    static TEXTS: Texts = [const { OnceLock::new() }; COMBINATIONS];
    TEXTS[parts.0].get_or_init(|| {
        let mut tables = new_tables(parts, "");
        tables.push(nothing("more"));
        format!("with {} select 1", tables.join(", "))
    })
}

/// New rows, what changes with every group, and codes for its grants; nothing of it when `unchanged` is empty, because
/// somebody else wrote, or has the lock. How many rows of those that must be there were, and the grants that got codes.
///
/// The head's position is its version: nothing of a campaign changes without raising it. Rows of members and standings
/// name their campaign one by one: given as one value, a planner without statistics may go through the whole campaign
/// and look for each of its rows in the list.
pub fn whole(parts: Parts) -> &'static str {
    static TEXTS: Texts = [const { OnceLock::new() }; COMBINATIONS];
    TEXTS[parts.0].get_or_init(|| {
        let mut tables = vec![UNCHANGED.to_string()];
        tables.extend(new_tables(parts, "from unchanged"));
        if !parts.has(Part::NewGrants) {
            tables.push(nothing("new_grants"));
        }
        tables.push(HEAD.to_string());
        for (part, text, counted) in CHANGES {
            tables.push(if parts.has(part) { text.to_string() } else { nothing(counted) });
        }
        format!("with {} {DONE}", tables.join(", "))
    })
}

/// All of both.
pub fn all() -> impl Iterator<Item = &'static str> {
    (0..COMBINATIONS).map(Parts).flat_map(|parts| [new_rows(parts), whole(parts)])
}

/// `from`: what must not be empty.
fn new_tables(parts: Parts, from: &str) -> Vec<String> {
    let needed = NEW.iter().filter(|table| parts.has(table.part));
    let text = |table: &New| {
        let New { name, into, first, .. } = table;
        let columns: Vec<String> = (*first..).zip(table.types).map(|(place, kind)| format!("unnest(${place}::{kind}[])")).collect();
        format!("{name} as (insert into {into} select {}, {} {from} {})", table.of_all, columns.join(", "), table.end)
    };
    needed.map(text).collect()
}

/// In place of a table that is left out.
fn nothing(table: &str) -> String {
    format!("{table} as (select null::bigint as grant_number where false)")
}

/// New rows of a table.
struct New {
    part: Part,
    name: &'static str,
    /// The table with its columns: those that all rows share, then those of `types`.
    into: &'static str,
    of_all: &'static str,
    /// Parameter of the first array.
    first: usize,
    types: &'static [&'static str],
    end: &'static str,
}

const NEW: [New; 5] = [
    New {
        part: Part::NewMembers,
        name: "new_members",
        into: "members (campaign, member, kind, id, inviter, tally, attributes, cycle, revision, state)",
        of_all: "$1",
        first: 3,
        types: &["bigint", "text", "text", "bigint", "text", "text", "integer", "integer", "text"],
        end: "",
    },
    New {
        part: Part::NewEvents,
        name: "new_events",
        into: "events (campaign, identity, source, id, type, subject, member, at_ms, received_ms, data, body_hash, outcome, reason,
                 once_key, release, position, line)",
        of_all: "$1",
        first: 12,
        types: &[
            "bytea", "text", "text", "text", "text", "bigint", "bigint", "bigint", "text", "bytea", "smallint", "text", "bytea", "integer",
            "bigint", "integer",
        ],
        end: "",
    },
    New {
        part: Part::NewEvents,
        name: "new_postings",
        into: "postings (campaign, position, ordinal, line, member, debit, credit, amount, at_ms, cycle, day)",
        of_all: "$1, $2",
        first: 28,
        types: &["integer", "integer", "bigint", "integer", "integer", "bigint", "bigint", "integer", "integer"],
        end: "",
    },
    New {
        part: Part::NewEvents,
        name: "new_journal",
        into: "journal (campaign, position, line, kind, identity, member, at_ms, body)",
        of_all: "$1, $2",
        first: 53,
        types: &["integer", "smallint", "bytea", "bigint", "bigint", "text"],
        end: "",
    },
    New {
        part: Part::NewGrants,
        name: "new_grants",
        into: "grants (campaign, number, member, reward, function, cause, ordinal, state, held, pool, position, line, rule_line, release,
                 cycle, at_ms, face_value)",
        of_all: "$1",
        first: 37,
        types: &[
            "bigint", "bigint", "integer", "integer", "bytea", "integer", "smallint", "smallint", "integer", "bigint", "integer",
            "integer", "integer", "integer", "bigint", "bigint",
        ],
        end: "returning 1",
    },
];

const UNCHANGED: &str = "locked as materialized (
       select 1 from campaigns where campaign = $1 and position = $90 and $89 for no key update skip locked),
     stock as materialized (
       select pool, available, owed from pools where name = any($91::text[]) and exists (select from locked)
       order by name collate \"C\" for no key update),
     unchanged as materialized (
       select 1 where not $89
       union all select 1 from locked where cardinality($92::integer[]) = (
         select count(*) from stock s
         join unnest($92::integer[], $93::bigint[], $94::bigint[]) v (pool, available, owed)
           on s.pool = v.pool and s.available = v.available and s.owed = v.owed))";

const HEAD: &str = "head as (
       update campaigns set position = $2, last_member = $81, last_grant = $82, closed_through = $83, releases = $84, totals = $85,
         switches = $86
       from unchanged where campaign = $1 returning 1)";

/// And the table of each that is counted.
const CHANGES: [(Part, &str, &str); 4] = [
    (
        Part::ChangedMembers,
        "changed_members as (
           update members m set inviter = v.inviter, tally = v.tally, attributes = v.attributes, cycle = v.cycle, revision = v.revision,
             state = case when v.state is null and (m.cycle, m.revision) = (v.cycle, v.revision) then m.state else v.state end
           from (select unnest($59::integer[]) as campaign, unnest($60::bigint[]) as member, unnest($61::bigint[]) as inviter,
               unnest($62::text[]) as tally, unnest($63::text[]) as attributes, unnest($64::integer[]) as cycle,
               unnest($65::integer[]) as revision, unnest($66::text[]) as state from unchanged) v
           where m.campaign = v.campaign and m.member = v.member returning 1)",
        "changed_members",
    ),
    (
        Part::NewStandings,
        "-- As they were before this statement.
         moved as (
           insert into standings (campaign, cycle, member, revision, state)
           select m.campaign, m.cycle, m.member, m.revision, m.state
           from (select unnest($67::integer[]) as campaign, unnest($68::bigint[]) as member from unchanged) v
             join members m on m.campaign = v.campaign and m.member = v.member
           on conflict (campaign, cycle, member, revision) do update set state = excluded.state returning 1),
         new_standings as (
           insert into standings (campaign, cycle, member, revision, state)
           select $1, unnest($69::integer[]), unnest($70::bigint[]), unnest($71::integer[]), unnest($72::text[]) from unchanged
           on conflict (campaign, cycle, member, revision) do update set state = excluded.state)",
        "moved",
    ),
    (
        Part::ChangedStandings,
        "changed_standings as (
           update standings s set state = v.state
           from (select unnest($73::integer[]) as campaign, unnest($74::integer[]) as cycle, unnest($75::bigint[]) as member,
               unnest($76::integer[]) as revision, unnest($77::text[]) as state from unchanged) v
           where s.campaign = v.campaign and s.cycle = v.cycle and s.member = v.member and s.revision = v.revision returning 1),
         changed_cycles as (
           insert into cycles (campaign, cycle, revision, state)
           select $1, unnest($78::integer[]), unnest($79::integer[]), unnest($80::text[]) from unchanged
           on conflict (campaign, cycle) do update set revision = excluded.revision, state = excluded.state)",
        "changed_standings",
    ),
    (
        Part::Codes,
        // A code is bound to a grant that is there: a count of them waits until they are written.
        bound_codes!("$1", "$87", "$88", "where exists (select from unchanged) and (select count(*) from new_grants) >= 0"),
        "bound",
    ),
];

const DONE: &str = ", done as (
       select (select count(*) from unchanged) as unchanged, (select count(*) from changed_members) as members,
         (select count(*) from changed_standings) as standings, (select count(*) from moved) as moved,
         (select count(*) from head) as heads,
         (select coalesce(array_agg(grant_number), '{}') from bound) as bound)
     select unchanged, members, standings, moved, heads, bound,
       case when $95 and unchanged = 1 then guard_whole(members = cardinality($60) and moved = cardinality($68)
         and standings = cardinality($75) and heads = 1 and cardinality(bound) = cardinality($88)) end
     from done";

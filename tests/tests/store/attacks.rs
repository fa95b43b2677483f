//! Hand-written SQL against the promises: the database itself refuses it and names the row; and with that one defence
//! removed the same SQL goes through, so that each defence is shown to be needed.

use guerdon::store::{ApprovalRow, ProposalEnd, ProposalRow, ProposalState, SettlementRow, SettlementState};
use guerdon_rules::book::rows::{EventRow, GrantRow, GrantState, Held, Outcome};
use guerdon_tests::rows::*;
use guerdon_tests::stores::World;

struct Attack {
    sql: &'static str,
    /// Part of SQLite's message, then of PostgreSQL's.
    says: [&'static str; 2],
    /// What must be dropped for it to go through, on SQLite and on PostgreSQL: triggers, `index NAME`, or `check NAME on TABLE`.
    defended_by: [&'static [&'static str]; 2],
}

/// Both databases say the same and the same trigger defends; PostgreSQL's names its table.
const fn both(sql: &'static str, says: &'static str, sqlite: &'static [&'static str], postgres: &'static [&'static str]) -> Attack {
    Attack { sql, says: [says, says], defended_by: [sqlite, postgres] }
}

const ATTACKS: &[Attack] = &[
    // Codes.
    both(
        "update codes set grant_number = 3 where pool = 1 and number = 1",
        "code 1 of pool jd-20 is issued to grant 1 of campaign 1: it cannot be issued again",
        &["codes_issued"],
        &["codes_owner on codes"],
    ),
    both(
        "update codes set state = 1, campaign = null, grant_number = null where pool = 1 and number = 1",
        "code 1 of pool jd-20 is issued to grant 1 of campaign 1: only a recall makes it available",
        &["codes_free"],
        &["codes_owner on codes"],
    ),
    both(
        "update codes set state = 1, campaign = null, grant_number = null where pool = 1 and number = 2",
        "code 2 of pool jd-20 was revealed to grant 2 of campaign 1: it never changes owner",
        &["codes_free"],
        &["codes_owner on codes"],
    ),
    Attack {
        sql: "update codes set state = 2, campaign = 1, grant_number = 1 where pool = 1 and number = 5",
        says: ["grant 1 of campaign 1 has a code already", "codes_grant"],
        defended_by: [&["codes_second", "index codes_grant"], &["index codes_grant"]],
    },
    both(
        "update codes set state = 2, campaign = 1, grant_number = 3 where pool = 1 and number = 5",
        "code 5 of pool jd-20: grant 3 of campaign 1 is not in the state issued",
        &["codes_owner"],
        &["codes_owner on codes"],
    ),
    both(
        "update codes set state = 2, campaign = 1, grant_number = 6 where pool = 1 and number = 5",
        "code 5 of pool jd-20: grant 6 of campaign 1 is of another pool",
        &["codes_owner"],
        &["codes_owner on codes"],
    ),
    both(
        "update codes set state = 2, campaign = 1, grant_number = 77 where pool = 1 and number = 5",
        "code 5 of pool jd-20: there is no grant 77 in campaign 1",
        &["codes_owner"],
        &["codes_owner on codes"],
    ),
    Attack {
        sql: "insert into codes (pool, number, state, hash, sealed, key, imported_ms) select pool, 99, 1, hash, sealed, 1, 0 from codes where number = 1",
        says: ["codes pool 1 number 99 is there already", "codes_hash"],
        defended_by: [&["codes_replace", "index codes_hash"], &["index codes_hash"]],
    },
    both(
        "insert into codes (pool, number, state, hash, sealed, key, campaign, grant_number, imported_ms)
         select pool, 99, 2, substr(sealed, 17, 32), sealed, 1, 1, 6, 0 from codes where number = 4",
        "code 99 of pool jd-20 is new: it begins available",
        &["codes_begin"],
        &["codes_begin on codes"],
    ),
    both("delete from codes where number = 1", "codes pool 1 number 1 is a code: it is never deleted", &["codes_stay"], &["codes_stay on codes"]),
    both(
        "update codes set hash = substr(sealed, 17, 32) where number = 1",
        "codes pool 1 number 1 is a code: it never changes",
        &["codes_same"],
        &["codes_same on codes"],
    ),
    both(
        "update codes set sealed = hash where number = 1",
        "codes pool 1 number 1 is a code: it never changes",
        &["codes_same"],
        &["codes_same on codes"],
    ),
    // Grants.
    Attack {
        sql: "insert into grants (campaign, number, member, reward, function, cause, ordinal, state, held, pool, position, line, rule_line,
                release, cycle, at_ms, face_value)
              select campaign, 99, member, reward, function, cause, ordinal, 1, 0, pool, position, line, rule_line, release, cycle, at_ms,
                face_value from grants where number = 1",
        says: ["grants campaign 1 number 99 is there already", "grants_key"],
        defended_by: [&["grants_replace", "index grants_key"], &["index grants_key"]],
    },
    both(
        "insert into grants (campaign, number, member, reward, function, cause, ordinal, state, held, position, line, rule_line, release, cycle,
           at_ms, face_value)
         select campaign, 99, member, reward, function, cause, 99, 7, 0, position, line, rule_line, release, cycle, at_ms, face_value
         from grants where number = 1",
        "grant 99 of campaign 1 is new: it begins owed or issued",
        &["grants_begin"],
        &["grants_begin on grants"],
    ),
    both("delete from grants where number = 3", "grants campaign 1 number 3 is a grant: it is never deleted", &["grants_stay"], &["grants_stay on grants"]),
    both("update grants set state = 1 where number = 1", "grant 1 of campaign 1 is issued: it cannot become owed", &["grants_state"], &["grants_state on grants"]),
    both(
        "update grants set state = 2 where number = 4",
        "grant 4 of campaign 1 is recalled: it cannot become issued",
        &["grants_state"],
        &["grants_state on grants"],
    ),
    both(
        "update grants set state = 5 where number = 3",
        "grant 3 of campaign 1 is owed: it cannot become expired",
        &["grants_state"],
        &["grants_state on grants"],
    ),
    both(
        "update grants set state = 6, revealed = 0 where number = 2",
        "grants campaign 1 number 2 was revealed: that is never undone",
        &["grants_revealed"],
        &["grants_revealed on grants"],
    ),
    both(
        "update grants set face_value = 10000 where number = 1",
        "grants campaign 1 number 1 is a grant: only its state changes",
        &["grants_same"],
        &["grants_same on grants"],
    ),
    both(
        "update grants set member = 2 where number = 1",
        "grants campaign 1 number 1 is a grant: only its state changes",
        &["grants_same"],
        &["grants_same on grants"],
    ),
    // Proposals and approvals.
    both(
        "insert into approvals (campaign, proposal, approver, hash, note, at_ms) values (1, 2, 'mia', 'bb', '', 8)",
        "approvals campaign 1 proposal 2 was made by mia: whoever proposes does not approve",
        &["approvals_other"],
        &["approvals_other on approvals"],
    ),
    both(
        "insert into approvals (campaign, proposal, approver, hash, note, at_ms) values (1, 2, 'eve', 'aa', '', 8)",
        "approvals campaign 1 proposal 2 is not open with this content: nothing is approved",
        &["approvals_hash"],
        &["approvals_hash on approvals"],
    ),
    both(
        "insert into approvals (campaign, proposal, approver, hash, note, at_ms) values (1, 1, 'eve', 'aa', '', 8)",
        "approvals campaign 1 proposal 1 is not open with this content: nothing is approved",
        &["approvals_hash"],
        &["approvals_hash on approvals"],
    ),
    both(
        "update approvals set hash = 'cc' where proposal = 2",
        "approvals campaign 1 proposal 2 approver li is an approval: it never changes",
        &["approvals_stay_update"],
        &["approvals_stay on approvals"],
    ),
    both(
        "delete from approvals where proposal = 2",
        "approvals campaign 1 proposal 2 approver li is an approval: it never changes",
        &["approvals_stay_delete"],
        &["approvals_stay on approvals"],
    ),
    both(
        "update proposals set hash = 'cc' where number = 2",
        "proposals campaign 1 number 2 is a proposal: its content never changes",
        &["proposals_same"],
        &["proposals_same on proposals"],
    ),
    both(
        "update proposals set needs = 1 where number = 2",
        "proposals campaign 1 number 2 is a proposal: its content never changes",
        &["proposals_same"],
        &["proposals_same on proposals"],
    ),
    both(
        "update proposals set state = 2, release = 2, ended_ms = 9 where number = 2",
        "proposals campaign 1 number 2 is not approved: it cannot be live",
        &["proposals_approved"],
        &["proposals_approved on proposals"],
    ),
    both(
        "update proposals set ended_why = 'yes' where number = 1",
        "proposals campaign 1 number 1 has ended: that is never undone",
        &["proposals_ended"],
        &["proposals_ended on proposals"],
    ),
    both(
        "delete from proposals where number = 1",
        "proposals campaign 1 number 1 is a proposal: it is never deleted",
        &["proposals_stay"],
        &["proposals_stay on proposals"],
    ),
    Attack {
        sql: "insert into proposals (campaign, number, base, hash, effective, needs, files, plan, author, note, at_ms, state, release, ended_ms)
              select campaign, 9, base, hash, effective, needs, files, plan, author, note, at_ms, 2, 2, 9 from proposals where number = 1",
        // SQLite asks first whether another proposal is open.
        says: ["proposals campaign 1 number 9 cannot be added", "proposals campaign 1 number 9 is new: it begins open"],
        defended_by: [&["proposals_begin", "proposals_replace"], &["proposals_begin on proposals"]],
    },
    Attack {
        sql: "insert into proposals (campaign, number, base, hash, effective, needs, files, plan, author, note, at_ms)
              select campaign, 9, base, hash, effective, needs, files, plan, author, note, at_ms from proposals where number = 2",
        says: ["proposals campaign 1 number 9 cannot be added: that number, or an open proposal, is there already", "proposals_open"],
        defended_by: [&["proposals_replace", "index proposals_open"], &["index proposals_open"]],
    },
    // Ledger and journal.
    both("update postings set amount = 40", "postings campaign 1 position 1 ordinal 1 is a ledger line", &["postings_stay_update"], &["postings_stay on postings"]),
    both("delete from postings", "postings campaign 1 position 1 ordinal 1 is a ledger line", &["postings_stay_delete"], &["postings_stay on postings"]),
    both(
        "update journal set body = '{}' where position = 1",
        "journal campaign 1 position 1 line 1 is a journal line",
        &["journal_stays_update"],
        &["journal_stays on journal"],
    ),
    both(
        "delete from journal where position = 1",
        "journal campaign 1 position 1 line 1 is a journal line",
        &["journal_stays_delete"],
        &["journal_stays on journal"],
    ),
    // Events.
    both("delete from events where id = 'e1'", "events campaign 1 source crm id e1 is an event: it is never deleted", &["events_stay"], &["events_stay on events"]),
    both(
        "update events set outcome = 4 where id = 'e1'",
        "events campaign 1 source crm id e1 outcome 1 is decided",
        &["events_final"],
        &["events_final on events"],
    ),
    both(
        "update events set id = 'other' where id = 'e2'",
        "events campaign 1 source crm id e2 is an event: it keeps its identity",
        &["events_same"],
        &["events_same on events"],
    ),
    both(
        "update events set once_key = null where id = 'e2'",
        "events campaign 1 source crm id e2 has claimed its business key",
        &["events_claim"],
        &["events_claim on events"],
    ),
    Attack {
        sql: "insert into events (campaign, identity, source, id, type, received_ms, data, body_hash, outcome, once_key, release, position, line)
              select campaign, body_hash, source, 'e9', type, 0, data, body_hash, 1, once_key, 1, 1, 9 from events where id = 'e1'",
        says: ["events campaign 1 source crm id e9 is there already", "events_once"],
        defended_by: [&["events_replace", "index events_once"], &["index events_once"]],
    },
    // Members, head, dictionary, releases, settlements.
    both(
        "update members set inviter = 3 where member = 1",
        "members campaign 1 member 1 inviter 2 is invited already",
        &["members_inviter"],
        &["members_inviter on members"],
    ),
    both(
        "update members set id = 'me' where member = 1",
        "members campaign 1 member 1 is a member: it keeps its number and id",
        &["members_same"],
        &["members_same on members"],
    ),
    both(
        "update members set cycle = 1 where member = 2",
        "members campaign 1 member 2 cycle 2 revision 1 is the latest standing: it never goes back",
        &["members_forward"],
        &["members_forward on members"],
    ),
    Attack {
        sql: "update members set state = null where member = 2",
        says: ["CHECK constraint failed", "members_latest"],
        defended_by: [&["check members_latest on members"], &["check members_latest on members"]],
    },
    // As a host from before a latest standing stood beside its member would write.
    both(
        "update standings set state = '[]' where member = 2 and cycle = 2",
        "standings campaign 1 cycle 2 member 2 revision 1 is the member's latest",
        &["standings_latest_update"],
        &["standings_latest on standings"],
    ),
    both(
        "insert into standings (campaign, cycle, member, revision, state) values (1, 3, 2, 1, '[]')",
        "standings campaign 1 cycle 3 member 2 revision 1 is the member's latest",
        &["standings_latest_insert"],
        &["standings_latest on standings"],
    ),
    both("delete from members where member = 1", "members campaign 1 member 1 is a member: it is never deleted", &["members_stay"], &["members_stay on members"]),
    both("update campaigns set position = 0", "campaigns campaign 1 position 2", &["campaigns_forward"], &["campaigns_forward on campaigns"]),
    both("update campaigns set last_grant = 1", "is a head: it never goes back", &["campaigns_forward"], &["campaigns_forward on campaigns"]),
    both("update campaigns set closed_through = -1", "is a head: it never goes back", &["campaigns_forward"], &["campaigns_forward on campaigns"]),
    both("update campaigns set id = 'x'", "campaigns campaign 1 id race is a campaign", &["campaigns_same"], &["campaigns_same on campaigns"]),
    both("update names set name = 'x'", "names campaign 1 code 1 name learning is in the dictionary", &["names_stay_update"], &["names_stay on names"]),
    both("delete from names", "names campaign 1 code 1 name learning is in the dictionary", &["names_stay_delete"], &["names_stay on names"]),
    both("update releases set note = 'x'", "releases campaign 1 number 1 is a release", &["releases_stay_update"], &["releases_stay on releases"]),
    both("delete from releases", "releases campaign 1 number 1 is a release", &["releases_stay_delete"], &["releases_stay on releases"]),
    both("update settlements set fence = 0", "is fenced: a fence never goes back", &["settlements_fence"], &["settlements_fence on settlements"]),
    both("delete from settlements", "is a settlement: it is never deleted", &["settlements_stay"], &["settlements_stay on settlements"]),
];

/// What only one of the databases can do.
const ONLY_SQLITE: &[Attack] = &[
    both(
        "insert or replace into postings select campaign, position, ordinal, line, member, debit, credit, 99, at_ms, cycle, day from postings",
        "postings campaign 1 position 1 ordinal 1 is there already",
        &["postings_replace"],
        &[],
    ),
    both(
        "insert or replace into codes (pool, number, state, hash, sealed, key, imported_ms) select pool, number, 1, hash, sealed, 1, 0 from codes where number = 1",
        "codes pool 1 number 1 is there already",
        &["codes_replace"],
        &[],
    ),
    both(
        "insert or replace into members select campaign, member, kind, id, 3, tally, attributes, cycle, revision, state from members where member = 1",
        "members campaign 1 member 1 is there already",
        &["members_replace"],
        &[],
    ),
    both(
        "update or replace codes set state = 2, campaign = 1, grant_number = 1 where pool = 1 and number = 5",
        "grant 1 of campaign 1 has a code already",
        &["codes_second"],
        &[],
    ),
];
const ONLY_POSTGRES: &[Attack] = &[
    both("truncate proposals", "proposals: a table of the book is never emptied", &[], &["proposals_truncate on proposals"]),
    both("truncate approvals", "approvals: a table of the book is never emptied", &[], &["approvals_truncate on approvals"]),
    both("truncate postings", "postings: a table of the book is never emptied", &[], &["postings_truncate on postings"]),
    both("truncate journal", "journal: a table of the book is never emptied", &[], &["journal_truncate on journal"]),
    both("truncate events", "events: a table of the book is never emptied", &[], &["events_truncate on events"]),
    both("truncate codes", "codes: a table of the book is never emptied", &[], &["codes_truncate on codes"]),
];

/// Grant 1 issued with code 1, 2 revealed with code 2, 3 owed, 4 recalled (its code 3 came back), 6 issued without a pool; codes
/// 3 to 5 available. Member 2 has standings of two cycles.
async fn book(world: &World) {
    let store = &*world.store;
    let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
    store.import_codes("jd-20", &codes(1, 5), 0).await.unwrap();
    let mut open = store.begin(campaign).await.unwrap();
    let pool = open.pools(&["jd-20"]).await.unwrap()[0].pool;
    let mut first = issuing(
        open.head(),
        vec![grant(1, pool), grant(2, pool), owed(3, pool, Held::Stock), grant(4, pool), GrantRow { pool: None, ..grant(6, pool) }],
    );
    first.head.last_member = 3;
    first.new_members = vec![guerdon_rules::book::rows::MemberRow { inviter: Some(2), ..member(1) }, standing_member(2, 2, 1), member(3)];
    first.standings = vec![standing(1, 1, 2), standing(2, 1, 2)];
    first.new_events = vec![event("e1", 1, 1, 1), EventRow { outcome: Outcome::Failed, ..event("e2", 1, 1, 2) }];
    first.postings = vec![posting(1, 1)];
    open.write(&first).await.unwrap();
    open.set_grant_state(2, GrantState::Revealed).await.unwrap();
    open.set_grant_state(4, GrantState::Recalled).await.unwrap();
    open.add_names(1, &["learning".to_string()]).await.unwrap();
    let release = guerdon::store::ReleaseRow {
        number: 1,
        hash: "ab".into(),
        effective_from_ms: 0,
        files: vec![1],
        author: "me".into(),
        note: String::new(),
        at_ms: 0,
        copy_of: None,
    };
    open.add_release(&release).await.unwrap();
    propose(&mut *open).await;
    let settlement = SettlementRow {
        cycle: 1,
        revision: 1,
        state: SettlementState::Done,
        release: 1,
        cursor: 0,
        fence: 0,
        digest: None,
        failed: "[]".into(),
        excess: "[]".into(),
        why: "cycle ended".into(),
    };
    open.put_settlement(&settlement).await.unwrap();
    open.take_lease(1, 1, "a", 60).await.unwrap();
    let second = delta(&first.head);
    open.write(&second).await.unwrap();
    open.commit().await.unwrap();
}

/// Proposal 1 was rejected, 2 is open with one of the two approvals that it needs.
async fn propose(open: &mut dyn guerdon::store::Transaction) {
    let proposal = |number: i32, hash: &str, needs| ProposalRow {
        number,
        base: 1,
        hash: hash.into(),
        effective: "at once".into(),
        needs,
        plan: "{}".into(),
        author: "mia".into(),
        note: String::new(),
        at_ms: 5,
        state: ProposalState::Open,
        end: None,
    };
    open.add_proposal(&proposal(1, "aa", 1), &[1]).await.unwrap();
    let end = ProposalEnd { by: "li".into(), why: "no".into(), at_ms: 6, release: None };
    open.end_proposal(1, ProposalState::Rejected, &end).await.unwrap();
    open.add_proposal(&proposal(2, "bb", 2), &[2]).await.unwrap();
    let approval = ApprovalRow { proposal: 2, approver: "li".into(), hash: "bb".into(), note: String::new(), at_ms: 7 };
    open.add_approval(&approval).await.unwrap();
}

/// SQL that takes a defence away.
fn without(defence: &str, sqlite: bool) -> String {
    match defence.split_once(' ') {
        Some(("index", _)) => format!("drop {defence}"),
        // SQLite cannot drop a check; this connection does without any.
        Some(("check", _)) if sqlite => "pragma ignore_check_constraints = on".to_string(),
        Some(("check", named)) => {
            let (name, table) = named.split_once(" on ").expect("check NAME on TABLE");
            format!("alter table {table} drop constraint {name}")
        }
        _ => format!("drop trigger {defence}"),
    }
}

async fn defend(world: &World, attacks: &[Attack]) {
    let side = usize::from(!world.is_sqlite());
    let before = world.dump().await;
    for attack in attacks {
        let message = world.attack(&[attack.sql], true).await.expect_err(attack.sql);
        assert!(message.contains(attack.says[side]), "{}: {message}", attack.sql);
        let drops: Vec<String> = attack.defended_by[side].iter().map(|defence| without(defence, world.is_sqlite())).collect();
        let statements: Vec<&str> = drops.iter().map(String::as_str).chain([attack.sql]).collect();
        let through = world.attack(&statements, false).await;
        assert!(
            matches!(through, Ok(rows) if rows > 0 || attack.sql.starts_with("truncate")),
            "without {drops:?}, {}: {through:?}",
            attack.sql
        );
    }
    assert_eq!(world.dump().await, before, "attacks leave nothing");
}

#[tokio::test]
async fn sqlite_refuses_by_itself() {
    let world = World::sqlite().await;
    book(&world).await;
    defend(&world, ATTACKS).await;
    defend(&world, ONLY_SQLITE).await;
}

#[tokio::test]
async fn postgres_refuses_by_itself() {
    let world = World::postgres().await;
    book(&world).await;
    defend(&world, ATTACKS).await;
    defend(&world, ONLY_POSTGRES).await;
}

/// What an operator may do: recall, then the code goes to somebody else; seal a code with a new key.
#[tokio::test]
async fn what_is_allowed_goes_through() {
    guerdon_tests::stores::on_both(async |world| {
        book(world).await;
        world.sql("update grants set state = 6 where number = 1").await;
        world.sql("update codes set state = 1, campaign = null, grant_number = null where pool = 1 and number = 1").await;
        world.sql("update codes set sealed = hash, key = 2 where pool = 1 and number = 5").await;
        world.sql("update events set outcome = 1 where id = 'e2'").await;
    })
    .await;
}

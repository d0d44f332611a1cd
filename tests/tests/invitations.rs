//! Who is let in by an invitation, and what becomes of those who are let in against its terms.

use ed25519_dalek::Signer;
use trellis_core::error::CommandError;
use trellis_core::input::{
    Command, Connection, Edit, Guests, Input, Interest, InvitationProof, InvitationTerms, Joining, LinkId, Role, Side,
};
use trellis_core::link::message::{Message, RepoTag, TroubleCode};
use trellis_core::log::row::StoredOp;
use trellis_core::machine::KeyUse;
use trellis_core::op::id::{Author, OpId, RepoId};
use trellis_core::op::invitation::invited_message;
use trellis_core::op::json::Value;
use trellis_core::op::kind::{Format, Kind};
use trellis_core::output::{Answer, Event, Invitation, LinkEvent, Member};
use trellis_core::time::{Hlc, Millis};
use trellis_tests::dice::Dice;
use trellis_tests::hand::{Hand, ORIGIN, Way, trouble};
use trellis_tests::host::{MemoryHost, REPO, START, author_of, test_key, written};
use trellis_tests::sealed::Draft;

const ANN: u64 = 1;
const BOB: u64 = 2;
const READER: u64 = 3;
const GUEST: u64 = 77;
const OTHER: u64 = 78;
/// The invitation's key.
const SECRET: u64 = 900;
const DAY: u64 = 86_400_000;

fn key(number: u64) -> Author {
    author_of(&test_key(number))
}

fn terms() -> InvitationTerms {
    InvitationTerms { role: Role::Writer, until: Millis(START.0 + DAY), uses: 1, name: None }
}

/// Ann's repo, in which Bob may write and a reader read, and which all three have.
fn repo() -> (MemoryHost, MemoryHost, MemoryHost, RepoId) {
    let (mut ann, mut bob, mut reader) = (MemoryHost::new(ANN), MemoryHost::new(BOB), MemoryHost::new(READER));
    let repo = ann.create().into();
    ann.put("notes", "1", Value::from(1));
    let add = |number, role| Edit::AddMember { author: key(number), name: "x".into(), role };
    written(ann.write(REPO, vec![add(BOB, Role::Writer), add(READER, Role::Reader)]));
    ann.send_to(&mut bob);
    ann.send_to(&mut reader);
    (ann, bob, reader, repo)
}

fn invite(host: &mut MemoryHost, terms: InvitationTerms) {
    written(host.write(REPO, vec![Edit::Invite { key: key(SECRET), terms }]));
}

fn proof(repo: RepoId, guest: u64) -> InvitationProof {
    let signature = test_key(SECRET).sign(&invited_message(&repo, &key(guest))).to_bytes();
    InvitationProof { key: key(SECRET), signature }
}

/// A peer that shows a proof where only members are let in; returns why it is turned away.
fn knock(host: &mut MemoryHost, link: u64, guest: u64, repo: RepoId, proof: InvitationProof) -> Option<TroubleCode> {
    let joining = Some(Joining { repo, proof });
    let way = Way { key: guest, guests: Guests::Members, joining, ..Way::default() };
    let mut hand = Hand::dial(host, link, &way);
    let auth = hand.prove(host, Some(RepoTag::of(&repo))).expect("welcomed");
    trouble(&hand.say(host, &Message::Auth(auth)))
}

fn members(host: &mut MemoryHost) -> Vec<Member> {
    match host.run(Command::Members) {
        Ok(Answer::Members(members)) => members,
        other => panic!("{other:?}"),
    }
}

fn member(host: &mut MemoryHost, number: u64) -> Option<Member> {
    members(host).into_iter().find(|member| member.author == key(number) && member.role.is_some())
}

fn role(host: &mut MemoryHost, number: u64) -> Option<Role> {
    member(host, number)?.role
}

fn invitation(host: &mut MemoryHost) -> Invitation {
    match host.run(Command::Invitations) {
        Ok(Answer::Invitations(invitations)) => invitations.into_iter().next().expect("there is one"),
        other => panic!("{other:?}"),
    }
}

fn ops(host: &mut MemoryHost) -> Vec<StoredOp> {
    match host.run(Command::Export { known: Vec::new() }) {
        Ok(Answer::Ops(ops)) => ops,
        other => panic!("{other:?}"),
    }
}

/// Links two hosts, of which the first dials, and passes on what they say until nobody says anything more.
fn link(guest: &mut MemoryHost, host: &mut MemoryHost, joining: Option<Joining>, guests: Guests) -> Vec<Event> {
    let id = LinkId(9);
    let end = |side, nonce, joining| Connection {
        side,
        nonce: [nonce; 32],
        origin: ORIGIN.into(),
        binding: b"channel".to_vec(),
        expected: None,
        guests,
        is_relay: false,
        joining,
        interest: Interest::default(),
    };
    host.give(Input::Connected(id, end(Side::Responder, 1, None)));
    guest.give(Input::Connected(id, end(Side::Initiator, 2, joining)));
    loop {
        let (from_guest, from_host) = (std::mem::take(&mut guest.sent), std::mem::take(&mut host.sent));
        if from_guest.is_empty() && from_host.is_empty() {
            break;
        }
        from_guest.into_iter().filter_map(|(_, frame)| frame).for_each(|frame| host.give(Input::Received(id, frame)));
        from_host.into_iter().filter_map(|(_, frame)| frame).for_each(|frame| guest.give(Input::Received(id, frame)));
    }
    host.give(Input::Disconnected(id));
    guest.give(Input::Disconnected(id));
    std::mem::take(&mut host.events)
}

/// A `put` in `_members` by whoever has the key, on top of what stands on `_repo` among these ops.
fn forged(by: u64, whom: u64, body: &str, after: &[StoredOp], at: Option<Millis>) -> StoredOp {
    let read: Vec<_> =
        after.iter().map(|op| op.rehash().expect("an op")).filter(|op| op.header().branch == REPO).collect();
    let named: Vec<OpId> =
        read.iter().flat_map(|op| op.header().parents.iter().chain(op.header().prev).collect::<Vec<_>>()).collect();
    let own = read.iter().filter(|op| op.header().author == key(by)).max_by_key(|op| op.header().seq);
    let clock = read.iter().map(|op| op.header().hlc.0 + 1).max().expect("a genesis");
    Draft {
        repo: Some(read[0].header().repo.unwrap_or(read[0].id().into())),
        branch: REPO.into(),
        author: key(by),
        seq: own.map_or(1, |own| own.header().seq + 1),
        prev: own.map(|own| own.id()),
        hlc: Hlc(clock.max(at.map_or(0, |at| at.0 << 16))),
        parents: read.iter().map(|op| op.id()).filter(|id| !named.contains(id)).collect(),
        collection: "_members".into(),
        key: key(whom).to_string(),
        base: read.iter().filter(|op| op.header().key == key(whom).to_string()).map(|op| op.id()).collect(),
        kind: Kind::Put,
        body: Some((Format::Json, body.as_bytes().to_vec())),
        schema: None,
        actor: None,
    }
    .seal()
    .signed(&test_key(by))
    .stored()
}

fn invited(role: &str, proof: &InvitationProof) -> String {
    let signature: String = proof.signature.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(r#"{{"invitation":"{}","proof":"{signature}","role":"{role}"}}"#, proof.key)
}

fn take(host: &mut MemoryHost, op: StoredOp) {
    match host.run(Command::Import(vec![op])) {
        Ok(Answer::Imported(report)) => assert_eq!(report.admitted.len(), 1, "{report:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_shows_an_invitation_joins_and_writes() {
    let (mut ann, _, _, repo) = repo();
    invite(&mut ann, InvitationTerms { name: Some("Gus".into()), ..terms() });
    let mut guest = MemoryHost::new(GUEST);
    let joining = Some(Joining { repo, proof: proof(repo, GUEST) });
    let events = link(&mut guest, &mut ann, joining, Guests::Members);
    assert!(events.contains(&Event::Link(LinkId(9), LinkEvent::Joined { invitation: key(SECRET) })), "{events:?}");
    for host in [&mut ann, &mut guest] {
        let member = member(host, GUEST).expect("a member");
        assert_eq!((member.role, member.name.as_deref()), (Some(Role::Writer), Some("Gus")));
        assert_eq!(member.joined.map(|joined| (joined.invitation, joined.is_extra)), Some((key(SECRET), false)));
        assert_eq!(invitation(host).joined, [key(GUEST)]);
    }
    let op = guest.put("notes", "2", Value::from(2));
    guest.send_to(&mut ann);
    let Ok(Answer::Log(log)) = ann.run(Command::Show(vec![op])) else { panic!("a log") };
    assert!(log[0].is_effective);
    // From now on no invitation is needed.
    let mut again = guest.reopened();
    let events = link(&mut again, &mut ann, None, Guests::Members);
    assert!(!events.iter().any(|event| matches!(event, Event::Link(_, LinkEvent::Closed(_)))), "{events:?}");
}

#[test]
fn an_invitation_is_used_up() {
    let (mut ann, _, _, repo) = repo();
    invite(&mut ann, InvitationTerms { uses: 2, ..terms() });
    for (link, guest) in [(1, GUEST), (2, OTHER)] {
        assert_eq!(knock(&mut ann, link, guest, repo, proof(repo, guest)), None);
    }
    assert_eq!(knock(&mut ann, 3, 79, repo, proof(repo, 79)), Some(TroubleCode::AuthFailed));
    assert_eq!(role(&mut ann, 79), None);
    assert_eq!(invitation(&mut ann).joined, [key(GUEST), key(OTHER)]);
    // Who is a member already uses nothing up.
    assert_eq!(knock(&mut ann, 4, GUEST, repo, proof(repo, GUEST)), None);
    assert_eq!(invitation(&mut ann).joined.len(), 2);
}

#[test]
fn an_invitation_expires() {
    let (mut ann, _, _, repo) = repo();
    invite(&mut ann, InvitationTerms { uses: 2, ..terms() });
    ann.now = terms().until;
    assert_eq!(knock(&mut ann, 1, GUEST, repo, proof(repo, GUEST)), None);
    ann.now = Millis(terms().until.0 + 1);
    assert_eq!(knock(&mut ann, 2, OTHER, repo, proof(repo, OTHER)), Some(TroubleCode::AuthFailed));
}

#[test]
fn a_revoked_invitation_lets_nobody_in() {
    let (mut ann, _, _, repo) = repo();
    invite(&mut ann, InvitationTerms { uses: 2, ..terms() });
    assert_eq!(knock(&mut ann, 1, GUEST, repo, proof(repo, GUEST)), None);
    assert_eq!(written(ann.write(REPO, vec![Edit::Revoke { key: key(SECRET) }])).len(), 1);
    assert_eq!(knock(&mut ann, 2, OTHER, repo, proof(repo, OTHER)), Some(TroubleCode::AuthFailed));
    assert_eq!(role(&mut ann, GUEST), Some(Role::Writer), "who has joined stays");
    assert!(invitation(&mut ann).is_revoked);
    assert_eq!(written(ann.write(REPO, vec![Edit::Revoke { key: key(SECRET) }])), []);
    assert_eq!(ann.write(REPO, vec![Edit::Revoke { key: key(GUEST) }]), Err(CommandError::NoInvitation(key(GUEST))));
}

#[test]
fn proofs_that_prove_nothing_are_turned_away() {
    let (mut ann, _, _, repo) = repo();
    invite(&mut ann, terms());
    let good = proof(repo, GUEST);
    let forged = InvitationProof { signature: [7; 64], ..good };
    let bare = InvitationProof { signature: test_key(SECRET).sign(&key(GUEST).0).to_bytes(), ..good };
    let unknown = InvitationProof {
        key: key(901),
        signature: test_key(901).sign(&invited_message(&repo, &key(GUEST))).to_bytes(),
    };
    let of_another_repo = proof(RepoId([9; 32]), GUEST);
    for (number, shown) in [forged, bare, unknown, of_another_repo, proof(repo, OTHER)].into_iter().enumerate() {
        assert_eq!(knock(&mut ann, number as u64, GUEST, repo, shown), Some(TroubleCode::AuthFailed), "{number}");
    }
    assert_eq!(role(&mut ann, GUEST), None);
    assert_eq!(knock(&mut ann, 9, GUEST, repo, good), None);
}

/// Who hears a proof has nothing: it is for one key and one repo, and what the guest said is of one link.
#[test]
fn token_theft() {
    let (mut ann, _, _, repo) = repo();
    invite(&mut ann, InvitationTerms { uses: 9, ..terms() });
    let mut elsewhere = MemoryHost::new(ANN);
    let other =
        elsewhere.run(Command::Create { name: "other".into(), nonce: [5; 32] }).map(|answer| written(Ok(answer))[0]);
    let other: RepoId = other.expect("another repo of Ann's").into();
    invite(&mut elsewhere, InvitationTerms { uses: 9, ..terms() });
    let stolen = proof(repo, GUEST);
    assert_eq!(knock(&mut ann, 1, OTHER, repo, stolen), Some(TroubleCode::AuthFailed), "by another key");
    assert_eq!(knock(&mut elsewhere, 1, GUEST, other, stolen), Some(TroubleCode::AuthFailed), "in another repo");
    let joining = Some(Joining { repo, proof: stolen });
    let way = Way { key: GUEST, guests: Guests::Members, joining, ..Way::default() };
    let auth = Hand::dial(&mut elsewhere, 2, &way).prove(&mut elsewhere, None).expect("welcomed");
    // The host's own words are part of what was signed, and they are others.
    ann.now = Millis(ann.now.0 + 1);
    let mut thief = Hand::dial(&mut ann, 2, &Way { key: OTHER, guests: Guests::Members, ..Way::default() });
    thief.prove(&mut ann, Some(RepoTag::of(&repo))).expect("welcomed");
    assert_eq!(trouble(&thief.say(&mut ann, &Message::Auth(auth))), Some(TroubleCode::AuthFailed), "on another link");
    assert_eq!([GUEST, OTHER].map(|number| role(&mut ann, number)), [None, None]);
    assert_eq!([GUEST, OTHER].map(|number| role(&mut elsewhere, number)), [None, None]);
    assert_eq!(knock(&mut ann, 3, GUEST, repo, stolen), None);
}

#[test]
fn an_invitation_to_another_repo_is_no_way_into_this_one() {
    let (mut ann, ..) = repo();
    invite(&mut ann, terms());
    let elsewhere = RepoId([9; 32]);
    assert_eq!(knock(&mut ann, 1, GUEST, elsewhere, proof(elsewhere, GUEST)), Some(TroubleCode::AuthFailed));
}

#[test]
fn a_writer_lets_in_and_a_reader_does_not() {
    let (mut ann, mut bob, mut reader, repo) = repo();
    invite(&mut ann, InvitationTerms { uses: 9, ..terms() });
    ann.send_to(&mut bob);
    ann.send_to(&mut reader);
    assert_eq!(knock(&mut reader, 1, GUEST, repo, proof(repo, GUEST)), Some(TroubleCode::AuthFailed));
    assert_eq!(knock(&mut bob, 1, GUEST, repo, proof(repo, GUEST)), None);
    bob.send_to(&mut ann);
    assert_eq!(role(&mut ann, GUEST), Some(Role::Writer));
    let op = forged(READER, OTHER, &invited("writer", &proof(repo, OTHER)), &ops(&mut ann), None);
    take(&mut ann, op);
    assert_eq!(role(&mut ann, OTHER), None);
}

#[test]
fn who_was_let_in_lets_in() {
    let (mut ann, _, _, repo) = repo();
    invite(&mut ann, InvitationTerms { uses: 2, ..terms() });
    let mut guest = MemoryHost::new(GUEST);
    link(&mut guest, &mut ann, Some(Joining { repo, proof: proof(repo, GUEST) }), Guests::Members);
    assert_eq!(knock(&mut guest, 1, OTHER, repo, proof(repo, OTHER)), None);
    guest.send_to(&mut ann);
    assert_eq!(role(&mut ann, OTHER), Some(Role::Writer));
}

#[test]
fn where_anyone_is_let_in_an_invitation_still_makes_a_member() {
    let (mut ann, _, _, repo) = repo();
    invite(&mut ann, terms());
    for guest in [GUEST, OTHER] {
        let joining = Some(Joining { repo, proof: proof(repo, guest) });
        link(&mut MemoryHost::new(guest), &mut ann, joining, Guests::Anyone);
    }
    assert_eq!((role(&mut ann, GUEST), role(&mut ann, OTHER)), (Some(Role::Writer), None));
}

#[test]
fn a_reader_that_joined_can_not_write() {
    let (mut ann, _, _, repo) = repo();
    invite(&mut ann, InvitationTerms { role: Role::Reader, ..terms() });
    let mut guest = MemoryHost::new(GUEST);
    link(&mut guest, &mut ann, Some(Joining { repo, proof: proof(repo, GUEST) }), Guests::Members);
    assert_eq!(role(&mut guest, GUEST), Some(Role::Reader));
    let edit = Edit::Entity {
        collection: "notes".into(),
        key: "1".into(),
        change: trellis_core::input::Change::Delete,
        base: trellis_core::input::Base::Shown,
    };
    assert_eq!(guest.write("main", vec![edit]), Err(CommandError::NotPermitted));
}

/// What a member who is no owner writes beyond an invitation's terms has no effect, on any replica.
#[test]
fn nobody_gives_more_than_an_invitation_does() {
    let (mut ann, _, _, repo) = repo();
    let before = ops(&mut ann);
    invite(&mut ann, InvitationTerms { role: Role::Reader, uses: 9, ..terms() });
    let after = ops(&mut ann);
    let shown = proof(repo, GUEST);
    let late = Some(Millis(terms().until.0 + 1));
    let unproven = format!(r#"{{"invitation":"{}","role":"reader"}}"#, key(SECRET));
    for (what, op) in [
        ("an owner", forged(BOB, GUEST, &invited("owner", &shown), &after, None)),
        ("a writer by a reader's invitation", forged(BOB, GUEST, &invited("writer", &shown), &after, None)),
        ("another's proof", forged(BOB, GUEST, &invited("reader", &proof(repo, OTHER)), &after, None)),
        ("another repo's proof", forged(BOB, GUEST, &invited("reader", &proof(RepoId([9; 32]), GUEST)), &after, None)),
        ("no proof", forged(BOB, GUEST, &unproven, &after, None)),
        ("no invitation", forged(BOB, GUEST, r#"{"role":"reader"}"#, &after, None)),
        ("before the invitation was seen", forged(BOB, GUEST, &invited("reader", &shown), &before, None)),
        ("after it expired", forged(BOB, GUEST, &invited("reader", &shown), &after, late)),
        ("by nobody", forged(OTHER, GUEST, &invited("reader", &shown), &after, None)),
    ] {
        let mut replica = ann.clone();
        replica.now = Millis(START.0 + 2 * DAY);
        take(&mut replica, op);
        assert_eq!(role(&mut replica, GUEST), None, "{what}");
        assert!(invitation(&mut replica).joined.is_empty(), "{what}");
    }
    let op = forged(BOB, GUEST, &invited("reader", &shown), &after, Some(terms().until));
    ann.now = terms().until;
    take(&mut ann, op);
    assert_eq!(role(&mut ann, GUEST), Some(Role::Reader), "within its terms");
}

#[test]
fn terms_that_no_invitation_has_are_refused() {
    let (mut ann, mut bob, ..) = repo();
    let edit = |terms| vec![Edit::Invite { key: key(SECRET), terms }];
    for terms in [
        InvitationTerms { role: Role::Owner, ..terms() },
        InvitationTerms { uses: 0, ..terms() },
        InvitationTerms { uses: 1001, ..terms() },
        InvitationTerms { name: Some(String::new()), ..terms() },
    ] {
        assert_eq!(ann.write(REPO, edit(terms)), Err(CommandError::BadInvitation));
    }
    assert_eq!(bob.write(REPO, edit(terms())), Err(CommandError::NotPermitted));
    assert_eq!(ann.write("main", edit(terms())), Err(CommandError::Reserved));
}

/// An owner's word about a key weighs more than an invitation, before, beside and after it.
#[test]
fn what_an_owner_says_of_a_key_stands() {
    let (mut ann, mut bob, _, repo) = repo();
    invite(&mut ann, InvitationTerms { uses: 9, ..terms() });
    ann.send_to(&mut bob);
    let shown = proof(repo, GUEST);
    assert_eq!(knock(&mut bob, 1, GUEST, repo, shown), None);
    let beside = |edit: Edit| {
        let (mut ann, mut bob) = (ann.clone(), bob.clone());
        written(ann.write(REPO, vec![edit]));
        bob.send_to(&mut ann);
        role(&mut ann, GUEST)
    };
    let add = |role| Edit::AddMember { author: key(GUEST), name: "Gus".into(), role };
    assert_eq!(beside(add(Role::Reader)), Some(Role::Reader));
    assert_eq!(beside(add(Role::Owner)), Some(Role::Owner));
    bob.send_to(&mut ann);
    written(ann.write(REPO, vec![add(Role::Reader)]));
    take_over(&mut ann, repo, Some(Role::Reader));
    written(ann.write(REPO, vec![Edit::RemoveMember { author: key(GUEST) }]));
    take_over(&mut ann, repo, None);
    assert_eq!(knock(&mut ann, 1, GUEST, repo, shown), Some(TroubleCode::AuthFailed));
}

/// Bob writes the invitation once more on top of an owner's word, which stands.
fn take_over(ann: &mut MemoryHost, repo: RepoId, expected: Option<Role>) {
    let op = forged(BOB, GUEST, &invited("writer", &proof(repo, GUEST)), &ops(ann), None);
    take(ann, op);
    assert_eq!(role(ann, GUEST), expected);
}

/// What somebody wrote who joined and was removed keeps its effect up to the cut.
#[test]
fn a_removal_leaves_what_was_written_before() {
    let (mut ann, _, _, repo) = repo();
    invite(&mut ann, terms());
    let mut guest = MemoryHost::new(GUEST);
    link(&mut guest, &mut ann, Some(Joining { repo, proof: proof(repo, GUEST) }), Guests::Members);
    let kept = guest.put("notes", "2", Value::from(2));
    guest.send_to(&mut ann);
    written(ann.write(REPO, vec![Edit::RemoveMember { author: key(GUEST) }]));
    let lost = guest.put("notes", "3", Value::from(3));
    guest.send_to(&mut ann);
    let Ok(Answer::Log(log)) = ann.run(Command::Show(vec![kept, lost])) else { panic!("a log") };
    assert_eq!(log.iter().map(|op| op.is_effective).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_put_that_saw_the_revocation_has_no_effect_and_one_beside_it_has() {
    let (mut ann, mut bob, _, repo) = repo();
    invite(&mut ann, InvitationTerms { uses: 9, ..terms() });
    ann.send_to(&mut bob);
    written(ann.write(REPO, vec![Edit::Revoke { key: key(SECRET) }]));
    assert_eq!(knock(&mut bob, 1, GUEST, repo, proof(repo, GUEST)), None);
    bob.send_to(&mut ann);
    assert_eq!(role(&mut ann, GUEST), Some(Role::Writer));
    let op = forged(BOB, OTHER, &invited("writer", &proof(repo, OTHER)), &ops(&mut ann), None);
    take(&mut ann, op);
    assert_eq!(role(&mut ann, OTHER), None);
}

#[test]
fn more_who_join_at_once_stay_and_are_shown() {
    let (mut ann, mut bob, _, repo) = repo();
    invite(&mut ann, terms());
    ann.send_to(&mut bob);
    ann.now = Millis(START.0 + 10);
    assert_eq!(knock(&mut bob, 1, GUEST, repo, proof(repo, GUEST)), None);
    assert_eq!(knock(&mut ann, 1, OTHER, repo, proof(repo, OTHER)), None);
    ann.send_to(&mut bob);
    bob.send_to(&mut ann);
    for host in [&mut ann, &mut bob] {
        let extra = |host: &mut MemoryHost, number| member(host, number).and_then(|member| member.joined);
        assert_eq!(extra(host, GUEST).map(|joined| joined.is_extra), Some(false));
        assert_eq!(extra(host, OTHER).map(|joined| joined.is_extra), Some(true));
        assert_eq!(invitation(host).joined, [key(GUEST), key(OTHER)]);
    }
}

#[test]
fn one_key_that_joins_at_two_hosts_joins_once() {
    let (mut ann, mut bob, _, repo) = repo();
    invite(&mut ann, InvitationTerms { uses: 2, ..terms() });
    ann.send_to(&mut bob);
    assert_eq!(knock(&mut bob, 1, GUEST, repo, proof(repo, GUEST)), None);
    assert_eq!(knock(&mut ann, 1, GUEST, repo, proof(repo, GUEST)), None);
    bob.send_to(&mut ann);
    assert_eq!(invitation(&mut ann).joined, [key(GUEST)]);
    assert_eq!(knock(&mut ann, 2, OTHER, repo, proof(repo, OTHER)), None);
}

/// Whoever gets the ops in another order has the same members.
#[test]
fn the_order_of_arrival_changes_nothing() {
    let (mut ann, mut bob, _, repo) = repo();
    invite(&mut ann, InvitationTerms { uses: 2, ..terms() });
    ann.send_to(&mut bob);
    for (host, link, guest) in [(&mut bob, 1, GUEST), (&mut ann, 1, OTHER)] {
        assert_eq!(knock(host, link, guest, repo, proof(repo, guest)), None);
    }
    bob.send_to(&mut ann);
    written(ann.write(REPO, vec![Edit::Revoke { key: key(SECRET) }]));
    let op = forged(BOB, 79, &invited("writer", &proof(repo, 79)), &ops(&mut ann), None);
    take(&mut ann, op);
    let (all, expected) = (ops(&mut ann), members(&mut ann));
    let mut dice = Dice::new(7);
    for _ in 0..20 {
        let mut shuffled = all.clone();
        dice.shuffle(&mut shuffled);
        let mut replica = MemoryHost::new(OTHER);
        // What nothing vouches for yet is dropped, and comes once more with all the others.
        for part in shuffled.chunks(4).chain([&shuffled[..]]) {
            replica.run(Command::Import(part.to_vec())).expect("an import is answered");
        }
        assert_eq!(members(&mut replica), expected);
        assert_eq!(members(&mut replica.reopened()), expected);
    }
}

/// The first invitation ends that everybody may write, as the first member does, and nobody who wrote loses by it.
#[test]
fn the_first_invitation_makes_members() {
    let (mut ann, mut bob) = (MemoryHost::new(ANN), MemoryHost::new(BOB));
    ann.create();
    ann.put("notes", "1", Value::from(1));
    ann.send_to(&mut bob);
    bob.put("notes", "2", Value::from(2));
    bob.send_to(&mut ann);
    invite(&mut ann, terms());
    assert_eq!((role(&mut ann, ANN), role(&mut ann, BOB)), (Some(Role::Owner), Some(Role::Writer)));
    let mut eve = MemoryHost::new(OTHER);
    ann.send_to(&mut eve);
    let edit = Edit::Entity {
        collection: "notes".into(),
        key: "1".into(),
        change: trellis_core::input::Change::Delete,
        base: trellis_core::input::Base::Shown,
    };
    assert_eq!(eve.write("main", vec![edit]), Err(CommandError::NotPermitted));
}

/// A device of the owner that took a new key goes on governing, whoever becomes a member, and nobody demotes it by an
/// invitation.
#[test]
fn a_new_key_of_the_owner_stays_an_owners() {
    let mut ann = MemoryHost::new(ANN);
    let repo: RepoId = ann.create().into();
    ann.put("notes", "1", Value::from(1));
    let mut copy = MemoryHost::open(ANN, ann.rows.clone(), START, KeyUse::Copied);
    copy.put("notes", "2", Value::from(2));
    let successor = copy.author();
    assert_ne!(successor, key(ANN));
    let add = Edit::AddMember { author: key(BOB), name: "Bob".into(), role: Role::Writer };
    written(copy.write(REPO, vec![add]));
    invite(&mut copy, terms());
    let signature = test_key(SECRET).sign(&invited_message(&repo, &successor)).to_bytes();
    let shown = InvitationProof { key: key(SECRET), signature };
    let after = ops(&mut copy);
    let mut op = Draft::of(&sealed(&forged(BOB, GUEST, &invited("writer", &shown), &after, None)));
    op.key = successor.to_string();
    take(&mut copy, op.seal().signed(&test_key(BOB)).stored());
    let role = members(&mut copy).into_iter().find(|member| member.author == successor).and_then(|member| member.role);
    assert_eq!(role, Some(Role::Owner));
}

fn sealed(op: &StoredOp) -> trellis_tests::sealed::SealedOp {
    let id = OpId::of_header(&op.header);
    let (header, body, signature) = (op.header.clone(), op.body.clone(), op.signature);
    trellis_tests::sealed::SealedOp { id, header, body, signature }
}

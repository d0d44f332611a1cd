//! Two repos of records diverge, conflict, and agree again.

use super::Check::{SameDetail, Shows};
use super::Exit::{ConflictsOpen, Done};
use super::{Check, Step, Story, step};

pub(super) const STORY: Story = Story { name: "records", steps: STEPS, equal: EQUAL, equal_folders: &[] };

const STEPS: &[Step] = &[
    step("Ann begins a repo.", &["init", "ann", "--name", "notes"], Done, &[]),
    step(
        "She writes a note.",
        &["-C", "ann", "set", "notes/1", r#"{"title": "Calm", "stars": 3}"#],
        Done,
        &[Shows("notes/1")],
    ),
    step("Bob takes a copy. From here on neither knows what the other does.", &["clone", "ann", "bob"], Done, &[]),
    step("Ann changes the title.", &["-C", "ann", "set", "notes/1/title", "Calm sea"], Done, &[]),
    step("Ann writes another note.", &["-C", "ann", "set", "notes/2/title", "Harbour"], Done, &[]),
    step("Bob changes the title too.", &["-C", "bob", "set", "notes/1/title", "Storm"], Done, &[]),
    step("Bob changes what Ann has not touched.", &["-C", "bob", "set", "notes/1/stars", "5"], Done, &[]),
    step(
        "Ann looks at what a merge would do. Exit code 2 says that a conflict would be open.",
        &["-C", "ann", "sync", "reconcile", "--remote", "../bob"],
        ConflictsOpen,
        &[
            Shows("Would take 2 ops from ../bob and give it 2 ops."),
            Shows("\"Calm\""),
            Shows("\"Calm sea\""),
            Shows("\"Storm\""),
            Shows("1 conflict would be open."),
        ],
    )
    .keeps("the preview"),
    step(
        "She does it. The conflict is the one that the preview showed.",
        &["-C", "ann", "sync", "reconcile", "--remote", "../bob", "--apply"],
        ConflictsOpen,
        &[Shows("Took 2 ops from ../bob and gave it 2 ops."), SameDetail("the preview"), Shows("1 conflict open.")],
    ),
    step(
        "Ann sees the conflict with both sides.",
        &["-C", "ann", "conflicts"],
        ConflictsOpen,
        &[SameDetail("the preview")],
    )
    .keeps("Ann's conflicts"),
    step("Bob sees the same.", &["-C", "bob", "conflicts"], ConflictsOpen, &[SameDetail("the preview")])
        .keeps("Bob's conflicts"),
    step(
        "Bob takes Ann's title.",
        &["-C", "bob", "resolve", "notes/1/title", "--take", "A"],
        Done,
        &[Shows("No conflicts are left.")],
    ),
    step(
        "Bob brings Ann what he decided.",
        &["-C", "bob", "sync", "reconcile", "--remote", "../ann", "--apply"],
        Done,
        &[Shows("Took 0 ops from ../ann and gave it 1 op.")],
    ),
    step("Ann has her title, and Bob's stars.", &["-C", "ann", "get", "notes/1"], Done, NOTE).keeps("Ann's note"),
    step("So has Bob.", &["-C", "bob", "get", "notes/1"], Done, NOTE).keeps("Bob's note"),
    step("This is all that happened, as Ann has it.", &["-C", "ann", "log", "--verbose"], Done, &[]).keeps("Ann's log"),
    step("And as Bob has it.", &["-C", "bob", "log", "--verbose"], Done, &[]).keeps("Bob's log"),
    step("Every id, signature and link of Ann's repo is right.", &["-C", "ann", "verify"], Done, &[])
        .keeps("Ann's check"),
    step("So is Bob's.", &["-C", "bob", "verify"], Done, &[]).keeps("Bob's check"),
];

const NOTE: &[Check] = &[Shows("\"title\": \"Calm sea\""), Shows("\"stars\": 5")];

const EQUAL: &[[&str; 2]] = &[
    ["Ann's conflicts", "Bob's conflicts"],
    ["Ann's note", "Bob's note"],
    ["Ann's log", "Bob's log"],
    ["Ann's check", "Bob's check"],
];

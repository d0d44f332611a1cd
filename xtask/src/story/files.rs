//! Two copies of a folder with real files are edited in every way that clashes, and come together again.

use super::Check::{SameDetail, Shows};
use super::Edit::{Append, Executable, Line, Link, OwnSource, Remove, Rename, Write};
use super::Exit::{ConflictsOpen, Done};
use super::{Edit, Step, Story, edit, step};

pub(super) const STORY: Story = Story { name: "files", steps: STEPS, equal: EQUAL, equal_folders: &[["ann", "bob"]] };

const STEPS: &[Step] = &[
    edit(
        "Ann has a project: the source tree of this one, and a logo.",
        "ann",
        &[OwnSource, Write("logo.bin", b"A logo\0")],
    ),
    step("She makes a repo of the folder.", &["-C", "ann", "init", "--name", "project"], Done, &[]),
    step("She records everything.", &["-C", "ann", "record", "--quiet", "-m", "Begin"], Done, &[Shows("logo.bin")]),
    step("Bob takes a copy.", &["clone", "ann", "bob"], Done, &[Shows("of the folder brought up to date.")]),
    edit("Ann works for a day.", "ann", ANNS_DAY),
    step("This is what she changed.", &["-C", "ann", "status"], Done, &[]).keeps("Ann's changes"),
    step("She records it.", &["-C", "ann", "record", "-m", "Ann's day"], Done, &[SameDetail("Ann's changes")]),
    edit("Bob works for a day, too, and knows nothing of hers.", "bob", BOBS_DAY),
    step(
        "He records it.",
        &["-C", "bob", "record", "-m", "Bob's day"],
        Done,
        &[Shows("renamed  LICENSE-MIT -> COPYING"), Shows("added    plan/one.md")],
    ),
    step(
        "Ann looks at what both days make together. Different lines merge, and so do a rename and an edit.",
        &["-C", "ann", "sync", "reconcile", "--remote", "../bob"],
        ConflictsOpen,
        &[
            Shows("CONTRIBUTING.md merges by lines"),
            Shows("Cargo.toml (content)"),
            Shows("rustfmt.toml (content)"),
            Shows("logo.bin (content)"),
            Shows("core/Cargo.toml (removal)"),
            Shows("(path)"),
            Shows("5 conflicts would be open."),
        ],
    )
    .keeps("the preview"),
    step(
        "She does it. Both folders stay usable, whatever is in conflict.",
        &["-C", "ann", "sync", "reconcile", "--remote", "../bob", "--apply"],
        ConflictsOpen,
        &[Shows("1 file merged by lines."), Shows("7 conflicts open.")],
    ),
    step("Ann sees what is open.", &["-C", "ann", "status"], ConflictsOpen, OPEN).keeps("what Ann sees"),
    step("Bob sees the same.", &["-C", "bob", "status"], ConflictsOpen, OPEN).keeps("what Bob sees"),
    step(
        "Ann takes her own version.",
        &["-C", "ann", "resolve", "Cargo.toml", "--take", "A"],
        Done,
        &[Shows("6 conflicts left.")],
    ),
    step(
        "She takes Bob's logo.",
        &["-C", "ann", "resolve", "logo.bin", "--take", "B"],
        Done,
        &[Shows("5 conflicts left.")],
    ),
    step(
        "She keeps what she had removed.",
        &["-C", "ann", "resolve", "core/Cargo.toml", "--take", "B"],
        Done,
        &[Shows("4 conflicts left.")],
    ),
    step(
        "The licence gets a third name.",
        &["-C", "ann", "resolve", "COPYING", "--value", "LICENSE-MIT.md"],
        Done,
        &[Shows("3 conflicts left.")],
    ),
    edit("She writes what both meant.", "ann", &[Write("rustfmt.toml", b"max_width = 95\n")]),
    step("And says that this is it.", &["-C", "ann", "resolve", "rustfmt.toml"], Done, &[Shows("2 conflicts left.")]),
    step(
        "Both notes stay, under two names.",
        &["-C", "ann", "mv", "NOTES~*.md", "NOTES-2.md"],
        Done,
        &[Shows("NOTES-2.md")],
    ),
    step(
        "So do the plan and the folder of plans.",
        &["-C", "ann", "mv", "plan~*", "plan.txt"],
        Done,
        &[Shows("plan.txt")],
    ),
    step("Nothing is open any more.", &["-C", "ann", "conflicts"], Done, &[Shows("No open conflicts.")])
        .keeps("nothing open for Ann"),
    step("Ann begins a branch.", &["-C", "ann", "branch", "draft"], Done, &[]),
    step("Bob gets all of that.", &["-C", "ann", "sync", "reconcile", "--remote", "../bob", "--apply"], Done, &[]),
    step("Nothing is open for him either.", &["-C", "bob", "conflicts"], Done, &[Shows("No open conflicts.")])
        .keeps("nothing open for Bob"),
    edit("Bob goes on.", "bob", &[Write("bob.md", b"Bob began this.\n")]),
    step("He records it on main.", &["-C", "bob", "record", "-m", "Bob's page"], Done, &[Shows("bob.md")]),
    step("Ann switches to the draft.", &["-C", "ann", "switch", "draft"], Done, &[Shows("draft")]),
    edit("She writes there.", "ann", &[Write("draft.md", b"Ann began this.\n")]),
    step("She records it on draft.", &["-C", "ann", "record", "-m", "Ann's page"], Done, &[Shows("draft.md")]),
    step("They meet.", &["-C", "ann", "sync", "reconcile", "--remote", "../bob", "--apply"], Done, &[]),
    step("Ann merges main into the draft.", &["-C", "ann", "merge", "main"], Done, &[Shows("Merged main into draft.")]),
    step(
        "Bob merges the draft into main.",
        &["-C", "bob", "merge", "draft"],
        Done,
        &[Shows("Merged draft into main.")],
    ),
    edit("Ann goes on with Bob's page.", "ann", &[Append("bob.md", "Ann went on.")]),
    step("She records it on draft.", &["-C", "ann", "record"], Done, &[Shows("edited   bob.md")]),
    edit("Bob goes on with Ann's.", "bob", &[Append("draft.md", "Bob went on.")]),
    step("He records it on main.", &["-C", "bob", "record"], Done, &[Shows("edited   draft.md")]),
    step("They meet again.", &["-C", "ann", "sync", "reconcile", "--remote", "../bob", "--apply"], Done, &[]),
    step("Ann looks at the page on main.", &["-C", "ann", "show", "main:draft.md"], Done, &[Shows("Bob went on.")])
        .keeps("the page as Ann has it"),
    step("She goes back to main.", &["-C", "ann", "switch", "main"], Done, &[]),
    step(
        "And merges the draft: a criss-cross.",
        &["-C", "ann", "merge", "draft"],
        Done,
        &[Shows("Merged draft into main.")],
    ),
    step(
        "They meet for the last time.",
        &["-C", "ann", "sync", "reconcile", "--remote", "../bob", "--apply"],
        Done,
        &[],
    ),
    step("Bob has both pages.", &["-C", "bob", "show", "main:bob.md"], Done, &[Shows("Ann went on.")])
        .keeps("the other page as Bob has it"),
    step("So has Ann.", &["-C", "ann", "show", "main:bob.md"], Done, &[]).keeps("the other page as Ann has it"),
    step("And Bob the first one.", &["-C", "bob", "show", "main:draft.md"], Done, &[]).keeps("the page as Bob has it"),
    step("This is all that happened, as Ann has it.", &["-C", "ann", "log", "--graph"], Done, &[]).keeps("Ann's log"),
    step("And as Bob has it.", &["-C", "bob", "log", "--graph"], Done, &[]).keeps("Bob's log"),
    step("Nothing is left to record in Ann's folder.", &["-C", "ann", "status"], Done, &[Shows("Nothing changed")])
        .keeps("Ann's last status"),
    step("Nor in Bob's.", &["-C", "bob", "status"], Done, &[Shows("Nothing changed")]).keeps("Bob's last status"),
    step("All is as it was written, contents included.", &["-C", "ann", "verify"], Done, &[]).keeps("Ann's check"),
    step("Here, too.", &["-C", "bob", "verify"], Done, &[]).keeps("Bob's check"),
];

const ANNS_DAY: &[Edit] = &[
    Line("README.md", "# ", "# Ann's project"),
    Line("CONTRIBUTING.md", "# ", "# Contributing to Ann's project"),
    Line("Cargo.toml", "version = ", "version = \"7.0.0\""),
    Rename("CHANGELOG.md", "HISTORY.md"),
    Rename("LICENSE-MIT", "LICENSE-MIT.txt"),
    Remove("LICENSE-APACHE"),
    Remove("core/Cargo.toml"),
    Write("NOTES.md", b"Ann's notes\n"),
    Write("plan", b"Ann's plan\n"),
    Write("rustfmt.toml", b"max_width = 100\n"),
    Write("logo.bin", b"Ann's logo\0"),
    Executable("core/src/lib.rs"),
    Link("latest", "README.md"),
];

const BOBS_DAY: &[Edit] = &[
    Append("CONTRIBUTING.md", "Ask Bob."),
    Line("Cargo.toml", "version = ", "version = \"8.0.0\""),
    Append("CHANGELOG.md", "- Bob was here."),
    Rename("LICENSE-MIT", "COPYING"),
    Remove("LICENSE-APACHE"),
    Append("core/Cargo.toml", "# Bob needs this."),
    Write("NOTES.md", b"Bob's notes\n"),
    Write("plan/one.md", b"Bob's first plan\n"),
    Write("rustfmt.toml", b"max_width = 90\n"),
    Write("logo.bin", b"Bob's logo\0"),
    Append("core/src/lib.rs", "// Bob's line."),
];

const OPEN: &[super::Check] = &[Shows("Cargo.toml"), Shows("NOTES.md"), Shows("plan"), Shows("COPYING")];

const EQUAL: &[[&str; 2]] = &[
    ["what Ann sees", "what Bob sees"],
    ["nothing open for Ann", "nothing open for Bob"],
    ["the page as Ann has it", "the page as Bob has it"],
    ["the other page as Ann has it", "the other page as Bob has it"],
    ["Ann's log", "Bob's log"],
    ["Ann's last status", "Bob's last status"],
    ["Ann's check", "Bob's check"],
];

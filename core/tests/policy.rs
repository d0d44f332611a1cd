//! Branch policies: which pattern decides, and that joining two texts never loosens either.

use trellis_core::admit::policy::{BranchPolicy, Pattern, Policies, PolicyReason, Stated};
use trellis_core::op::json::Value;

fn policies(text: &str) -> Policies {
    Policies::read(&text.parse::<Value>().unwrap()).unwrap()
}

fn flaw(text: &str) -> (String, PolicyReason) {
    let flaw = Policies::read(&text.parse::<Value>().unwrap()).unwrap_err();
    (flaw.at.to_string(), flaw.reason)
}

fn matches(pattern: &str, branch: &str) -> bool {
    Pattern::parse(pattern).unwrap().matches(branch)
}

#[test]
fn a_star_stays_in_its_segment_and_two_go_across() {
    for (pattern, branch, expected) in [
        ("main", "main", true),
        ("main", "mains", false),
        ("*", "main", true),
        ("*", "feature/a", false),
        ("**", "feature/a/b", true),
        ("feature/*", "feature/a", true),
        ("feature/*", "feature/", true),
        ("feature/*", "feature", false),
        ("feature/*", "feature/a/b", false),
        ("feature/**", "feature/a/b", true),
        ("feature/**", "feature", false),
        ("*/fix", "a/fix", true),
        ("*/fix", "a/b/fix", false),
        ("**/fix", "a/b/fix", true),
        ("**/fix", "fix", false),
        ("r*-*", "r1-2", true),
        ("r*-*", "r1/2-3", false),
        ("a**b*c", "a/x/b-c", true),
        ("a**b*c", "a/x/b/c", false),
        ("a?", "ab", false),
        ("a?", "a?", true),
        ("*", "zweig-ä", true),
    ] {
        assert_eq!(matches(pattern, branch), expected, "{pattern} on {branch}");
    }
}

#[test]
fn only_a_pattern_without_wildcards_matches_a_branch_of_the_engine() {
    assert!(matches("_repo", "_repo"));
    for pattern in ["*", "**", "_*", "_repo*", "_**"] {
        assert!(!matches(pattern, "_repo"), "{pattern}");
    }
}

#[test]
fn texts_that_are_no_patterns() {
    for text in ["", "***", "a/***", "****", "a\nb", &"x".repeat(256)] {
        assert_eq!(Pattern::parse(text), None, "{text:?}");
    }
    assert!(Pattern::parse(&"x".repeat(255)).is_some());
}

/// A matcher that says what the words of the documentation say, at any cost.
fn matches_naively(pattern: &[u8], branch: &[u8]) -> bool {
    match pattern {
        [] => branch.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=branch.len()).any(|skip| matches_naively(rest, &branch[skip..])),
        [b'*', rest @ ..] => {
            let segment = branch.iter().position(|byte| *byte == b'/').unwrap_or(branch.len());
            (0..=segment).any(|skip| matches_naively(rest, &branch[skip..]))
        }
        [byte, rest @ ..] => branch.first() == Some(byte) && matches_naively(rest, &branch[1..]),
    }
}

#[test]
fn matching_agrees_with_the_words_on_random_patterns() {
    let mut state = 0x5eed_u64;
    let mut next = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    let (mut tried, mut matched) = (0, 0);
    while tried < 20_000 {
        let pattern: String = (0..1 + next(7)).map(|_| ["a", "b", "/", "*", "*"][next(5)]).collect();
        let branch: String = (0..1 + next(7)).map(|_| ["a", "b", "/"][next(3)]).collect();
        let Some(parsed) = Pattern::parse(&pattern) else { continue };
        let expected = matches_naively(pattern.as_bytes(), branch.as_bytes());
        assert_eq!(parsed.matches(&branch), expected, "{pattern} on {branch}");
        tried += 1;
        matched += usize::from(expected);
    }
    assert!(matched > 2_000, "{matched} of the pairs match");
}

#[test]
fn a_long_pattern_full_of_wildcards_is_no_burden() {
    let pattern = "a**".repeat(80) + "b";
    let branch = "a".repeat(255);
    assert!(!matches(&pattern, &branch));
}

#[test]
fn the_longest_text_before_a_wildcard_decides() {
    let policies = policies(
        r#"{ "**": { "linear": true }, "feature/*": { "linear": false }, "feature/**": { "requireSigning": false },
             "feature/urgent": { "linear": true, "requireSigning": true }, "*/a": { "serialiser": "relay" } }"#,
    );
    let stated = |branch| policies.stated(branch);
    assert_eq!(stated("main").linear, Some(true));
    assert_eq!(stated("feature/a"), Stated { linear: Some(false), ..Stated::default() });
    assert_eq!(stated("feature/a/b"), Stated { require_signing: Some(false), ..Stated::default() });
    assert_eq!(stated("feature/urgent").linear, Some(true));
    assert_eq!(stated("other/a").serialiser.as_deref(), Some("relay"), "of equal prefixes the longer text decides");
    assert_eq!(stated("_repo"), Stated::default());
}

#[test]
fn of_equally_precise_patterns_the_stricter_fields_hold() {
    let policies =
        policies(r#"{ "a*b*": { "linear": true, "serialiser": "x" }, "a*c*": { "requireSigning": false } }"#);
    let both = Stated { linear: Some(true), require_signing: Some(false), serialiser: Some("x".into()) };
    assert_eq!(policies.stated("a-b-c"), both);
}

#[test]
fn a_repo_makes_a_branch_stricter_and_never_looser() {
    let none = Policies::default();
    let open = policies(r#"{ "main": { "requireSigning": false } }"#);
    let linear = policies(r#"{ "main": { "linear": true, "serialiser": "b" } }"#);
    let signed = policies(r#"{ "main": { "requireSigning": true, "linear": false, "serialiser": "a" } }"#);
    let of = |device, repo| BranchPolicy::of("main", device, repo);
    assert_eq!(of(&none, &none), BranchPolicy::default());
    assert!(!of(&open, &none).require_signing, "the device may lift it for itself");
    assert!(of(&none, &open).require_signing, "the repo alone may not");
    assert!(!of(&open, &open).require_signing);
    assert!(of(&open, &signed).require_signing);
    assert!(of(&none, &linear).linear && of(&linear, &signed).linear && of(&signed, &linear).linear);
    assert_eq!(of(&linear, &signed), of(&signed, &linear));
    assert_eq!(of(&linear, &signed).serialiser.as_deref(), Some("a"));
}

#[test]
fn the_engines_branch_always_requires_signing() {
    let open = policies(r#"{ "_repo": { "requireSigning": false, "linear": true } }"#);
    let policy = BranchPolicy::of("_repo", &open, &open);
    assert!(policy.require_signing && policy.linear);
}

#[test]
fn joining_is_commutative_associative_and_idempotent() {
    let bools = [None, Some(false), Some(true)];
    let names = [None, Some("a"), Some("b")];
    let all: Vec<Stated> = bools
        .iter()
        .flat_map(|linear| bools.iter().map(move |require_signing| (*linear, *require_signing)))
        .flat_map(|(linear, require_signing)| {
            names.iter().map(move |name| Stated { linear, require_signing, serialiser: name.map(Into::into) })
        })
        .collect();
    for a in &all {
        assert_eq!(a.strictest(a), *a);
        assert_eq!(a.strictest(&Stated::default()), *a);
        for b in &all {
            assert_eq!(a.strictest(b), b.strictest(a));
            for c in &all {
                assert_eq!(a.strictest(b).strictest(c), a.strictest(&b.strictest(c)));
            }
        }
    }
}

#[test]
fn flaws_are_named_with_their_place() {
    let at = |place: &str, reason| (place.to_owned(), reason);
    assert_eq!(flaw("[]"), at("", PolicyReason::NoObject));
    assert_eq!(flaw(r#"{ "main": true }"#), at("/main", PolicyReason::NoObject));
    assert_eq!(flaw(r#"{ "a/***": {} }"#), at("/a~1***", PolicyReason::BadPattern));
    assert_eq!(flaw(r#"{ "main": { "lineer": true } }"#), at("/main/lineer", PolicyReason::UnknownField));
    assert_eq!(flaw(r#"{ "main": { "linear": "yes" } }"#), at("/main/linear", PolicyReason::NoBool));
    assert_eq!(flaw(r#"{ "main": { "requireSigning": null } }"#), at("/main/requireSigning", PolicyReason::NoBool));
    assert_eq!(flaw(r#"{ "main": { "serialiser": "" } }"#), at("/main/serialiser", PolicyReason::NoName));
    assert_eq!(flaw(r#"{ "main": { "serialiser": 1 } }"#), at("/main/serialiser", PolicyReason::NoName));
}

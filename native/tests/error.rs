//! Errors as programs and people see them.

use std::error::Error;

use trellis_core::op::id::{OpId, RepoId};
use trellis_sync::{Code, TrellisError};

#[test]
fn the_codes_are_these_for_ever() {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let expected = "not_found offline auth_failed permission_denied policy_rejected invalid_op chain_forked \
                    not_fast_forward version_mismatch payload_too_large rate_limited quota_exceeded storage_full \
                    storage_corrupt repo_mismatch timeout aborted invalid_argument not_a_repo locked config_invalid \
                    schema_newer unrecorded_changes path_refused diverged no_progress already_exists conflict_moved \
                    clock_ahead body_missing unsupported";
    assert_eq!(codes, expected.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn waiting_helps_only_where_nothing_has_to_be_changed() {
    let retryable: Vec<_> = Code::ALL.iter().filter(|code| code.is_retryable()).map(|code| code.as_str()).collect();
    let expected =
        "offline rate_limited quota_exceeded storage_full timeout locked no_progress clock_ahead body_missing";
    assert_eq!(retryable, expected.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn an_error_carries_where_it_happened_and_why() {
    let cause = std::io::Error::other("the reason");
    let error = TrellisError::new(Code::Timeout, "It took too long.")
        .in_repo(RepoId([1; 32]))
        .about_op(OpId([2; 32]))
        .at_path("a/file")
        .caused_by(cause);
    assert_eq!((error.code(), error.message(), error.is_retryable()), (Code::Timeout, "It took too long.", true));
    assert_eq!(error.to_string(), "It took too long.");
    assert_eq!((error.repo(), error.op()), (Some(RepoId([1; 32])), Some(OpId([2; 32]))));
    assert_eq!(error.path(), Some("a/file".as_ref()));
    assert_eq!(error.source().unwrap().to_string(), "the reason");
    let plain = TrellisError::new(Code::Aborted, "Ended.");
    assert!(plain.repo().is_none() && plain.op().is_none() && plain.path().is_none() && plain.source().is_none());
}

#[test]
fn an_error_is_one_pointer_wide_and_crosses_threads() {
    fn crosses_threads<T: Send + Sync + 'static>() {}
    crosses_threads::<TrellisError>();
    assert_eq!(size_of::<TrellisError>(), size_of::<usize>());
}

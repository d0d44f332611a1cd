//! Calls into Python from threads that are not Python's.
//!
//! A thread that asks for the GIL while the interpreter ends is never heard of again, or brings the process down. So the
//! package ends all calls before: after [`end_calls`] none begins, and those that have begun are waited for.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;

/// How long a call that has begun is waited for when the interpreter ends.
const LAST_CALLS: Duration = Duration::from_secs(2);

static CALLS: Mutex<Calls> = Mutex::new(Calls { going: 0, is_over: false });
static LESS: Condvar = Condvar::new();

struct Calls {
    going: usize,
    is_over: bool,
}

/// One call that is going on.
struct Call;

impl Call {
    fn begin() -> Option<Call> {
        let mut calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.is_over {
            return None;
        }
        calls.going += 1;
        Some(Call)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        CALLS.lock().unwrap_or_else(PoisonError::into_inner).going -= 1;
        LESS.notify_all();
    }
}

/// Calls Python, unless the interpreter ends.
pub(crate) fn with_python<T>(call: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let _going = Call::begin()?;
    Python::try_attach(call)
}

/// From now on nothing here calls Python: for the end of the interpreter.
#[pyfunction]
pub(crate) fn end_calls(py: Python<'_>) {
    py.detach(|| {
        let mut calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
        calls.is_over = true;
        let _ = LESS.wait_timeout_while(calls, LAST_CALLS, |calls| calls.going > 0);
    });
}

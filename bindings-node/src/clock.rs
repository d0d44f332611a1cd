//! The time, where the program tells it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{Env, Status};
use trellis_core::time::Millis;

/// How long the time of a program that does not answer is waited for.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// The clock that a function of JavaScript is: milliseconds since 1970. It is called on JavaScript's own thread, so whoever
/// asks for the time on another one waits until that is free. Where JavaScript does not answer, because it throws, is busy or
/// ends, the time is the one that it told last.
///
/// # Errors
/// What the function throws when it is first called.
pub(crate) fn clock_of(clock: &Function<'_, (), f64>) -> napi::Result<impl Fn() -> Millis + Send + Sync + 'static> {
    let last = AtomicU64::new(clock.call(())? as u64);
    let asked = clock.build_threadsafe_function::<()>().callee_handled::<false>().weak::<true>().build()?;
    Ok(move || {
        let (tell, told) = sync_channel(1);
        let answer = move |time: napi::Result<f64>, _: Env| {
            // Who asked may have given up by now.
            let _ = tell.send(time);
            Ok(())
        };
        let status = asked.call_with_return_value((), ThreadsafeFunctionCallMode::NonBlocking, answer);
        if let (Status::Ok, Ok(Ok(time))) = (status, told.recv_timeout(ANSWER_WAIT)) {
            last.store(time as u64, Ordering::Relaxed);
        }
        Millis(last.load(Ordering::Relaxed))
    })
}

//! Messages to JavaScript: the answers to calls that take time, and what is told again and again.
//!
//! JavaScript gives every call and every listener a number. The work is done on a runtime that lives as long as the process,
//! and what comes of it goes to the one function that JavaScript gave. Nothing here keeps Node from ending: what should,
//! JavaScript holds itself.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use napi::Status;
use napi::bindgen_prelude::{FnArgs, Function, Uint8Array};
use napi::threadsafe_function::{ThreadsafeCallContext, ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};
use trellis_sync::{Code, TrellisError};

use crate::error::{Result, Thrown};
use crate::plain::{Given, give};

/// Threads that carry links and calls. What takes long has a thread of its own.
const WORKERS: usize = 2;

static RUNTIME: Mutex<Option<&'static Runtime>> = Mutex::new(None);

/// The runtime of this process.
///
/// # Errors
/// `quota_exceeded` where the system gives no thread.
pub(crate) fn runtime() -> Result<&'static Runtime> {
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = *runtime {
        return Ok(running);
    }
    let begun = Builder::new_multi_thread().worker_threads(WORKERS).thread_name("trellis").enable_all().build();
    let begun: &'static Runtime = Box::leak(Box::new(begun.map_err(no_thread)?));
    *runtime = Some(begun);
    Ok(begun)
}

fn no_thread(cause: io::Error) -> TrellisError {
    TrellisError::new(Code::QuotaExceeded, "The system does not give this program another thread.").caused_by(cause)
}

/// What a message is, as JavaScript reads it.
#[derive(Clone, Copy)]
enum Kind {
    /// The answer to a call.
    Answer = 0,
    /// Why a call failed.
    Failure = 1,
    /// One of several things that a listener hears.
    Told = 2,
    /// A listener hears no more.
    Over = 3,
}

/// A message: whom it is for, what it is, and what it says.
type Message = (u32, u32, String, Option<Uint8Array>);
type Post = ThreadsafeFunction<Message, (), FnArgs<Message>, Status, false, true>;

/// Where messages go. It is made once for each environment of Node.
#[napi]
#[derive(Clone)]
pub struct Port(Arc<Post>);

#[napi]
impl Port {
    /// Messages go to this function.
    #[napi(constructor)]
    pub fn new(heard: Function<'_, FnArgs<Message>, ()>) -> napi::Result<Port> {
        let post = heard
            .build_threadsafe_function::<Message>()
            .callee_handled::<false>()
            .weak::<true>()
            .build_callback(|context: ThreadsafeCallContext<Message>| Ok(FnArgs::from(context.value)))?;
        Ok(Port(Arc::new(post)))
    }
}

impl Port {
    /// Does something, and answers a call with what comes of it.
    pub(crate) fn answer<T: Serialize, E: Into<Thrown>>(
        &self,
        call: u32,
        work: impl Future<Output = std::result::Result<T, E>> + Send + 'static,
    ) -> Result<()> {
        let port = self.clone();
        runtime()?.spawn(async move {
            let given = match work.await {
                Ok(done) => give(&done),
                Err(error) => Err(error.into()),
            };
            match given {
                Ok(given) => port.send(call, Kind::Answer, given),
                Err(thrown) => port.send(call, Kind::Failure, Given { text: thrown.text(), bytes: None }),
            }
        });
        Ok(())
    }

    /// Tells a listener something.
    pub(crate) fn tell(&self, listener: u32, told: &impl Serialize) {
        if let Ok(given) = give(told) {
            self.send(listener, Kind::Told, given);
        }
    }

    /// Tells a listener that there is no more.
    pub(crate) fn end(&self, listener: u32) {
        self.send(listener, Kind::Over, Given::default());
    }

    fn send(&self, to: u32, kind: Kind, Given { text, bytes }: Given) {
        // Where Node ends nobody hears it any more.
        let _ = self.0.call((to, kind as u32, text, bytes), ThreadsafeFunctionCallMode::NonBlocking);
    }
}

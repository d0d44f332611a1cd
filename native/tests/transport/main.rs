//! Frames between two ends: in a process, and through real sockets on loopback.

mod caps;
mod dial;
mod echo;
mod host;
mod limits;
mod names;
mod pages;
mod secret;
mod stop;

//! The program as it is shipped, over real HTTP: what comes in, what comes out, and what it survives.
#![cfg(unix)]

mod admin;
mod crash;
mod flow;
mod full_disk;
mod intake;
mod orders;
mod process;
mod promotions;
mod start;
mod trace;

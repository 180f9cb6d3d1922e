use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// The output of a future that never waits: handlers on these ports finish in one poll, since every port answers at
/// once. A future that does wait is a defect of the caller, and panics.
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a handler on the embedded ports waited for something other than a port"),
    }
}

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use pricestream_domain::{PriceVersion, Sku};

use crate::fate::Fate;

/// One invocation of a handler.
pub(crate) type Work<T> = Pin<Box<dyn Future<Output = T>>>;

/// An invocation under way.
pub(crate) struct Task<T> {
    pub(crate) id: u32,
    /// Of its service.
    pub(crate) name: &'static str,
    /// The SKU that it is bound to, for work that is done one at a time.
    pub(crate) about: Option<Sku>,
    /// What the price records were when it began: it may write nothing older into an emptied cache.
    pub(crate) began_at: Vec<(Sku, PriceVersion)>,
    work: Work<T>,
}

/// Owns the invocations under way; whoever it gives a turn runs up to its next await.
pub(crate) struct Scheduler<T> {
    fate: Fate,
    tasks: Vec<Task<T>>,
    started: u32,
}

impl<T> Scheduler<T> {
    pub(crate) fn new(fate: Fate) -> Self {
        Self { fate, tasks: Vec::new(), started: 0 }
    }

    pub(crate) fn start(
        &mut self,
        name: &'static str,
        about: Option<Sku>,
        began_at: Vec<(Sku, PriceVersion)>,
        work: Work<T>,
    ) -> u32 {
        self.started += 1;
        self.tasks.push(Task { id: self.started, name, about, began_at, work });
        self.started
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// How many invocations of `name` are under way; about one SKU, if one is given.
    pub(crate) fn running(&self, name: &str, about: Option<&Sku>) -> usize {
        let is = |task: &&Task<T>| task.name == name && (about.is_none() || task.about.as_ref() == about);
        self.tasks.iter().filter(is).count()
    }

    /// Any one of them.
    pub(crate) fn draw(&self) -> usize {
        self.fate.below(self.tasks.len())
    }

    /// Gives the task at `position` a turn. One that ended is handed out with what it returned.
    pub(crate) fn turn(&mut self, position: usize) -> Option<(Task<T>, T)> {
        let task = &mut self.tasks[position];
        self.fate.turn_of((task.name, task.id));
        match task.work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => None,
            Poll::Ready(ended) => Some((self.tasks.swap_remove(position), ended)),
        }
    }

    pub(crate) fn task(&self, position: usize) -> &Task<T> {
        &self.tasks[position]
    }

    /// The task at `position` dies where it waits: nothing after its last effect takes place.
    pub(crate) fn crash(&mut self, position: usize) -> Task<T> {
        self.tasks.swap_remove(position)
    }
}

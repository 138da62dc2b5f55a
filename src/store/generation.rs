//! What is kept in memory of rows that rarely change, and whether it is still true: whoever keeps something remembers the
//! generation from before it was read, and asks for it again before it is used.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(super) struct Generation {
    /// Counts commits: whoever reads what was true after one need not look for another picture until the next.
    commits: AtomicU64,
    now: AtomicU64,
    is_changing: AtomicBool,
}

impl Generation {
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    pub(super) fn now(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    /// Whether what was kept then is true for a transaction, also for one that follows a change in the same commit.
    pub(super) fn is(&self, then: u64) -> bool {
        !self.is_changing.load(Ordering::SeqCst) && self.now() == then
    }

    /// Inside of the transaction that changes something.
    pub(super) fn change(&self) {
        self.is_changing.store(true, Ordering::SeqCst);
        self.now.fetch_add(1, Ordering::SeqCst);
    }

    /// Once that is committed or undone, before anybody is answered: what was read meanwhile is of before.
    pub(super) fn settle(&self) {
        self.commits.fetch_add(1, Ordering::AcqRel);
        if self.is_changing.load(Ordering::SeqCst) {
            self.now.fetch_add(1, Ordering::SeqCst);
            self.is_changing.store(false, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_or_during_a_change_is_not_true_after_it() {
        let generation = Generation::default();
        let before = generation.now();
        assert!(generation.is(before));
        generation.change();
        let during = generation.now();
        assert!(!generation.is(before) && !generation.is(during), "a transaction in the same commit sees the change");
        generation.settle();
        assert!(!generation.is(before) && !generation.is(during) && generation.is(generation.now()));
        let after = generation.now();
        generation.settle();
        assert!(generation.is(after), "nothing changed");
    }
}

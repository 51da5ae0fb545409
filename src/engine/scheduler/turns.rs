//! Whose turn it is. Pure.
//!
//! Whoever wants to run a cycle gets a ticket, and waits until it is granted. Tickets are numbered in the order in which
//! they came, and this order decides among the jobs whose applications have the fewest cycles under way. A job that has run
//! gets a new ticket behind all that wait, so however much work it has, it is their turn before its own.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use crate::model::JobId;

/// How many cycles may be under way at once in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Of all jobs. One more may be under way that a person asked for.
    pub in_all: NonZeroUsize,
    /// Of the jobs of one application, but for those that a person asked for: a target that does not answer does not hold
    /// up everybody.
    pub per_application: NonZeroUsize,
}

/// Who wants a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedBy {
    Schedule,
    /// A person, who waits for it: before all others, and beyond the bounds while no other person's cycle is.
    Person,
}

/// A cycle that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub job: JobId,
    pub application: String,
    pub by: AskedBy,
}

/// Stands for one claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// The claims of all jobs.
#[derive(Debug)]
pub struct Turns {
    bounds: Bounds,
    last: u64,
    waiting: BTreeMap<Ticket, Claim>,
    running: BTreeMap<Ticket, Claim>,
}

impl Turns {
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, last: 0, waiting: BTreeMap::new(), running: BTreeMap::new() }
    }

    /// The claim waits from now on.
    pub fn enter(&mut self, claim: Claim) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        self.waiting.insert(ticket, claim);
        ticket
    }

    /// The claim is given up, or its cycle has ended.
    pub fn leave(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
        self.running.remove(&ticket);
    }

    /// Whose turn it is now, if it is anybody's; its cycle is under way from here on. Ask until nobody is left.
    pub fn grant(&mut self) -> Option<Ticket> {
        let ticket = self.of_a_person().or_else(|| self.of_the_schedule())?;
        let claim = self.waiting.remove(&ticket)?;
        self.running.insert(ticket, claim);
        Some(ticket)
    }

    fn of_a_person(&self) -> Option<Ticket> {
        let has_lane = !self.running.values().any(|claim| claim.by == AskedBy::Person);
        let has_place = has_lane || self.running.len() < self.bounds.in_all.get();
        self.may_run(AskedBy::Person).next().filter(|_| has_place).map(|(ticket, _)| ticket)
    }

    fn of_the_schedule(&self) -> Option<Ticket> {
        if self.running.len() >= self.bounds.in_all.get() {
            return None;
        }
        let under_way =
            |claim: &Claim| self.running.values().filter(|other| other.application == claim.application).count();
        self.may_run(AskedBy::Schedule)
            .map(|(ticket, claim)| (under_way(claim), ticket))
            .filter(|(under_way, _)| *under_way < self.bounds.per_application.get())
            .min()
            .map(|(_, ticket)| ticket)
    }

    /// What waits, first come first. A cycle never overlaps one of the same job.
    fn may_run(&self, by: AskedBy) -> impl Iterator<Item = (Ticket, &Claim)> {
        let runs = |job: &JobId| self.running.values().any(|claim| claim.job == *job);
        let waits = self.waiting.iter().filter(move |(_, claim)| claim.by == by && !runs(&claim.job));
        waits.map(|(ticket, claim)| (*ticket, claim))
    }
}

#[cfg(test)]
mod tests;

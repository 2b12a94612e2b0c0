//! Accounts of what is held now: how much in all, and how much of it by whom. Nothing refills with time; the rates that
//! do are in `network_rates.rs`.
//!
//! Whatever a client makes a home keep has a [`Charge`]. When the charge is dropped, its amount is given back, so no
//! code path can forget to do that. Each account has its own unit: bytes of memory, names, sessions.
//!
//! ```
//! use bayeux_edge::bayeux::Budget;
//!
//! let home = Budget::default();
//! let address = home.part();
//! let mut charge = address.charge(100);
//! charge.set(150);
//! assert_eq!((home.used(), address.used()), (150, 150));
//! drop(charge);
//! assert_eq!(home.used(), 0);
//! ```

use std::cell::Cell;
use std::rc::Rc;

/// An account of what is held now. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Budget(Rc<Account>);

#[derive(Debug, Default)]
struct Account {
    used: Cell<usize>,
    within: Option<Budget>,
}

/// A part of a budget that somebody holds until this is dropped. The default is charged to nobody.
#[derive(Debug, Default)]
pub struct Charge {
    budget: Option<Budget>,
    amount: usize,
}

impl Budget {
    /// An account within this one: what is charged to it is charged to both.
    #[must_use]
    pub fn part(&self) -> Self {
        Self(Rc::new(Account { used: Cell::new(0), within: Some(self.clone()) }))
    }

    pub fn used(&self) -> usize {
        self.0.used.get()
    }

    #[must_use]
    pub fn charge(&self, amount: usize) -> Charge {
        self.change(0, amount);
        Charge { budget: Some(self.clone()), amount }
    }

    /// Whether `part` may hold `more`, where all parts together may hold `most`. A part may hold twice what is then
    /// left, so one greedy part gets two thirds, two get two fifths each, and some room is always left for the next one
    /// (Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998).
    pub fn has_room_for(&self, part: Option<&Self>, more: usize, most: usize) -> bool {
        let left = most.saturating_sub(self.used());
        more <= left && part.is_none_or(|part| part.used() + more <= 2 * (left - more))
    }

    fn change(&self, from: usize, to: usize) {
        let Account { used, within } = &*self.0;
        used.set((used.get() + to).saturating_sub(from));
        if let Some(within) = within {
            within.change(from, to);
        }
    }
}

impl Charge {
    /// Changes the amount.
    pub fn set(&mut self, amount: usize) {
        if let Some(budget) = &self.budget {
            budget.change(self.amount, amount);
        }
        self.amount = amount;
    }

    pub fn amount(&self) -> usize {
        self.amount
    }

    /// Charges the same amount to another budget instead.
    pub fn move_to(&mut self, budget: &Budget) {
        *self = budget.charge(self.amount);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// The level to which the amounts above it must shrink, so that `less` is freed in all. Amounts below it stay as they
/// are.
pub fn level(mut amounts: Vec<usize>, less: usize) -> usize {
    amounts.sort_unstable_by(|a, b| b.cmp(a));
    let mut above = 0;
    for (count, amount) in (1..).zip(&amounts) {
        above += amount;
        let next = amounts.get(count).copied().unwrap_or_default();
        // Freed where all of these shrink to the next amount.
        if above - count * next >= less {
            return (above - less) / count;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_charge_is_given_back_to_the_part_and_the_whole() {
        let home = Budget::default();
        let [one, two] = [home.part(), home.part()];
        let (mut first, second) = (one.charge(10), two.charge(20));
        first.set(15);
        assert_eq!([home.used(), one.used(), two.used()], [35, 15, 20]);
        first.move_to(&two);
        assert_eq!([home.used(), one.used(), two.used()], [35, 0, 35]);
        drop((first, second));
        assert_eq!([home.used(), one.used(), two.used()], [0, 0, 0]);
    }

    #[test]
    fn a_part_that_takes_all_it_may_leaves_room_for_the_next_part() {
        let home = Budget::default();
        let parts = [home.part(), home.part(), home.part()];
        let mut charges = Vec::new();
        for _ in 0..1000 {
            for part in &parts {
                if home.has_room_for(Some(part), 1, 900) {
                    charges.push(part.charge(1));
                }
            }
        }
        let used = parts.each_ref().map(Budget::used);
        assert!(used.iter().all(|used| (250..=260).contains(used)), "{used:?}");
        assert!(home.has_room_for(Some(&home.part()), 50, 900) && !home.has_room_for(None, 200, 900));
    }

    #[test]
    fn level_takes_from_the_largest_amounts_first() {
        for (amounts, less, to) in [
            (&[10, 1, 1][..], 5, 5),
            (&[10, 10, 1], 6, 7),
            (&[10, 8, 1], 2, 8),
            (&[10, 8, 1], 4, 7),
            (&[3, 3, 3], 9, 0),
            (&[3, 3], 100, 0),
            (&[], 1, 0),
            (&[5], 0, 5),
        ] {
            assert_eq!(level(amounts.to_vec(), less), to, "{amounts:?} {less}");
        }
    }
}

//! When each link next wants to be told the time, in order, so that nobody asks a thousand links to find the first.

use alloc::vec::Vec;

use crate::input::LinkId;
use crate::ordered::{Map, Set};
use crate::sort;
use crate::time::Millis;

/// The times of links.
#[derive(Clone, Debug, Default)]
pub(super) struct Dues {
    by_link: Map<LinkId, Millis>,
    by_time: Set<(Millis, LinkId)>,
}

impl Dues {
    /// A link wants to be told then, and no longer when it wanted before; never, where that is none.
    pub(super) fn set(&mut self, link: LinkId, due: Option<Millis>) {
        let before = match due {
            Some(due) => self.by_link.insert(link, due),
            None => self.by_link.remove(&link),
        };
        if before == due {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, link));
        }
        self.by_time.extend(due.map(|due| (due, link)));
    }

    /// The first time of all.
    pub(super) fn first(&self) -> Option<Millis> {
        self.by_time.first().map(|(due, _)| *due)
    }

    /// The links whose time has come, ascending.
    pub(super) fn until(&self, now: Millis) -> Vec<LinkId> {
        let due = self.by_time.iter().take_while(|(due, _)| *due <= now);
        let mut links: Vec<LinkId> = due.map(|(_, link)| *link).collect();
        sort::ascending(&mut links);
        links
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_found_and_a_link_has_one_time() {
        let mut dues = Dues::default();
        let [one, two, three] = [1, 2, 3].map(LinkId);
        for (link, due) in [(two, 5), (one, 9), (three, 7), (one, 5), (three, 20)] {
            dues.set(link, Some(Millis(due)));
        }
        assert_eq!((dues.first(), dues.until(Millis(4))), (Some(Millis(5)), Vec::new()));
        assert_eq!(dues.until(Millis(5)), [one, two]);
        dues.set(one, None);
        dues.set(one, None);
        assert_eq!(dues.until(Millis(20)), [two, three]);
        [two, three].into_iter().for_each(|link| dues.set(link, None));
        assert_eq!((dues.first(), dues.until(Millis(u64::MAX))), (None, Vec::new()));
    }
}

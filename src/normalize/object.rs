//! The members of an object, and the column for the values of each. It knows nothing of values.

use super::members::Members;

/// The members of an object and the columns for their values.
pub(super) struct Object {
    pub members: Members,
    pub slots: Vec<Slot>,
}

pub(super) enum Slot {
    Column(usize),
    /// An object without a column that holds values of columns.
    Branch {
        object: Object,
        read_in: u64,
    },
}

impl Object {
    fn empty() -> Self {
        Object { members: Members::new(), slots: Vec::new() }
    }

    /// One column for each path, in order. If two paths are equal, or one leads through the other, the first gets the
    /// values.
    pub(super) fn of_paths<'a>(paths: impl Iterator<Item = &'a [String]>) -> Self {
        let mut object = Self::empty();
        for (index, path) in paths.enumerate() {
            object.add(path, index);
        }
        object
    }

    /// Forgets what was read. Call it where one reading of a record may come to the object again, and where readings are
    /// counted from one again.
    pub(super) fn forget(&mut self) {
        for slot in &mut self.slots {
            if let Slot::Branch { object, read_in } = slot {
                *read_in = 0;
                object.forget();
            }
        }
    }

    fn add(&mut self, path: &[String], column: usize) {
        let Some((name, rest)) = path.split_first() else { return };
        let slot = match self.members.add(name) {
            Err(slot) => slot,
            Ok(slot) if rest.is_empty() => {
                self.slots.push(Slot::Column(column));
                slot
            }
            Ok(slot) => {
                self.slots.push(Slot::Branch { object: Self::empty(), read_in: 0 });
                slot
            }
        };
        if let Slot::Branch { object, .. } = &mut self.slots[slot] {
            object.add(rest, column);
        }
    }
}

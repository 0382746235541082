//! The exit codes of hclake, and which one counts where several apply. It knows nothing of commands.

/// How a command ended. Where several apply, the last one in this order counts: [`Exit::and`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything asked for was done.
    Done,
    /// Some lists failed, are unproved or were held back, or what is stored could not be published or shown.
    Partly,
    /// Nothing new was stored, or what was asked could not be answered.
    Failed,
    /// A person must change something: usage, configuration or credentials.
    Usage,
    /// Another run holds the store.
    Busy,
    /// Someone ended it early.
    Interrupted,
}

impl Exit {
    /// The code of the process.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Partly => 3,
            Exit::Busy => 4,
            Exit::Interrupted => 130,
        }
    }

    /// The one of two that counts.
    ///
    /// ```
    /// use hclake::base::exit::Exit;
    ///
    /// assert_eq!(Exit::Done.and(Exit::Partly).code(), 3);
    /// ```
    pub fn and(self, other: Exit) -> Exit {
        self.max(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_exit_has_its_own_code_and_the_worse_of_two_counts() {
        let all = [Exit::Done, Exit::Partly, Exit::Failed, Exit::Usage, Exit::Busy, Exit::Interrupted];
        assert_eq!(all.map(Exit::code), [0, 3, 1, 2, 4, 130]);
        assert_eq!(Exit::Done.and(Exit::Partly), Exit::Partly);
        assert_eq!(Exit::Usage.and(Exit::Partly), Exit::Usage);
    }
}

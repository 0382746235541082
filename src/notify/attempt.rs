//! How one attempt ended, and how a whole delivery did. The difference that counts: a message that was certainly not
//! taken may be sent again, one that may have arrived never is.

use std::time::Duration;

/// How a delivery ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver took it.
    Sent,
    /// It was certainly not taken. It may be sent again, with the same id.
    Failed {
        /// What happened and where, without any secret.
        why: String,
    },
    /// It may have arrived. It must not be sent again.
    Unknown {
        /// What happened and where, without any secret.
        why: String,
    },
}

/// How one attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    Sent,
    /// Not taken, and another attempt would end the same way.
    Refused(String),
    /// Not taken, and another attempt may help.
    Again {
        why: String,
        /// The wait that the receiver asked for.
        wait: Option<Duration>,
    },
    /// It may have been taken.
    Unknown(String),
}

impl Attempt {
    pub(super) fn again(why: impl Into<String>) -> Attempt {
        Attempt::Again { why: why.into(), wait: None }
    }

    /// With the reason changed.
    pub(super) fn explained(self, change: impl FnOnce(String) -> String) -> Attempt {
        match self {
            Attempt::Sent => Attempt::Sent,
            Attempt::Refused(why) => Attempt::Refused(change(why)),
            Attempt::Again { why, wait } => Attempt::Again { why: change(why), wait },
            Attempt::Unknown(why) => Attempt::Unknown(change(why)),
        }
    }
}

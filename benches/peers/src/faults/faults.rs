//! What goes wrong.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::server::{Order, WRONG_PASSWORD};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fault {
    DownAtStart,
    KilledInMidLoad,
    Hung,
    Restarted,
    WrongPassword,
}

/// One thing after another, the second number being a pause before it.
pub(crate) type Steps = &'static [(Order, Duration)];

const AT_ONCE: Duration = Duration::ZERO;
/// How long a server is gone that is restarted.
const GONE: Duration = Duration::from_millis(300);

impl Fault {
    pub(crate) const ALL: [Self; 5] = [
        Self::DownAtStart,
        Self::KilledInMidLoad,
        Self::Hung,
        Self::Restarted,
        Self::WrongPassword,
    ];

    /// The name in arguments and tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DownAtStart => "down at start",
            Self::KilledInMidLoad => "killed in mid-load",
            Self::Hung => "hung",
            Self::Restarted => "restarted",
            Self::WrongPassword => "wrong password",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// What is done, in a sentence below the heading.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::DownAtStart => {
                "Nothing listens when the application starts and calls. Ends with the server's start."
            }
            Self::KilledInMidLoad => {
                "The server is killed while the body of one call runs, and stays away. \
                 Ends with its start, empty."
            }
            Self::Hung => {
                "`SIGSTOP`: connections stay open and nothing answers. Ends with `SIGCONT`."
            }
            Self::Restarted => {
                "Killed, gone for 300 ms, and back, empty; nobody calls in between. \
                 The calls are those after it is back."
            }
            Self::WrongPassword => {
                "The server refuses the password from the start. Ends when it takes that password."
            }
        }
    }

    /// Of the URL that clients are given.
    pub(crate) fn credentials(self) -> String {
        match self {
            Self::WrongPassword => format!(":{WRONG_PASSWORD}@"),
            _ => String::new(),
        }
    }

    /// Whether there are calls before it.
    pub(crate) fn comes_later(self) -> bool {
        !matches!(self, Self::DownAtStart | Self::WrongPassword)
    }

    /// What is done before the application starts.
    pub(crate) fn before(self) -> Steps {
        match self {
            Self::DownAtStart => &[],
            Self::WrongPassword => &[(Order::StartWithPassword, AT_ONCE)],
            _ => &[(Order::Start, AT_ONCE)],
        }
    }

    pub(crate) fn begin(self) -> Steps {
        match self {
            Self::DownAtStart | Self::WrongPassword => &[],
            Self::KilledInMidLoad => &[(Order::Kill, AT_ONCE)],
            Self::Hung => &[(Order::Pause, AT_ONCE)],
            Self::Restarted => &[(Order::Kill, AT_ONCE), (Order::Start, GONE)],
        }
    }

    /// Whether it is over as soon as it has happened.
    pub(crate) fn ends_by_itself(self) -> bool {
        self == Self::Restarted
    }

    pub(crate) fn end(self) -> Steps {
        match self {
            Self::DownAtStart | Self::KilledInMidLoad => &[(Order::Start, AT_ONCE)],
            Self::Hung => &[(Order::Resume, AT_ONCE)],
            Self::Restarted => &[],
            Self::WrongPassword => &[(Order::AcceptWrongPassword, AT_ONCE)],
        }
    }
}

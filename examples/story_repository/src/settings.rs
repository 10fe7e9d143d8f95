//! What the environment says. The variables of the cache (`CACHE_URL`, `CACHE_PASSWORD`,
//! `CACHE_ENABLED`, `CACHE_READ_TIMEOUT` and others) are the library's.

use std::env::{self, VarError};
use std::str::FromStr;
use std::time::Duration;

/// The settings of the demonstration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `STORIES_DATABASE`: the `SQLite` file, or `:memory:`.
    pub database: String,
    /// `STORIES_QUERY_MILLIS`: how much longer a query takes, as if it went over a network.
    pub query_time: Duration,
    /// How long answers are kept.
    pub lives: Lives,
    /// `STORIES_OWN_REDIS`: whether to start a Redis, in order to kill it.
    pub own_redis: bool,
}

/// How long answers are kept, by what they are about.
#[derive(Clone, Debug)]
pub struct Lives {
    /// `STORIES_HERO_SECONDS`.
    pub hero: Duration,
    /// `STORIES_CHILD_SECONDS`.
    pub child: Duration,
    /// `STORIES_STORY_SECONDS`.
    pub story: Duration,
}

impl Default for Lives {
    fn default() -> Self {
        Self {
            hero: Duration::from_secs(60 * 60),
            child: Duration::from_secs(30 * 60),
            story: Duration::from_secs(10 * 60),
        }
    }
}

impl Settings {
    /// Variables that are not set leave the default; the error names the one at fault.
    pub fn from_env() -> Result<Self, String> {
        Self::read(&|name| env::var(name))
    }

    fn read(look_up: LookUp<'_>) -> Result<Self, String> {
        let lives = Lives::default();
        let seconds = |name, default: Duration| {
            let seconds = variable(look_up, name, default.as_secs())?;
            Ok::<_, String>(Duration::from_secs(seconds))
        };
        Ok(Self {
            database: variable(look_up, "STORIES_DATABASE", ":memory:".to_owned())?,
            query_time: Duration::from_millis(variable(look_up, "STORIES_QUERY_MILLIS", 20)?),
            lives: Lives {
                hero: seconds("STORIES_HERO_SECONDS", lives.hero)?,
                child: seconds("STORIES_CHILD_SECONDS", lives.child)?,
                story: seconds("STORIES_STORY_SECONDS", lives.story)?,
            },
            own_redis: variable(look_up, "STORIES_OWN_REDIS", false)?,
        })
    }
}

type LookUp<'a> = &'a dyn Fn(&str) -> Result<String, VarError>;

fn variable<T: FromStr>(look_up: LookUp<'_>, name: &str, default: T) -> Result<T, String> {
    match look_up(name) {
        Ok(text) => text
            .parse()
            .map_err(|_| format!("`{name}` is `{text}`, which it cannot be")),
        Err(VarError::NotPresent) => Ok(default),
        Err(VarError::NotUnicode(_)) => Err(format!("`{name}` is not Unicode")),
    }
}

#[cfg(test)]
mod tests {
    use std::env::VarError;
    use std::time::Duration;

    use super::Settings;

    fn read(set: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(&|name| {
            let found = set.iter().find(|(variable, _)| *variable == name);
            let value = found.map(|(_, value)| (*value).to_owned());
            value.ok_or(VarError::NotPresent)
        })
    }

    #[test]
    fn each_entity_has_a_life_of_its_own() {
        let lives = read(&[]).expect("defaults").lives;
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert_eq!(
            [lives.hero, lives.child, lives.story],
            [minutes(60), minutes(30), minutes(10)]
        );
        let set = [
            ("STORIES_HERO_SECONDS", "3"),
            ("STORIES_CHILD_SECONDS", "2"),
            ("STORIES_STORY_SECONDS", "1"),
        ];
        let lives = read(&set).expect("settings").lives;
        let seconds = Duration::from_secs;
        assert_eq!(
            [lives.hero, lives.child, lives.story],
            [seconds(3), seconds(2), seconds(1)]
        );
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (name, value) in [
            ("STORIES_HERO_SECONDS", "soon"),
            ("STORIES_QUERY_MILLIS", "-1"),
            ("STORIES_OWN_REDIS", "maybe"),
        ] {
            let error = read(&[(name, value)]).expect_err(name);
            assert_eq!(error, format!("`{name}` is `{value}`, which it cannot be"));
        }
    }
}

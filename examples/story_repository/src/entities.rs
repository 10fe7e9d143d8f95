//! What is in the database.

use rusqlite::types::Value;
use rusqlite::{Result, Row};
use serde::{Deserialize, Serialize};

use crate::database::Entity;

/// Who a story is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hero {
    /// As it is called in stories.
    pub name: String,
    /// Such as `en`.
    pub language: String,
    /// What it is good at.
    pub strength: String,
}

/// For whom a story is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// As it is called in stories.
    pub name: String,
    /// Such as `en`.
    pub language: String,
    /// In years.
    pub age: u8,
}

/// What a hero did, told for one child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// What stands above it.
    pub title: String,
    /// Such as `en`.
    pub language: String,
    /// The id of the hero.
    pub hero: i64,
    /// The id of the child.
    pub child: i64,
    /// Empty while it is written.
    pub text: String,
}

impl Hero {
    /// A hero that may not be in the database yet.
    pub fn new(name: &str, language: &str, strength: &str) -> Self {
        Self {
            name: name.to_owned(),
            language: language.to_owned(),
            strength: strength.to_owned(),
        }
    }
}

impl Child {
    /// A child that may not be in the database yet.
    pub fn new(name: &str, language: &str, age: u8) -> Self {
        Self {
            name: name.to_owned(),
            language: language.to_owned(),
            age,
        }
    }
}

impl Story {
    /// Whether there is something to read.
    pub fn is_finished(&self) -> bool {
        !self.text.is_empty()
    }
}

impl Entity for Hero {
    const TABLE: &'static str = "heroes";
    const COLUMNS: &'static [&'static str] = &["name", "language", "strength"];
    const NAME: &'static str = "name";

    fn of(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            name: row.get("name")?,
            language: row.get("language")?,
            strength: row.get("strength")?,
        })
    }

    fn values(&self) -> Vec<Value> {
        let Self {
            name,
            language,
            strength,
        } = self.clone();
        vec![name.into(), language.into(), strength.into()]
    }
}

impl Entity for Child {
    const TABLE: &'static str = "children";
    const COLUMNS: &'static [&'static str] = &["name", "language", "age"];
    const NAME: &'static str = "name";

    fn of(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            name: row.get("name")?,
            language: row.get("language")?,
            age: row.get("age")?,
        })
    }

    fn values(&self) -> Vec<Value> {
        let Self {
            name,
            language,
            age,
        } = self.clone();
        vec![name.into(), language.into(), age.into()]
    }
}

impl Entity for Story {
    const TABLE: &'static str = "stories";
    const COLUMNS: &'static [&'static str] = &["title", "language", "hero", "child", "text"];
    const NAME: &'static str = "title";

    fn of(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            title: row.get("title")?,
            language: row.get("language")?,
            hero: row.get("hero")?,
            child: row.get("child")?,
            text: row.get("text")?,
        })
    }

    fn values(&self) -> Vec<Value> {
        let Self {
            title,
            language,
            hero,
            child,
            text,
        } = self.clone();
        vec![
            title.into(),
            language.into(),
            hero.into(),
            child.into(),
            text.into(),
        ]
    }
}

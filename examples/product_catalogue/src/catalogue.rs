//! Products with a cache around them, and what each write invalidates.
//!
//! A product has a tag, and so has a category. A list carries the tag of its category and those of the
//! products that are in it. So a write names its product, which is taken out of every list that has it, and
//! the category that it has *now*, whose lists have it from now on. Nobody needs to know which one it
//! had before.

use std::collections::BTreeMap;

use cache_aside::{cache_aside, cache_invalidate};

use crate::database::{Content, Database, DatabaseError, Product};

/// How many products of a category are given at once. Each is a tag of the answer, and an answer may have
/// 62 of them.
pub(crate) const PAGE: u32 = 50;

#[derive(Clone)]
pub(crate) struct Catalogue {
    pub(crate) database: Database,
}

impl Catalogue {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// "Not found" is an answer, too, and is kept for 30 s, or until there is such a product.
    #[cache_aside(ttl = "5m", prefix = "product", skip(self), tags = ["product:{id}"])]
    pub(crate) async fn find(&self, id: i64) -> Result<Option<Product>, DatabaseError> {
        self.database.find(id).await
    }

    /// The same prefix, type of values and tags, so the same entries: what `find` has loaded is not asked
    /// for here, nor the other way round.
    #[cache_aside(
        ttl = "5m",
        prefix = "product",
        each = ids,
        skip(self),
        tags = ["product:{ids}"]
    )]
    pub(crate) async fn find_many(
        &self,
        ids: Vec<i64>,
    ) -> Result<BTreeMap<i64, Product>, DatabaseError> {
        self.database.find_many(ids).await
    }

    /// At most [`PAGE`] products, by id, from behind `after`. Pages begin behind a product and not after so
    /// many of them: one that leaves a page moves nothing in the next.
    #[cache_aside(
        ttl = "5m",
        prefix = "category",
        skip(self),
        tags = ["category:{category}"],
        tags_with = |page: &Vec<Product>| {
            page.iter().map(|product| format!("product:{}", product.id)).collect::<Vec<_>>()
        }
    )]
    pub(crate) async fn in_category(
        &self,
        category: &str,
        after: i64,
    ) -> Result<Vec<Product>, DatabaseError> {
        let category = category.to_owned();
        self.database.in_category(category, after, PAGE).await
    }

    #[cache_invalidate(tags = ["product:{result.id}", "category:{content.category}"])]
    pub(crate) async fn create(&self, content: Content) -> Result<Product, DatabaseError> {
        self.database.insert(content).await
    }

    /// Tags over arguments rather than over the result: they are invalidated also if the caller goes away in
    /// the middle of the write.
    #[cache_invalidate(tags = ["product:{id}", "category:{content.category}"])]
    pub(crate) async fn update(
        &self,
        id: i64,
        content: Content,
    ) -> Result<Option<Product>, DatabaseError> {
        self.database.update(id, content).await
    }
}

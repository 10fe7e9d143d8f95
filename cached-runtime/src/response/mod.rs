//! A layer that caches whole HTTP responses, for every service of `tower`: axum, hyper and others.
//!
//! `layer` is what users build, `service` is one request on its way; `request` decides which of them
//! may be answered from the cache and what is in their key, `rules` which responses are stored,
//! `made` what one comes to and `page` what is stored of it. `body` reads a body no further than it can be stored and gives it
//! on unbroken, `condition` is what is asked of a stored response besides.
//!
//! It has no algorithm of its own: what it does is a call of
//! [`Cache::get_or_load_owned`](crate::Cache::get_or_load_owned). A response that is not to be stored
//! is, to that call, a load that says so and nothing else. It goes past the call to the one caller
//! whose request it answers, so its body is neither kept nor shared.

mod body;
mod condition;
mod layer;
mod made;
mod page;
mod request;
mod rules;
mod service;
#[cfg(test)]
mod tests;

pub use self::body::ResponseBody;
pub use self::layer::ResponseCache;
pub use self::service::ResponseCacheService;

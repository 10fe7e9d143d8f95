//! The front page: rendered as a whole, and cached as a whole.

use std::fmt::Write as _;
use std::time::Duration;

use cache_aside::{Cache, Policy, ResponseCache};

use crate::source::Article;

const LIFE: Duration = Duration::from_secs(5 * 60);
/// In place of a page that cannot be rendered.
const OLDER: Duration = Duration::from_secs(60 * 60);

/// The layer that keeps it. It has the tag of the articles, so it is forgotten with them.
pub(crate) fn cached(cache: &Cache) -> ResponseCache {
    let policy = Policy::ttl(LIFE).stale_if_error(OLDER).tags(["articles"]);
    ResponseCache::new(cache, "front", policy)
        // One page for all hosts, parameters and clients: the handler looks at none of them.
        .target(|request| request.uri.path().to_owned())
        .ignore_credentials(["cookie"])
}

pub(crate) fn front(articles: &[Article]) -> String {
    let mut page = "<!doctype html><title>News</title><ul>".to_owned();
    for article in articles {
        let (id, title) = (article.id, escaped(&article.title));
        // A `String` takes everything.
        let _ = write!(page, "<li><a href=\"/articles/{id}\">{title}</a>");
    }
    page.push_str("</ul>");
    page
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

//! A free function, in a module, in a body; with every visibility and with attributes of its own.

use cache_aside::cache_aside;

/// Documented.
#[cache_aside(ttl = "5m", prefix = "free")]
#[must_use]
pub async fn free(id: u64) -> u64 {
    id
}

mod inner {
    #[cache_aside::cache_aside(ttl = 60)]
    pub(crate) async fn in_module(id: u64) -> Option<String> {
        Some(id.to_string())
    }

    #[::cache_aside::cache_aside(ttl = "1h30m")]
    pub(super) async fn without_arguments() -> Result<u8, String> {
        Ok(1)
    }
}

type Found<T> = Result<Option<T>, String>;

#[cache_aside(ttl = std::time::Duration::from_secs(id))]
async fn alias(id: u64) -> Found<u64> {
    if id == 0 {
        return Err("zero".to_owned());
    }
    let half = half(id)?;
    Ok(half)
}

fn half(id: u64) -> Result<Option<u64>, String> {
    Ok((id % 2 == 0).then_some(id / 2))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    #[cache_aside(ttl = "250ms")]
    async fn nested(text: &str) -> usize {
        text.len()
    }

    assert_eq!(free(1).await, 1);
    assert_eq!(inner::in_module(2).await.as_deref(), Some("2"));
    assert_eq!(inner::without_arguments().await, Ok(1));
    assert_eq!(alias(4).await, Ok(Some(2)));
    assert_eq!(alias(3).await, Ok(None));
    assert!(alias(0).await.is_err());
    assert_eq!(nested("abc").await, 3);
}

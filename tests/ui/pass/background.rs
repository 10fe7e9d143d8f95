//! Loads that can outlive their call: owned, borrowed and shared arguments, `self` in odd places.

use std::path::Path;
use std::sync::Arc;

use cache_aside::cache_aside;

#[derive(Clone, Debug)]
struct Service {
    name: &'static str,
}

macro_rules! shout {
    ($text:expr) => {
        $text.to_uppercase()
    };
}

impl Service {
    #[cache_aside(ttl = "5m", stale_while_revalidate = "1m", prefix = "bg.by_ref", skip(self))]
    async fn by_ref(&self, id: u64) -> String {
        let shown = format!("{self:?} {}", self.name);
        let shout = shout!(self.name);
        let closure = || Self::of(self).name;
        struct Inner;
        impl Inner {
            fn name(&self) -> &'static str {
                "inner"
            }
        }
        format!("{shown} {shout} {} {} {id}", closure(), Inner.name())
    }

    #[cache_aside(ttl = "5m", refresh_ahead = 0.5, prefix = "bg.by_arc", skip(self))]
    async fn by_arc(self: Arc<Self>, id: u64) -> Result<String, String> {
        if id == 0 {
            return Err("zero".to_owned());
        }
        let name = check(self.name)?;
        Ok(format!("{name}{id}"))
    }

    #[cache_aside(ttl = "5m", soft_timeout = "1s", stale_if_error = "1m", prefix = "bg.by_value", skip(self))]
    async fn by_value(self, id: u64) -> String {
        format!("{}{id}", self.name)
    }

    fn of(&self) -> &Self {
        self
    }
}

fn check(name: &str) -> Result<&str, String> {
    Ok(name)
}

#[cache_aside(ttl = "5m", stale_while_revalidate = "1m", prefix = "bg.borrowed", skip(service))]
async fn borrowed(service: &Service, text: &str, bytes: &[u8], path: &Path, mut id: u64, owned: String) -> String {
    id += 1;
    tokio::task::yield_now().await;
    format!("{}{text}{}{}{id}{owned}", service.name, bytes.len(), path.display())
}

fn main() {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let service = Service { name: "s" };
        assert_eq!(service.by_ref(1).await, r#"Service { name: "s" } s S s inner 1"#);
        assert_eq!(Arc::new(service.clone()).by_arc(1).await.as_deref(), Ok("s1"));
        assert!(Arc::new(service.clone()).by_arc(0).await.is_err());
        assert_eq!(service.clone().by_value(1).await, "s1");
        let answer = borrowed(&service, "t", &[1, 2], Path::new("/p"), 1, "o".to_owned());
        assert_eq!(answer.await, "st2/p2o");
    });
}

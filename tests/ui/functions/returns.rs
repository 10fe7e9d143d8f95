use cache_aside::cache_aside;

#[cache_aside(ttl = "5m")]
async fn nothing(id: u64) {
    drop(id);
}

#[cache_aside(ttl = "5m")]
async fn unit(id: u64) -> () {
    drop(id);
}

#[cache_aside(ttl = "5m")]
async fn never(id: u64) -> ! {
    panic!("{id}")
}

#[cache_aside(ttl = "5m")]
async fn some_trait(id: u64) -> impl Iterator<Item = u64> {
    std::iter::once(id)
}

#[cache_aside(ttl = "5m")]
async fn borrow(text: &str) -> Result<&str, String> {
    Ok(text)
}

#[cache_aside(ttl = "5m")]
async fn named_borrow<'a>(text: &'a str) -> Option<std::borrow::Cow<'a, str>> {
    Some(text.into())
}

#[cache_aside(ttl = "5m")]
async fn option_of_result(id: u64) -> Option<Result<u64, String>> {
    Some(Ok(id))
}

fn main() {}

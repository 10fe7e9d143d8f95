use cache_aside::cache_aside;

#[cache_aside(ttl = "5m")]
async fn load(id: u64) -> u64 {
    let here = std::rc::Rc::new(id);
    async {}.await;
    *here
}

fn send<F: Future + Send>(_: F) {}

fn main() {
    send(load(1));
}

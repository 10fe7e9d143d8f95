use cache_aside::cache_aside;

#[cache_aside(ttl = "5m", skip(dbb))]
async fn unknown(db: u64, id: u64) -> u64 {
    db + id
}

#[cache_aside(ttl = "5m", skip(db, db))]
async fn twice(db: u64, id: u64) -> u64 {
    db + id
}

#[cache_aside(ttl = "5m", skip(db), key(id))]
async fn both(db: u64, id: u64) -> u64 {
    db + id
}

#[cache_aside(ttl = "5m", skip(id))]
async fn everything(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", skip())]
async fn nothing(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", skip(self))]
async fn no_receiver(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", key("user:{id}", 1, id))]
async fn literals(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", skip(first))]
async fn part_of_a_pattern((first, second): (u64, u64)) -> u64 {
    first + second
}

#[cache_aside(ttl = "5m", key(id), skip(db))]
async fn both_the_other_way_round(db: u64, id: u64) -> u64 {
    db + id
}

#[cache_aside(ttl = "5m", skip(dbb), key(id))]
async fn both_and_unknown(db: u64, id: u64) -> u64 {
    db + id
}

fn main() {}

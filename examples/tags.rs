//! Tags over arguments, over the result, and one per element; what each invalidation reaches.
//!
//! `cargo run --example tags`

use std::collections::BTreeMap;
use std::sync::Mutex;

use cache_aside::{Cache, Error, cache_aside, cache_invalidate};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Task {
    id: u64,
    owner: String,
    done: bool,
}

struct Board {
    cache: Cache,
    tasks: Mutex<BTreeMap<u64, Task>>,
}

impl Board {
    /// The owner is known only when the task is loaded.
    #[cache_aside(
        ttl = "1h",
        prefix = "task",
        skip(self),
        tags = ["task:{id}", "owner:{result.owner}"],
        cache = self.cache,
    )]
    async fn task(&self, id: u64) -> Option<Task> {
        println!("  loads task {id}");
        self.tasks.lock().expect("no panics").get(&id).cloned()
    }

    /// One tag per task in the list, and one for the list itself.
    #[cache_aside(
        ttl = "1h",
        prefix = "open_tasks",
        key(),
        tags = ["tasks"],
        tags_with = |tasks: &Vec<Task>| {
            tasks.iter().map(|task| format!("task:{}", task.id)).collect::<Vec<_>>()
        },
        cache = self.cache,
    )]
    async fn open_tasks(&self) -> Vec<Task> {
        println!("  loads the open tasks");
        let tasks = self.tasks.lock().expect("no panics");
        tasks.values().filter(|task| !task.done).cloned().collect()
    }

    #[cache_invalidate(tags = ["task:{id}"], cache = self.cache)]
    async fn finish(&self, id: u64) -> bool {
        let mut tasks = self.tasks.lock().expect("no panics");
        tasks.get_mut(&id).is_some_and(|task| {
            task.done = true;
            true
        })
    }

    /// Reads everything; what is not stored is loaded, and says so.
    async fn read(&self, what: &str) -> u64 {
        println!("{what}:");
        let before = self.cache.stats().total.loads;
        for id in 1..=3 {
            self.task(id).await;
        }
        self.open_tasks().await;
        self.cache.stats().total.loads - before
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let task = |id: u64, owner: &str| Task {
        id,
        owner: owner.to_owned(),
        done: false,
    };
    let tasks = [task(1, "ada"), task(2, "ada"), task(3, "grace")];
    let board = Board {
        cache: Cache::in_process(),
        tasks: Mutex::new(tasks.into_iter().map(|task| (task.id, task)).collect()),
    };

    assert_eq!(board.read("at first").await, 4);
    assert_eq!(board.read("again").await, 0);

    assert!(board.finish(3).await);
    assert_eq!(board.read("task 3 is finished").await, 2);

    board.cache.invalidate_tag("owner:ada").await?;
    assert_eq!(board.read("the tag `owner:ada`").await, 2);

    // The list is without the finished task by now, and so without its tag.
    board.cache.invalidate_tag("task:3").await?;
    assert_eq!(board.read("the tag `task:3`").await, 1);

    board.cache.invalidate_prefix("open_tasks").await?;
    assert_eq!(board.read("the prefix `open_tasks`").await, 1);

    board.cache.clear().await?;
    assert_eq!(board.read("everything").await, 4);
    Ok(())
}

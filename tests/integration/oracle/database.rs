//! The truth: a version of every row, and a floor, below which no read may fall that begins now.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::oneshot;

use super::rows::Row;

#[derive(Clone)]
pub(super) enum Database {
    /// A server that no fault touches.
    Server(MultiplexedConnection),
    /// In this test, for one of its processes; a schedule lets loads go on.
    Memory(Arc<Memory>, usize),
}

#[derive(Default)]
pub(super) struct Memory {
    versions: Mutex<BTreeMap<Row, u64>>,
    floors: Mutex<BTreeMap<Row, u64>>,
    /// Loads that wait to be let go on, for each process.
    gates: Mutex<BTreeMap<usize, Vec<oneshot::Sender<()>>>>,
    pub(super) history: Mutex<Vec<String>>,
    pub(super) violations: Mutex<Vec<String>>,
}

/// How many lines are kept of what happened to a row.
const HISTORY: isize = 40;

impl Database {
    pub(super) async fn versions(&self, rows: &[Row]) -> Vec<u64> {
        self.numbers("versions", rows).await
    }

    pub(super) async fn floors(&self, rows: &[Row]) -> Vec<u64> {
        self.numbers("floors", rows).await
    }

    async fn numbers(&self, of: &str, rows: &[Row]) -> Vec<u64> {
        match self {
            Self::Server(server) => {
                let mut command = redis::cmd("HMGET");
                command.arg(of);
                for row in rows {
                    command.arg(row.name());
                }
                let answer = command.query_async(&mut server.clone()).await;
                let numbers: Vec<Option<u64>> = answer.expect("the database answers");
                numbers.into_iter().map(Option::unwrap_or_default).collect()
            }
            Self::Memory(memory, _) => {
                let numbers = match of {
                    "versions" => memory.versions.lock().unwrap(),
                    _ => memory.floors.lock().unwrap(),
                };
                let number = |row| numbers.get(row).copied().unwrap_or_default();
                rows.iter().map(number).collect()
            }
        }
    }

    /// A new version.
    pub(super) async fn write(&self, row: Row) {
        match self {
            Self::Server(server) => {
                let mut command = redis::cmd("HINCRBY");
                command.arg("versions").arg(row.name()).arg(1);
                let answer = command.query_async(&mut server.clone()).await;
                let _: u64 = answer.expect("the database answers");
            }
            Self::Memory(memory, _) => {
                *memory.versions.lock().unwrap().entry(row).or_default() += 1;
            }
        }
    }

    /// No read that begins from now on may be older.
    pub(super) async fn raise(&self, floors: &[(Row, u64)]) {
        match self {
            Self::Server(server) => {
                let script = redis::Script::new(
                    "for i = 1, #ARGV, 2 do
                        local now = tonumber(redis.call('HGET', 'floors', ARGV[i]) or 0)
                        if now < tonumber(ARGV[i + 1]) then redis.call('HSET', 'floors', ARGV[i], ARGV[i + 1]) end
                    end",
                );
                let mut call = script.prepare_invoke();
                for (row, floor) in floors {
                    call.arg(row.name()).arg(*floor);
                }
                let answer = call.invoke_async(&mut server.clone()).await;
                let () = answer.expect("the database answers");
            }
            Self::Memory(memory, _) => {
                let mut known = memory.floors.lock().unwrap();
                for &(row, floor) in floors {
                    let known = known.entry(row).or_default();
                    *known = floor.max(*known);
                }
            }
        }
    }

    /// The part of a load that takes its time.
    pub(super) async fn pause(&self, pause: Duration) {
        match self {
            Self::Server(_) => tokio::time::sleep(pause).await,
            Self::Memory(memory, process) => {
                let (gate, opened) = oneshot::channel();
                memory.wait_at(*process, gate);
                // Closed at the end of a schedule.
                let _ = opened.await;
            }
        }
    }

    /// For whoever looks for the reason of a violation.
    pub(super) async fn note(&self, rows: &[Row], line: String) {
        match self {
            Self::Server(server) => {
                let mut pipe = redis::pipe();
                for row in rows {
                    let history = format!("history {}", row.name());
                    pipe.cmd("RPUSH").arg(&history).arg(&line).ignore();
                    pipe.cmd("LTRIM").arg(&history).arg(-HISTORY).arg(-1);
                    pipe.ignore();
                }
                let answer = pipe.query_async(&mut server.clone()).await;
                let () = answer.expect("the database answers");
            }
            Self::Memory(memory, _) => memory.history.lock().unwrap().push(line),
        }
    }

    pub(super) async fn violated(&self, row: Row, mut line: String) {
        match self {
            Self::Server(server) => {
                let mut server = server.clone();
                let mut command = redis::cmd("LRANGE");
                command.arg(format!("history {}", row.name())).arg(&[0, -1]);
                let answer = command.query_async(&mut server).await;
                let history: Vec<String> = answer.expect("the database answers");
                for past in history {
                    line.push_str("\n    ");
                    line.push_str(&past);
                }
                let mut command = redis::cmd("RPUSH");
                command.arg("violations").arg(line);
                let answer = command.query_async(&mut server).await;
                let () = answer.expect("the database answers");
            }
            Self::Memory(memory, _) => {
                memory.history.lock().unwrap().push(line.clone());
                memory.violations.lock().unwrap().push(line);
            }
        }
    }
}

impl Memory {
    fn wait_at(&self, process: usize, gate: oneshot::Sender<()>) {
        let mut gates = self.gates.lock().unwrap();
        gates.entry(process).or_default().push(gate);
    }

    /// Loads of a process that wait.
    pub(super) fn waiting(&self, process: usize) -> usize {
        let mut gates = self.gates.lock().unwrap();
        let gates = gates.entry(process).or_default();
        gates.retain(|gate| !gate.is_closed());
        gates.len()
    }

    pub(super) fn is_waited_at(&self) -> bool {
        let gates = self.gates.lock().unwrap();
        gates.values().flatten().any(|gate| !gate.is_closed())
    }

    pub(super) fn let_go(&self, process: usize, load: usize) {
        let mut gates = self.gates.lock().unwrap();
        let gate = gates.entry(process).or_default().remove(load);
        // The load may have been given up.
        let _ = gate.send(());
    }
}

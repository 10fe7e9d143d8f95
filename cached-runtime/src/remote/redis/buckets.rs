//! Token buckets in the server.

use std::sync::Arc;

use ::redis::Value;

use super::error::Trouble;
use super::exchange::{Again, exchange};
use super::node::{Kind, Node};
use super::scripts::DRAW;
use crate::remote::{Draw, Drawn, Fault};

pub(super) async fn draw(node: &Arc<Node>, draw: &Draw) -> Result<Drawn, Fault> {
    let name = node.names().bucket(&draw.bucket);
    let name = &name;
    node.operate(Kind::Take, |pair| async move {
        let replies = exchange(&pair, 1, Again::These, |_, form| {
            let pace = &draw.pace;
            let mut command = DRAW.call(form, 1);
            command.arg(name).arg(pace.token).arg(pace.speed);
            command.arg(pace.capacity).arg(draw.parts);
            Ok(command)
        })
        .await?;
        match replies.as_slice() {
            [Value::Array(reply)] => drawn(reply),
            _ => Err(Trouble::garbled()),
        }
    })
    .await
}

fn drawn(reply: &[Value]) -> Result<Drawn, Trouble> {
    let [Value::Int(allowed), Value::Int(missing)] = reply else {
        return Err(Trouble::garbled());
    };
    Ok(Drawn {
        allowed: *allowed == 1,
        missing: u64::try_from(*missing).map_err(|_| Trouble::garbled())?,
    })
}

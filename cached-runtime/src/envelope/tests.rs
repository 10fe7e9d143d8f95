//! The format as it is stored, the way back, and what is no envelope.

mod format;
mod mutated;
mod rejected;

use std::time::Duration;

use super::{Draft, EntryId, TokenRecord};

fn token(name: &str, proof: u64) -> TokenRecord {
    let name = name.into();
    TokenRecord { name, proof }
}

/// An envelope in which each byte is another.
fn draft(tokens: Vec<TokenRecord>) -> Draft {
    Draft {
        codec: 2,
        schema: 0x0B0A,
        cost: Duration::from_millis(0x0F_0E_0D_0C),
        id: EntryId(*b"\x10\x11\x12\x13\x14\x15\x16\x17"),
        incarnation: 0x1F1E_1D1C_1B1A_1918,
        fresh_for: Duration::from_millis(0x3736_3534_3332_3130),
        usable_for: Duration::from_millis(0x3F3E_3D3C_3B3A_3938),
        tokens,
    }
}

fn tagged() -> Draft {
    draft(vec![
        token("", 0x0807_0605_0403_0201),
        token("", 2),
        token("user:42", 3),
        token("größe", u64::MAX),
    ])
}

const BORN: u64 = 0x2726_2524_2322_2120;

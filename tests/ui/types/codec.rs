use cache_aside::{Codec, CodecError, cache_aside};
use serde::Serialize;
use serde::de::DeserializeOwned;

struct Json;

struct Positional;

impl Codec for Positional {
    const ID: u8 = 200;
    const SELF_DESCRIBING: bool = false;

    fn encode<T: Serialize + ?Sized>(_: &T) -> Result<Vec<u8>, CodecError> {
        Err(CodecError::encode("positional"))
    }

    fn decode<T: DeserializeOwned>(_: &[u8]) -> Result<T, CodecError> {
        Err(CodecError::decode("positional"))
    }
}

#[cache_aside(ttl = "5m", codec = Json)]
async fn no_codec(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", codec = crate::Json, version = 1)]
async fn no_codec_with_version(id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "5m", codec = Positional)]
async fn no_version(id: u64) -> u64 {
    id
}

struct User;

#[cache_aside(ttl = "5m", codec = Positional, version = 1)]
async fn no_value(id: u64) -> Option<User> {
    drop(id);
    None
}

fn main() {}

use super::*;
use crate::codec::CodecError;
use serde::Serialize;
use serde::de::DeserializeOwned;

struct Nothing;

impl Codec for Nothing {
    const ID: u8 = 200;

    fn encode<T: Serialize + ?Sized>(_: &T) -> Result<Vec<u8>, CodecError> {
        Err(CodecError::encode("nothing"))
    }

    fn decode<T: DeserializeOwned>(_: &[u8]) -> Result<T, CodecError> {
        Err(CodecError::decode("nothing"))
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn without_being_told_answers_are_shared_within_limits() {
    let options = Policy::ttl(SECOND).options;
    assert_eq!(options.single_flight, SingleFlight::Cluster);
    assert!(options.remote);
    assert_eq!(options.compress_above, None);
    assert_eq!(options.max_size, 1 << 20);
    assert_eq!(options.lease, 3 * SECOND);
    assert_eq!(options.lease_wait, 30 * SECOND);
}

#[test]
fn what_is_said_about_the_remote_tier_is_kept() {
    let policy = Policy::ttl(SECOND)
        .remote(false)
        .max_size(2 << 20)
        .lease(5 * SECOND)
        .lease_wait(7 * SECOND);
    let options = policy.codec::<u64>(Nothing).options;
    assert!(!options.remote);
    assert_eq!(options.max_size, 2 << 20);
    assert_eq!(options.lease, 5 * SECOND);
    assert_eq!(options.lease_wait, 7 * SECOND);
}

#[cfg(any(feature = "lz4", feature = "zstd"))]
#[test]
fn nothing_is_compressed_above_zero() {
    let above = |bytes| Policy::ttl(SECOND).compress_above(bytes).options;
    assert_eq!(above(4096).compress_above, Some(4096));
    assert_eq!(above(0).compress_above, None);
}

#[test]
fn values_out_of_range_become_the_nearest_in_it() {
    let policy = Policy::ttl(SECOND)
        .max_size(usize::MAX)
        .lease(Duration::ZERO);
    assert_eq!(policy.options.max_size, 256 << 20);
    assert_eq!(policy.options.lease, Duration::from_millis(300));
}

#[test]
fn a_codec_binds_the_policy_to_a_type_and_stays_with_its_copies() {
    let policy = Policy::ttl(SECOND).codec::<u64>(Nothing);
    let copy = policy.clone().cache_if(|number| *number > 0);
    let codec = copy.by_value.codec.expect("copied");
    assert_eq!(codec.id, 200);
    assert!((codec.encode)(&1_u64).is_err());
    let head = &mut |_: &crate::value::Value| unreachable!("nothing is decoded");
    assert!((codec.decode)(&[], head).is_err());
    assert!(Policy::ttl(SECOND).typed::<u64>().by_value.codec.is_none());
    let by_ttl = Policy::ttl_with(|_: &u64| SECOND).codec(Nothing);
    assert!(by_ttl.by_value.codec.is_some() && by_ttl.by_value.ttl_with.is_some());
}

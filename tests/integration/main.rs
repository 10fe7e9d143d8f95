//! The library as its users see it: the attributes and the public API.

mod support;

mod batch;
mod freshness;
mod invalidation;
mod keys;
mod modes;
mod one_load;
mod runtimes;
mod secrets;
mod storing;
mod writes;

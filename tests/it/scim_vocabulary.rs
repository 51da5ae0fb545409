//! The words of the protocol against judges that share no code with them: a second parser, a plain interpretation of
//! PATCH, and whatever random input can think of.

pub(crate) mod fuzzed;
mod patches;
mod reference;
mod second_parser;
mod server;

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets reach it")]
pub(crate) mod fuzz_bodies;

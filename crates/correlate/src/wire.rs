//! How the Router hands on what it has read of a frame: an Event, or the metadata of an object.
//!
//! In go the fields, as their types derive them for serde; out come bytes, as postcard has them, and
//! of these the fields again, whose texts lie in the bytes. So a frame is read once, and no shard
//! gets what nobody will look at. Promises that what comes out is what went in, but for what its
//! type says the Router alone needs (`serde(skip)`).

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

/// Appends what was read.
pub fn write(out: &mut Vec<u8>, read: &impl Serialize) {
    postcard::serialize_with_flavor(read, Appended(out)).expect("all is taken");
}

/// What was written. `None`: no Router wrote these bytes.
#[must_use]
pub fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}

struct Appended<'v>(&'v mut Vec<u8>);

impl Flavor for Appended<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

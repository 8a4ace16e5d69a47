//! Trace ids, span ids and the keys of objects: all made from names and numbers of the input, so
//! that the same input gives the same ids in every run and on every shard.
//!
//! The scheme is the ancestor's, bit for bit: FNV-1a over UTF-8 strings and little-endian int64s,
//! digests big-endian. FNV is the published one (Fowler, Noll, Vo; `draft-eastlake-fnv`).

const BASIS_64: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME_64: u64 = 0x0000_0100_0000_01b3;
const BASIS_128: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME_128: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

fn fnv_64(basis: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(basis, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME_64))
}

fn fnv_128(bytes: &[u8]) -> u128 {
    bytes.iter().fold(BASIS_128, |hash, &byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME_128))
}

/// What a trace or a span that stands for no Event is named by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(Vec<u8>);

impl Key {
    /// The trace of a generation of an object.
    pub fn generation(uid: &str, generation: i64) -> Self {
        Self([uid.as_bytes(), &generation.to_le_bytes()].concat())
    }

    /// A further trace of a generation: an episode, a row that opens a trace, a second top-level
    /// span; opened by the occurrence (`event_uid`, `count`). The count is always written.
    pub fn opened(uid: &str, generation: i64, event_uid: &str, count: u64) -> Self {
        let Self(mut key) = Self::generation(uid, generation);
        key.extend_from_slice(event_uid.as_bytes());
        key.extend_from_slice(count.to_string().as_bytes());
        Self(key)
    }

    /// The trace of an object's deletion.
    pub fn deletion(uid: &str) -> Self {
        Self([uid, "delete"].concat().into_bytes())
    }

    /// The synthetic span of an object's creation.
    pub fn create(uid: &str) -> Self {
        Self([uid, "create"].concat().into_bytes())
    }

    /// The synthetic span of a generation that an autoscaler made.
    pub fn scale(uid: &str, generation: i64) -> Self {
        let Self(mut key) = Self::generation(uid, generation);
        key.extend_from_slice(b"scale");
        Self(key)
    }

    /// OpenTelemetry's trace id; never all zero, which means "none" there.
    pub fn trace_id(&self) -> [u8; 16] {
        fnv_128(&self.0).max(1).to_be_bytes()
    }

    /// OpenTelemetry's span id; never all zero.
    pub fn span_id(&self) -> [u8; 8] {
        fnv_64(BASIS_64, &self.0).max(1).to_be_bytes()
    }
}

/// The id of an occurrence's span. A count of 0 means that the Event has none, and is left out.
pub fn event_span_id(uid: &str, count: u64) -> [u8; 8] {
    let mut hash = fnv_64(BASIS_64, uid.as_bytes());
    if count > 0 {
        hash = fnv_64(hash, count.to_string().as_bytes());
    }
    hash.max(1).to_be_bytes()
}

/// Key of a uid in indexes: the bits of a UUID, else a hash of the text (static pods have the
/// hash of their config for a uid, Nodes may have their name).
pub fn object_key(uid: &str) -> u128 {
    uuid_bits(uid).unwrap_or_else(|| fnv_128(uid.as_bytes()))
}

/// The bits of a UUID in the form that API servers give out.
pub fn uuid_bits(text: &str) -> Option<u128> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    if [text[8], text[13], text[18], text[23]] != [b'-'; 4] {
        return None;
    }
    let [first, second] = [hex(&text[..8])?, hex(&text[9..13])?];
    let [third, fourth, last] = [hex(&text[14..18])?, hex(&text[19..23])?, hex(&text[24..])?];
    let (high, low) = (first << 32 | second << 16 | third, fourth << 48 | last);
    Some(u128::from(high) << 64 | u128::from(low))
}

/// The number that up to 16 lower case hexadecimal digits write.
fn hex(digits: &[u8]) -> Option<u64> {
    let (mut number, mut others) = (0, 0);
    for &digit in digits {
        let value = HEX_DIGITS[usize::from(digit)];
        number = number << 4 | u64::from(value);
        others |= value;
    }
    (others < 16).then_some(number)
}

/// By byte: the value of a lower case hexadecimal digit, 16 of all others.
const HEX_DIGITS: [u8; 256] = {
    let mut values = [16; 256];
    let digits = b"0123456789abcdef";
    let mut value = 0;
    while value < digits.len() {
        values[digits[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// The UUID of these bits.
pub fn uuid_text(bits: u128) -> String {
    // Where each byte's two digits begin.
    const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
    let mut text = [b'-'; 36];
    for (place, byte) in PLACES.into_iter().zip(bits.to_be_bytes()) {
        text[place] = digit(byte >> 4);
        text[place + 1] = digit(byte & 15);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Key of an object's kind, namespace and name in indexes.
pub fn name_key(kind: &str, namespace: &str, name: &str) -> u64 {
    let parts = [kind, "/", namespace, "/", name];
    parts.iter().fold(BASIS_64, |hash, part| fnv_64(hash, part.as_bytes()))
}

/// Stands for the uid of an object whose uid is unknown. `cluster_uid` is empty when unknown.
pub fn standin_uid(cluster_uid: &str, kind: &str, namespace: &str, name: &str) -> String {
    [cluster_uid, kind, namespace, name].join("/")
}

#[cfg(test)]
mod tests {
    use super::{BASIS_64, Key, event_span_id, fnv_64, fnv_128, name_key, object_key, standin_uid};

    /// From the reference implementation's published test vectors.
    #[test]
    fn hashes_are_the_published_fnv_1a() {
        assert_eq!(fnv_64(BASIS_64, b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv_64(BASIS_64, b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv_64(BASIS_64, b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(fnv_128(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv_128(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(fnv_128(b"foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }

    #[test]
    fn an_id_that_would_be_zero_is_one() {
        // The published 64-bit zero hash: FNV-1a of these eight bytes is 0.
        let zero = [0xd5, 0x6b, 0xb9, 0x53, 0x42, 0x87, 0x08, 0x36];
        assert_eq!(fnv_64(BASIS_64, &zero), 0);
        assert_eq!(Key(zero.to_vec()).span_id(), [0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn keys_join_their_parts_in_the_order_of_the_table() {
        assert_eq!(Key::generation("u", 2).0, b"u\x02\0\0\0\0\0\0\0");
        assert_eq!(Key::opened("u", 1, "e", 12).0, b"u\x01\0\0\0\0\0\0\0e12");
        assert_eq!(Key::opened("u", 1, "e", 0).0, b"u\x01\0\0\0\0\0\0\0e0");
        assert_eq!(Key::deletion("u").0, b"udelete");
        assert_eq!(Key::create("u").0, b"ucreate");
        assert_eq!(Key::scale("u", -1).0, b"u\xff\xff\xff\xff\xff\xff\xff\xffscale");
    }

    #[test]
    fn ids_are_big_endian_digests() {
        assert_eq!(event_span_id("a", 0), 0xaf63_dc4c_8601_ec8c_u64.to_be_bytes());
        assert_eq!(event_span_id("fooba", 0), Key(b"fooba".to_vec()).span_id());
        assert_eq!(event_span_id("a", 12), Key(b"a12".to_vec()).span_id());
        let trace = 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964_u128.to_be_bytes();
        assert_eq!(Key(b"a".to_vec()).trace_id(), trace);
    }

    #[test]
    fn a_uuid_is_its_own_key_and_other_uids_are_hashed() {
        let uuid = "c75bd4a4-8899-4d03-b8e1-e774d5644fba";
        assert_eq!(object_key(uuid), 0xc75b_d4a4_8899_4d03_b8e1_e774_d564_4fba);
        assert_eq!(object_key("hollow-1"), fnv_128(b"hollow-1"));
        assert_eq!(object_key(&uuid.to_uppercase()), fnv_128(uuid.to_uppercase().as_bytes()));
        assert_eq!(object_key(&uuid.replace('-', "0")), fnv_128(uuid.replace('-', "0").as_bytes()));
    }

    #[test]
    fn names_keep_their_parts_apart() {
        assert_ne!(name_key("Pod", "a", "b"), name_key("Pod", "ab", ""));
        assert_eq!(standin_uid("", "Pod", "shop", "web"), "/Pod/shop/web");
        assert_eq!(standin_uid("c", "Node", "", "n1"), "c/Node//n1");
    }
}

//! Types whose whole check can be said in a few words, for readers that verify values in bulk.

/// A set of bytes.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct ByteClass(pub(crate) [u64; 4]);

impl ByteClass {
    /// Whether the set has the byte.
    pub fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    /// The bytes of the set, in order.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        (0..=u8::MAX).filter(|&byte| self.contains(byte))
    }
}

/// Values that are valid for certain, told by their raw bytes. A value outside the shape may still be valid (white space
/// that collapses, signs, leading zeros, characters beyond ASCII): it has to be checked in full.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// Bytes of a class, all ASCII, between `min` and `max` of them; `max` is `None` without an upper bound.
    Bytes {
        /// The bytes.
        class: ByteClass,
        /// The least number of them.
        min: usize,
        /// The greatest number of them.
        max: Option<usize>,
    },
    /// One of these literals, sorted.
    Literals(Vec<Box<[u8]>>),
    /// A class of bytes for each place, as many as the value has bytes.
    Places(Vec<ByteClass>),
    /// Digits without sign, leading zero or white space, that make a number within the bounds, both inclusive.
    Digits {
        /// The least number.
        min: u64,
        /// The greatest number.
        max: u64,
    },
    /// Items of a shape with single spaces between them and none around; between `min` and `max` of them.
    List {
        /// Every item's shape.
        item: Box<Shape>,
        /// The least number of items.
        min: usize,
        /// The greatest number of items.
        max: Option<usize>,
    },
}

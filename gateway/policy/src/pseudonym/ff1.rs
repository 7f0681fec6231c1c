//! FF1 of NIST SP 800-38G: a permutation of the texts of one alphabet and length, over AES-256.
//!
//! Only what pseudonyms need: halves of a text are numbers below 2⁹⁶, so that one AES block is enough for each round
//! (the standard's d is at most 16).

use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

/// Rounds of the Feistel network.
const ROUNDS: u8 = 10;
/// The greatest half of a text, in bits.
const MOST_BITS: u32 = 96;

/// A permutation of the texts of `length` symbols out of `radix`, by key and tweak.
#[derive(Debug)]
pub(crate) struct Ff1 {
    key: EncryptingKey,
    radix: u32,
    length: u32,
    /// What the first block of every round's CBC-MAC comes to.
    first: [u8; 16],
    /// The blocks of the tweak, as far as they are full, are in `first`; this is the rest of it with its padding.
    last: [u8; 16],
    /// Bytes of a half as a number: the standard's b.
    bytes: usize,
}

/// AES failed, which it does for no key of the right length; or sizes that this room does not offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unusable;

impl Ff1 {
    /// The permutation. The key has 32 bytes (16 or 24 in the standard's own examples).
    pub(crate) fn new(key: &[u8], tweak: &[u8], radix: u32, length: u32) -> Result<Ff1, Unusable> {
        let algorithm = match key.len() {
            32 => &AES_256,
            #[cfg(test)]
            16 => &aws_lc_rs::cipher::AES_128,
            #[cfg(test)]
            24 => &aws_lc_rs::cipher::AES_192,
            _ => return Err(Unusable),
        };
        let greatest = power(radix, length.div_ceil(2)).ok_or(Unusable)? - 1;
        let bits = u128::BITS - greatest.leading_zeros();
        if length < 2 || bits > MOST_BITS || length > 255 || tweak.len() > 1 << 16 {
            return Err(Unusable);
        }
        let bytes = bits.div_ceil(8) as usize;
        let key = UnboundCipherKey::new(algorithm, key).map_err(|_| Unusable)?;
        let key = EncryptingKey::ctr(key).map_err(|_| Unusable)?;
        let mut ff1 = Ff1 { key, radix, length, first: [0; 16], last: [0; 16], bytes };
        let mut head = [0; 16];
        head[..3].copy_from_slice(&[1, 2, 1]);
        head[3..6].copy_from_slice(&radix.to_be_bytes()[1..]);
        head[6] = ROUNDS;
        head[7] = (length / 2) as u8;
        head[8..12].copy_from_slice(&length.to_be_bytes());
        head[12..].copy_from_slice(&(tweak.len() as u32).to_be_bytes());
        ff1.first = ff1.block(head)?;
        // Q is the tweak, zeros, the round and the half, filled up to whole blocks; the last 1 + b bytes change.
        let tail = 1 + bytes;
        let padded = (tweak.len() + tail).next_multiple_of(16);
        let mut q = vec![0; padded];
        q[..tweak.len()].copy_from_slice(tweak);
        // b is at most 12, so that round and half are in the last block.
        let (whole, last) = q.split_at(padded - 16);
        for block in whole.as_chunks::<16>().0 {
            ff1.first = ff1.block(xor(ff1.first, *block))?;
        }
        ff1.last.copy_from_slice(last);
        Ok(ff1)
    }

    /// The image of a text.
    pub(crate) fn encrypt(&self, text: &mut [u8]) -> Result<(), Unusable> {
        self.rounds(text, true)
    }

    /// The text whose image this is.
    pub(crate) fn decrypt(&self, text: &mut [u8]) -> Result<(), Unusable> {
        self.rounds(text, false)
    }

    fn rounds(&self, text: &mut [u8], forth: bool) -> Result<(), Unusable> {
        if text.len() != self.length as usize {
            return Err(Unusable);
        }
        let (u, v) = (self.length / 2, self.length.div_ceil(2));
        let (mut a, mut b) = (self.number(&text[..u as usize]), self.number(&text[u as usize..]));
        let sizes = [power(self.radix, u).ok_or(Unusable)?, power(self.radix, v).ok_or(Unusable)?];
        for n in 0..ROUNDS {
            let round = if forth { n } else { ROUNDS - 1 - n };
            let size = sizes[usize::from(round % 2)];
            if forth {
                let y = self.round(round, b)? % size;
                (a, b) = (b, (a + y) % size);
            } else {
                let y = self.round(round, a)? % size;
                (a, b) = ((b + size - y) % size, a);
            }
        }
        self.write(a, &mut text[..u as usize]);
        self.write(b, &mut text[u as usize..]);
        Ok(())
    }

    fn round(&self, round: u8, half: u128) -> Result<u128, Unusable> {
        let mut q = self.last;
        q[15 - self.bytes] = round;
        q[16 - self.bytes..].copy_from_slice(&half.to_be_bytes()[16 - self.bytes..]);
        let r = self.block(xor(self.first, q))?;
        let d = 4 * self.bytes.div_ceil(4) + 4;
        let mut s = [0; 16];
        s[16 - d..].copy_from_slice(&r[..d]);
        Ok(u128::from_be_bytes(s))
    }

    /// AES of one block: the first block of key stream from it, in counter mode.
    fn block(&self, block: [u8; 16]) -> Result<[u8; 16], Unusable> {
        let mut stream = [0; 16];
        let counter = EncryptionContext::Iv128(FixedLength::from(block));
        self.key.less_safe_encrypt(&mut stream, counter).map_err(|_| Unusable)?;
        Ok(stream)
    }

    fn number(&self, symbols: &[u8]) -> u128 {
        symbols.iter().fold(0, |number, &symbol| number * u128::from(self.radix) + u128::from(symbol))
    }

    fn write(&self, mut number: u128, symbols: &mut [u8]) {
        for symbol in symbols.iter_mut().rev() {
            *symbol = (number % u128::from(self.radix)) as u8;
            number /= u128::from(self.radix);
        }
    }
}

fn power(radix: u32, exponent: u32) -> Option<u128> {
    u128::from(radix).checked_pow(exponent)
}

fn xor(mut a: [u8; 16], b: [u8; 16]) -> [u8; 16] {
    a.iter_mut().zip(b).for_each(|(a, b)| *a ^= b);
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap()).collect()
    }

    fn symbols(text: &str) -> Vec<u8> {
        text.chars().map(|c| c.to_digit(36).unwrap() as u8).collect()
    }

    /// FF1 samples 1 to 9 of NIST's "Cryptographic Standards and Guidelines: Examples with Intermediate Values"
    /// (<https://csrc.nist.gov/CSRC/media/Projects/Cryptographic-Standards-and-Guidelines/documents/examples/FF1samples.pdf>),
    /// held against the copies in the tests of <https://github.com/capitalone/fpe> (`ff1/ff1_test.go`) and of others.
    #[test]
    fn the_standards_examples_come_out() {
        const KEY: &str = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94";
        const TWEAKS: [(&str, u32, &str); 3] = [
            ("", 10, "0123456789"),
            ("39383736353433323130", 10, "0123456789"),
            ("3737373770717273373737", 36, "0123456789abcdefghi"),
        ];
        let images = [
            (16, ["2433477484", "6124200773", "a9tv40mll9kdu509eum"]),
            (24, ["2830668132", "2496655549", "xbj3kv35jrawxv32ysr"]),
            (32, ["6657667009", "1001623463", "xs8a0azh2avyalyzuwd"]),
        ];
        for (bytes, images) in images {
            for ((tweak, radix, text), image) in TWEAKS.into_iter().zip(images) {
                let ff1 = Ff1::new(&hex(KEY)[..bytes], &hex(tweak), radix, text.len() as u32).unwrap();
                let mut found = symbols(text);
                ff1.encrypt(&mut found).unwrap();
                assert_eq!(found, symbols(image), "{text}, tweak {tweak}, key of {bytes} bytes");
                ff1.decrypt(&mut found).unwrap();
                assert_eq!(found, symbols(text), "{image}, tweak {tweak}, key of {bytes} bytes");
            }
        }
    }

    #[test]
    fn sizes_beyond_one_block_are_not_offered() {
        assert!(Ff1::new(&[7; 32], b"t", 62, 32).is_ok());
        assert_eq!(Ff1::new(&[7; 32], b"t", 62, 34).unwrap_err(), Unusable);
        assert_eq!(Ff1::new(&[7; 20], b"t", 62, 20).unwrap_err(), Unusable);
    }
}

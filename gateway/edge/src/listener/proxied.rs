//! The PROXY protocol, version 2: by which a balancer says, before anything else, whose connection it passes on.
//!
//! Only version 2, only TCP, and no more than [`MOST`] bytes. A header is read to its last byte and no further.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What every header begins with (section 2.2).
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and protocol, length.
const FIXED: usize = 16;
/// The longest header: addresses, and what balancers add to them.
const MOST: usize = 1_024;
/// The type of a field with the header's CRC-32C.
const CRC32C: u8 = 0x03;

/// Why a header is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// It does not begin with the signature: the balancer does not speak the protocol, or speaks version 1.
    #[error("no header of the PROXY protocol, version 2")]
    NotSpoken,
    /// A version or a command that is not known.
    #[error("a version or a command of the PROXY protocol that is not known")]
    Unknown,
    /// No TCP connection, or one that the balancer does not say the address of.
    #[error("the header names no address of TCP")]
    NoAddress,
    /// More than [`MOST`] bytes.
    #[error("the header has more than 1,024 bytes")]
    TooLong,
    /// It is shorter than what it says of itself.
    #[error("the header contradicts its length")]
    Length,
    /// Its checksum is not that of its bytes.
    #[error("the header's checksum is wrong")]
    Checksum,
}

impl ProxyError {
    /// Stable, kebab-case code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotSpoken => "proxy-not-spoken",
            Self::Unknown => "proxy-unknown",
            Self::NoAddress => "proxy-no-address",
            Self::TooLong => "proxy-too-long",
            Self::Length => "proxy-length",
            Self::Checksum => "proxy-checksum",
        }
    }
}

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The balancer's own: it looks whether the gateway is there.
    Balancer,
    /// A client's, from this address.
    Client(SocketAddr),
}

/// How many bytes a header has that begins with these.
///
/// # Errors
/// When it is none, or too long.
pub fn length(fixed: &[u8; FIXED]) -> Result<usize, ProxyError> {
    if fixed[..12] != SIGNATURE {
        return Err(ProxyError::NotSpoken);
    }
    if fixed[12] >> 4 != 2 {
        return Err(ProxyError::Unknown);
    }
    let whole = FIXED + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if whole > MOST { Err(ProxyError::TooLong) } else { Ok(whole) }
}

/// Whose connection a whole header says it is.
///
/// # Errors
/// When it cannot be read in exactly one way.
pub fn parse(header: &[u8]) -> Result<Source, ProxyError> {
    let fixed = header.first_chunk().ok_or(ProxyError::Length)?;
    if length(fixed)? != header.len() {
        return Err(ProxyError::Length);
    }
    let command = fixed[12] & 0x0f;
    let (source, rest) = match (command, fixed[13]) {
        // Whatever a balancer says of its own connection is passed over (section 2.2).
        (0, _) => return Ok(Source::Balancer),
        (1, 0x11) => address::<4>(&header[FIXED..])?,
        (1, 0x21) => address::<16>(&header[FIXED..])?,
        (1, _) => return Err(ProxyError::NoAddress),
        _ => return Err(ProxyError::Unknown),
    };
    fields(header, rest)?;
    Ok(Source::Client(source))
}

/// Source and destination, each an address of so many bytes; the ports behind them; and what is left.
fn address<const N: usize>(rest: &[u8]) -> Result<(SocketAddr, &[u8]), ProxyError>
where
    IpAddr: From<[u8; N]>,
{
    let (source, rest) = rest.split_first_chunk::<N>().ok_or(ProxyError::Length)?;
    let (_, rest) = rest.split_first_chunk::<N>().ok_or(ProxyError::Length)?;
    let (ports, rest) = rest.split_first_chunk::<4>().ok_or(ProxyError::Length)?;
    let address = IpAddr::from(*source).to_canonical();
    Ok((SocketAddr::new(address, u16::from_be_bytes([ports[0], ports[1]])), rest))
}

/// Fields of type, length and value fill the header to its end; a checksum among them is right (section 2.2.3).
fn fields(header: &[u8], mut rest: &[u8]) -> Result<(), ProxyError> {
    while let Some(([kind, high, low], behind)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, behind) = behind.split_at_checked(length).ok_or(ProxyError::Length)?;
        if *kind == CRC32C {
            let said: [u8; 4] = value.try_into().map_err(|_| ProxyError::Checksum)?;
            let at = header.len() - behind.len() - 4;
            // Reckoned with zeros in its own place.
            let bytes = header[..at].iter().chain(&[0; 4]).chain(behind);
            if crc32c(bytes) != u32::from_be_bytes(said) {
                return Err(ProxyError::Checksum);
            }
        }
        rest = behind;
    }
    if rest.is_empty() { Ok(()) } else { Err(ProxyError::Length) }
}

/// CRC-32C (RFC 3720 appendix B.4), bit by bit: a header is short.
fn crc32c<'b>(bytes: impl Iterator<Item = &'b u8>) -> u32 {
    !bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    })
}

/// Reads a header from a stream, and nothing behind it.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Result<Source, ProxyError>> {
    let mut header = vec![0; FIXED];
    stream.read_exact(&mut header).await?;
    let whole = match header.first_chunk().ok_or(ProxyError::Length).and_then(length) {
        Ok(whole) => whole,
        Err(error) => return Ok(Err(error)),
    };
    header.resize(whole, 0);
    stream.read_exact(&mut header[FIXED..]).await?;
    Ok(parse(&header))
}

/// A header as a balancer writes it, without fields.
pub fn written(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let both = match (source.ip(), destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => [source.octets(), destination.octets()].concat(),
        (source, destination) => [six(source).octets(), six(destination).octets()].concat(),
    };
    let family = if both.len() == 8 { 0x11 } else { 0x21 };
    // At most 36.
    let length = u16::try_from(both.len() + 4).unwrap_or(u16::MAX).to_be_bytes();
    let ports = [source.port().to_be_bytes(), destination.port().to_be_bytes()].concat();
    [&SIGNATURE[..], &[0x21, family], &length, &both, &ports].concat()
}

fn six(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::to_ipv6_mapped(&address),
        IpAddr::V6(address) => address,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may panic

    use proptest::prelude::*;

    use super::*;

    const FROM: &str = "192.0.2.7:50000";

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    /// A header of TCP over IPv4 with these fields behind the addresses.
    fn with_fields(fields: &[u8]) -> Vec<u8> {
        let plain = written(FROM.parse().unwrap(), "192.0.2.1:443".parse().unwrap());
        header(0x21, 0x11, &[&plain[FIXED..], fields].concat())
    }

    #[test]
    fn headers_are_read_as_the_protocol_says() {
        let six = written("[2001:db8::7]:1".parse().unwrap(), "[2001:db8::1]:443".parse().unwrap());
        let mapped = written("[::ffff:192.0.2.7]:50000".parse().unwrap(), "[::1]:443".parse().unwrap());
        let client = |text: &str| Ok(Source::Client(text.parse().unwrap()));
        let mut checked = with_fields(&[0x04, 0, 2, 0, 0, CRC32C, 0, 4, 0, 0, 0, 0]);
        let at = checked.len() - 4;
        let sum = crc32c(checked.iter()).to_be_bytes();
        checked[at..].copy_from_slice(&sum);
        let mut broken = checked.clone();
        broken[20] ^= 1;
        let mut version = written(FROM.parse().unwrap(), FROM.parse().unwrap());
        version[12] = 0x11;
        for (name, bytes, read) in [
            ("TCP over IPv4", with_fields(&[]), client(FROM)),
            ("TCP over IPv6", six, client("[2001:db8::7]:1")),
            ("an IPv4-mapped address", mapped, client(FROM)),
            ("fields", with_fields(&[0x02, 0, 3, b'a', b'b', b'c', 0xee, 0, 0]), client(FROM)),
            ("a checksum", checked, client(FROM)),
            ("a wrong checksum", broken, Err(ProxyError::Checksum)),
            ("a short checksum", with_fields(&[CRC32C, 0, 3, 0, 0, 0]), Err(ProxyError::Checksum)),
            ("the balancer's own", header(0x20, 0x00, &[]), Ok(Source::Balancer)),
            ("the balancer's own, with an address", header(0x20, 0x11, &[1; 12]), Ok(Source::Balancer)),
            ("no address", header(0x21, 0x00, &[]), Err(ProxyError::NoAddress)),
            ("UDP", header(0x21, 0x12, &[1; 12]), Err(ProxyError::NoAddress)),
            ("a socket of Unix", header(0x21, 0x31, &[1; 216]), Err(ProxyError::NoAddress)),
            ("another command", header(0x22, 0x11, &[1; 12]), Err(ProxyError::Unknown)),
            ("another version", version, Err(ProxyError::Unknown)),
            ("half an address", header(0x21, 0x11, &[1; 11]), Err(ProxyError::Length)),
            ("IPv6 with the length of IPv4", header(0x21, 0x21, &[1; 12]), Err(ProxyError::Length)),
            ("a field that goes on", with_fields(&[0x02, 0, 9, b'a']), Err(ProxyError::Length)),
            ("half a field", with_fields(&[0x02, 0]), Err(ProxyError::Length)),
            ("too long", header(0x21, 0x11, &[0; MOST]), Err(ProxyError::TooLong)),
            ("version 1", b"PROXY TCP4 192.0.2.7 192.0.2.1 5 443\r\n".to_vec(), Err(ProxyError::NotSpoken)),
            ("HTTP", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(), Err(ProxyError::NotSpoken)),
            ("nothing", Vec::new(), Err(ProxyError::Length)),
        ] {
            assert_eq!(parse(&bytes), read, "{name}");
        }
    }

    #[test]
    fn the_checksum_is_crc_32c() {
        // RFC 3720 appendix B.4.
        assert_eq!(crc32c([0; 32].iter()), 0x8a91_36aa);
        assert_eq!(crc32c([0xff; 32].iter()), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789".iter()), 0xe306_9283);
    }

    #[tokio::test]
    async fn nothing_behind_a_header_is_taken() {
        let bytes = [with_fields(&[0x04, 0, 1, 0]), b"GET /".to_vec()].concat();
        let mut left = &bytes[..];
        assert_eq!(read(&mut left).await.unwrap(), Ok(Source::Client(FROM.parse().unwrap())));
        assert_eq!(left, b"GET /");
        let mut cut = &bytes[..20];
        assert!(read(&mut cut).await.is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(source: SocketAddr, destination: SocketAddr) {
            let canonical = SocketAddr::new(source.ip().to_canonical(), source.port());
            prop_assert_eq!(parse(&written(source, destination)), Ok(Source::Client(canonical)));
        }

        /// Any bytes behind a good beginning: an end, and never a panic; and what is taken fills its length.
        #[test]
        fn any_bytes_come_to_an_end(
            fixed in any::<[u8; 4]>(),
            rest in proptest::collection::vec(any::<u8>(), 0..80),
            cut in 0usize..100,
        ) {
            let bytes = [&SIGNATURE[..], &fixed, &rest].concat();
            let bytes = &bytes[..cut.min(bytes.len())];
            if parse(bytes).is_ok() {
                prop_assert_eq!(length(bytes.first_chunk().unwrap()), Ok(bytes.len()));
            }
        }
    }
}

//! Documents from people who wish us ill: the work grows with the document and no faster, memory does not.
//!
//! Alone in its file, one test: the figures are the process's. Time is that on the processor, which a busy machine does not
//! stretch, and asked for is no speed but that four times the document take well less than four times four as much.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what does not load fails the test")]

use std::fmt::Write as _;
use std::io::{BufReader, Read};
use std::path::Path;

use sekisho_xsd::{DocumentError, Schema};

const SMALL: usize = 96 << 10;
const TIMES: usize = 4;
/// Linear is 4, quadratic 16; between them lie caches, growing tables and a noisy neighbour.
const MOST: u64 = 10;
/// What is done in less, in nanoseconds, is not compared: only so much can be measured.
const FLOOR: u64 = 16_000_000;
/// KiB that a document may add to the process, of whatever kind, its own text in this test among them.
const MEMORY: u64 = 8 << 10;
/// Bytes of what may be one piece, as much of it as is not refused before.
const LONG: usize = 6 << 20;

/// KiB that the keys, identifiers and references of one document take at most, beside all else.
const TABLES: u64 = 96 << 10;

const SCHEMA: &str = r##"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t" elementFormDefault="qualified">
<xs:simpleType name="P"><xs:restriction base="xs:string"><xs:pattern value="([a-z]+)*[0-9]"/><xs:pattern value="(.*a){12}"/></xs:restriction></xs:simpleType>
<xs:simpleType name="L"><xs:list itemType="xs:int"/></xs:simpleType>
<xs:simpleType name="U"><xs:union memberTypes="xs:int t:L t:P"/></xs:simpleType>
<xs:complexType name="Base"><xs:sequence><xs:element name="n" type="xs:int" minOccurs="0"/></xs:sequence></xs:complexType>
<xs:complexType name="Derived"><xs:complexContent><xs:extension base="t:Base"><xs:sequence><xs:element name="m" type="xs:int" minOccurs="0"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Optional"><xs:sequence>OPTIONAL</xs:sequence></xs:complexType>
<xs:complexType name="Required"><xs:sequence>REQUIRED</xs:sequence></xs:complexType>
<xs:complexType name="Counted"><xs:sequence><xs:element name="c" type="xs:int" minOccurs="0" maxOccurs="100000"/></xs:sequence></xs:complexType>
<xs:complexType name="Open"><xs:sequence maxOccurs="900"><xs:element name="c" type="xs:int" maxOccurs="900"/><xs:element name="b" minOccurs="0"/></xs:sequence></xs:complexType>
<xs:complexType name="All"><xs:all><xs:element name="a1"/><xs:element name="a2"/><xs:element name="a3" minOccurs="0"/></xs:all></xs:complexType>
<xs:complexType name="Mixed" mixed="true"><xs:sequence><xs:element name="n" type="xs:int" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType>
<xs:complexType name="Rec"><xs:sequence><xs:element ref="t:rec" minOccurs="0" maxOccurs="unbounded"/></xs:sequence><xs:attribute name="k" type="xs:int"/></xs:complexType>
<xs:complexType name="Wide"><xs:anyAttribute processContents="lax"/></xs:complexType>
<xs:complexType name="Many"><xs:sequence>MANY</xs:sequence></xs:complexType>
<xs:complexType name="Choice"><xs:choice>EITHER</xs:choice></xs:complexType>
<xs:element name="said" fixed="x"><xs:complexType mixed="true"><xs:sequence><xs:element ref="t:said" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>
<xs:element name="rec" type="t:Rec"/><xs:element name="head" type="xs:int"/><xs:element name="member" type="xs:short" substitutionGroup="t:head"/>
<xs:element name="r"><xs:complexType><xs:choice minOccurs="0" maxOccurs="unbounded">
<xs:element name="n" type="xs:int"/><xs:element name="s" type="xs:string"/><xs:element name="p" type="t:P"/><xs:element name="l" type="t:L"/>
<xs:element name="u" type="t:U"/><xs:element name="d" type="xs:date"/><xs:element name="dec" type="xs:decimal"/><xs:element name="bin" type="xs:base64Binary"/>
<xs:element name="base" type="t:Base"/><xs:element name="o" type="t:Optional"/><xs:element name="q" type="t:Required"/><xs:element name="count" type="t:Counted"/>
<xs:element name="open" type="t:Open"/><xs:element name="all" type="t:All"/><xs:element name="mixed" type="t:Mixed"/><xs:element ref="t:rec"/><xs:element ref="t:head"/>
<xs:element name="many" type="t:Many"/><xs:element name="choice" type="t:Choice"/><xs:element ref="t:said"/>
<xs:element name="nil" type="xs:int" nillable="true"/><xs:element name="fixed" type="xs:decimal" fixed="1.0"/><xs:element name="wide" type="t:Wide"/>
<xs:element name="id" type="xs:ID"/><xs:element name="ref" type="xs:IDREFS"/>
<xs:element name="lax"><xs:complexType><xs:sequence><xs:any processContents="lax" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>
<xs:element name="skip"><xs:complexType><xs:sequence><xs:any processContents="skip" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>
</xs:choice></xs:complexType></xs:element>
<xs:element name="keyed"><xs:complexType><xs:choice minOccurs="0" maxOccurs="unbounded">
<xs:element name="item"><xs:complexType><xs:attribute name="k" type="xs:int"/></xs:complexType></xs:element>
<xs:element name="of"><xs:complexType><xs:attribute name="k" type="xs:int"/></xs:complexType></xs:element><xs:element ref="t:rec"/>
</xs:choice></xs:complexType>
<xs:key name="key"><xs:selector xpath="t:item"/><xs:field xpath="@k"/></xs:key>
<xs:unique name="unique"><xs:selector xpath=".//t:rec"/><xs:field xpath="@k|t:rec/t:rec/@k"/></xs:unique>
<xs:keyref name="keyref" refer="t:key"><xs:selector xpath="t:of"/><xs:field xpath="@k"/></xs:keyref></xs:element>
</xs:schema>"##;

const NAMESPACES: &str = r#"xmlns="urn:t" xmlns:t="urn:t" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance""#;

/// A document without an end.
struct Endless {
    piece: Box<dyn FnMut() -> Vec<u8>>,
    bytes: Vec<u8>,
    at: usize,
}

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.bytes.len() {
            (self.bytes, self.at) = ((self.piece)(), 0);
        }
        let count = (&self.bytes[self.at..]).read(out)?;
        self.at += count;
        Ok(count)
    }
}

/// One kind of document: what it is, its root, what comes inside it over and over, and what ends it.
struct Kind {
    name: &'static str,
    root: &'static str,
    head: &'static str,
    body: Box<dyn Fn(usize) -> String>,
    tail: &'static str,
}

fn kind(name: &'static str, body: impl Fn(usize) -> String + 'static) -> Kind {
    Kind { name, root: "r", head: "", body: Box::new(body), tail: "" }
}

fn within(name: &'static str, head: &'static str, tail: &'static str, body: &'static str) -> Kind {
    Kind { name, root: "r", head, body: Box::new(move |_| body.to_owned()), tail }
}

fn keyed(name: &'static str, body: impl Fn(usize) -> String + 'static) -> Kind {
    Kind { root: "keyed", ..kind(name, body) }
}

fn nested(open: &str, close: &str, depth: usize) -> String {
    open.repeat(depth) + &close.repeat(depth)
}

fn kinds() -> Vec<Kind> {
    vec![
        kind("valid elements", |i| format!("<n>{i}</n>")),
        kind("bad values", |_| "<n>x</n>".into()),
        kind("unknown elements", |_| "<x/>".into()),
        kind("unknown elements, each another", |i| format!("<x{i}/>")),
        kind("unknown namespaces, each another", |i| format!("<x xmlns='urn:{i}'/>")),
        kind("unknown names of the length allowed", |i| format!("<{}{i}/>", "x".repeat(900))),
        within("levels without end", "", "", "<rec>"),
        kind("levels down and up again", |_| nested("<rec>", "</rec>", 200)),
        kind("unknown levels down and up again", |_| format!("<lax>{}</lax>", nested("<x>", "</x>", 200))),
        kind("attributes, as many as allowed", |i| {
            let attributes: String = (0..200).map(|a| format!(" a{a}='{i}'")).collect();
            format!("<wide{attributes}/>")
        }),
        kind("attributes that may not be there", |_| "<n a='1' b='2' c='3'>1</n>".into()),
        kind("declarations of namespaces", |_| {
            let bindings: String = (0..100).map(|p| format!(" xmlns:p{p}='urn:{p}'")).collect();
            format!("<n{bindings}>1</n>")
        }),
        kind("one prefix bound again and again", |_| nested("<rec xmlns:t='urn:u'>", "</rec>", 100)),
        within("one long text", "<s>", "</s>", "text and more text "),
        within("text cut by comments", "<n>1", "</n>", "1<!-- -->"),
        within("text cut by sections", "<s>", "</s>", "<![CDATA[x]]>"),
        within("text of references", "<s>", "</s>", "&#65;&amp;"),
        within("a value for a slow pattern", "<p>", "</p>", "abcdefghij"),
        within("another value for a slow pattern", "<p>", "</p>", "a"),
        kind("values for slow patterns", |_| format!("<p>{}!</p>", "ab".repeat(60))),
        within("a long list", "<l>", "</l>", "1 "),
        within("a long list with a fault at its end", "<l>", " x</l>", "1 "),
        within("a long value of a union", "<u>", "!</u>", "12 "),
        within("a long number", "<dec>", "</dec>", "9123456780"),
        within("a long fraction", "<dec>0.", "</dec>", "0000000001"),
        within("a long year", "<d>", "-01-01</d>", "9999999999"),
        within("a long value of base64", "<bin>", "</bin>", "QUJD QUJD\n"),
        kind("optional elements in the wrong order", |_| "<o><e39/><e20/><e10/><e0/></o>".into()),
        kind("optional elements, all", |_| {
            let all: String = (0..40).map(|e| format!("<e{e}/>")).collect();
            format!("<o>{all}</o>")
        }),
        kind("very many optional elements in the wrong order, others each time", |i| {
            format!("<many><e{}/><e{}/></many>", i % 500 + 2, i % 500)
        }),
        kind("very many optional elements in the wrong order, the same each time", |_| {
            "<many><e2/><e0/></many>".into()
        }),
        kind("very many optional elements, each with a fault", |i| {
            format!("<many><e{} a='1'/><e{} a='1'/></many>", i % 500, i % 500 + 1)
        }),
        kind("none of very many alternatives", |_| "<choice/>".into()),
        kind("text in elements with a fixed value inside one another", |_| {
            nested("<said>yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", "</said>", 200)
        }),
        kind("required elements missing", |_| "<q><e39/></q>".into()),
        kind("required elements missing, others each time", |i| {
            format!("<q><e{}/><e{}/></q>", i % 40, (i / 7) % 40)
        }),
        within("counted elements", "<count>", "</count>", "<c>1</c>"),
        within("counted elements in many ways", "<open>", "</open>", "<c>1</c>"),
        kind("counted elements, refused", |_| "<count><c>1</c><x/><c>1</c></count>".into()),
        kind("a set with repetitions", |_| "<all><a2/><a2/><a1/><a1/></all>".into()),
        within("mixed content", "<mixed>", "</mixed>", "text<n>1</n>"),
        kind("text where none may be", |_| "<base>text<n>1</n>text</base>".into()),
        kind("types named", |_| "<base xsi:type='t:Derived'><n>1</n><m>1</m></base>".into()),
        kind("types named that are not there", |i| format!("<base xsi:type='t:None{i}'/>")),
        kind("types named that may not stand there", |_| "<base xsi:type='t:All'><a1/></base>".into()),
        kind("nil with content", |_| "<nil xsi:nil='true'>1<x/></nil>".into()),
        kind("hints", |i| format!("<base xsi:schemaLocation='urn:{i} http://127.0.0.1/{i}.xsd'/>")),
        kind("members of a substitution group", |_| "<member>1</member><head>2</head>".into()),
        kind("fixed values", |_| "<fixed>1.00</fixed><fixed>2</fixed>".into()),
        kind("skipped content", |_| "<skip><x><n>y</n></x></skip>".into()),
        kind("white space", |_| " \n\t ".repeat(20) + "<n>1</n>"),
        kind("comments", |_| "<!-- a comment -->".into()),
        kind("processing instructions", |_| "<?target data?>".into()),
        kind("identifiers", |i| format!("<id>i{i}</id>")),
        kind("identifiers, all the same", |_| "<id>i</id>".into()),
        kind("references that lead nowhere", |i| format!("<ref>i{i} j{i}</ref>")),
        keyed("keys", |i| format!("<item k='{i}'/>")),
        keyed("keys, all the same", |_| "<item k='1'/>".into()),
        keyed("keys without fields", |_| "<item/>".into()),
        keyed("references to keys that are not there", |i| format!("<of k='{i}'/>")),
        keyed("elements selected inside one another", |i| {
            let open: String = (0..150).map(|d| format!("<rec k='{}'>", i * 150 + d)).collect();
            open + &"</rec>".repeat(150)
        }),
        Kind { tail: "<", ..kind("a document cut short", |i| format!("<n>{i}</n>")) },
    ]
}

fn document(kind: &Kind, bytes: usize) -> String {
    let mut text = format!("<{} {NAMESPACES}>{}", kind.root, kind.head);
    for i in 0.. {
        if text.len() >= bytes {
            break;
        }
        text.push_str(&(kind.body)(i));
    }
    let _ = write!(text, "{}</{}>", kind.tail, kind.root);
    text
}

/// Nanoseconds that this thread has had on a processor.
fn on_processor() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap()
}

/// Peak resident memory so far, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap()
}

/// Forgets the peak so far, where the system lets us; gives it, which is then what is resident.
fn idle() -> u64 {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    peak()
}

/// What is one piece, in pieces that repeat: as XML has it, a tag, or as a type has it, a value.
const PIECES: &[(&str, &str, &str, &str)] = &[
    ("a comment", "<r><!--", "x関", "--></r>"),
    ("a comment of hyphens", "<r><!--", "- ", "--></r>"),
    ("a comment before the root", "<!--", "x\n", "--><r/>"),
    ("a comment without an end", "<r><!--", "--", ""),
    ("an instruction", "<r><?a ", "x? ", "?></r>"),
    ("a target without an end", "<r><?", "a", "?></r>"),
    ("a declaration", "<?xml version='1.0'", " ", "?><r/>"),
    ("a text", "<r><s>", "関所", "</s></r>"),
    ("a text of references", "<r><s>", "&#x95A2;", "</s></r>"),
    ("a text in CDATA", "<r><s><![CDATA[", "x]", "]]></s></r>"),
    ("a text of brackets in CDATA", "<r><s><![CDATA[", "]", "]]></s></r>"),
    ("a text of white space", "<r>", " \n", "</r>"),
    ("a text that is passed over", "<r><skip><x>", "x ", "</x></skip></r>"),
    ("a text of mixed content", "<r><mixed>", "x ", "</mixed></r>"),
    ("a fixed value", "<r><fixed>", "0", "</fixed></r>"),
    ("a list", "<r><l>", "1 ", "</l></r>"),
    ("a union", "<r><u>", "12 ", "</u></r>"),
    ("a value for a slow pattern", "<r><p>", "ab", "</p></r>"),
    ("a number", "<r><dec>", "7", "</dec></r>"),
    ("a date", "<r><d>", "9", "</d></r>"),
    ("base64", "<r><bin>", "QUJD QUJD\n", "</bin></r>"),
    ("a name", "<r><", "n", "/></r>"),
    ("an end tag", "<r></r", " ", ">"),
    ("an attribute name", "<r><wide ", "n", "='1'/></r>"),
    ("an attribute value", "<r><wide a='", "1", "'/></r>"),
    ("an attribute value of references", "<r><wide a='", "&#10;", "'/></r>"),
    ("a namespace name", "<r xmlns:p='", "1", "'/>"),
    ("white space in a tag", "<r><wide ", "\n", "/></r>"),
    ("a reference", "<r><s>&#x", "0", "41;</s></r>"),
];

/// Attributes of one tag as long as may be, with values of which another text is made.
fn wide_tag() -> String {
    let value = "1&#10;".repeat(20_000);
    let attributes: String = (0..17).map(|number| format!(" a{number}='{value}'")).collect();
    format!("<r {NAMESPACES}><wide{attributes}/></r>")
}

/// Checks a document that is made as it is read.
fn check_long(schema: &Schema, (head, piece, tail): (&str, &str, &str)) {
    let head = head.replacen("<r", &format!("<r {NAMESPACES}"), 1);
    let pieces = piece.repeat((1 << 16) / piece.len());
    let repeated = Endless { piece: Box::new(move || pieces.clone().into_bytes()), bytes: Vec::new(), at: 0 };
    let length = (LONG / piece.len() * piece.len()) as u64;
    let tail = if head.contains("<r") {
        tail.to_owned()
    } else {
        tail.replacen("<r", &format!("<r {NAMESPACES}"), 1)
    };
    let text = head.as_bytes().chain(repeated.take(length)).chain(tail.as_bytes());
    match schema.validate_document(BufReader::new(text), &mut |_| {}) {
        Ok(_) | Err(DocumentError::Limit { .. } | DocumentError::NotWellFormed { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

/// The least time of a few checks; what ends one is no error of ours, only an end.
fn cost(schema: &Schema, text: &str) -> u64 {
    let once = || {
        let before = on_processor();
        let mut told = 0;
        match schema.validate_document(text.as_bytes(), &mut |_| told += 1) {
            Ok(_) | Err(DocumentError::Limit { .. } | DocumentError::NotWellFormed { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        assert!(told <= 1000, "{told} violations told");
        on_processor() - before
    };
    (0..3).map(|_| once()).min().unwrap_or_default()
}

#[test]
fn work_grows_with_the_document_and_memory_does_not() {
    let numbered = |count: u32, occurs: &str| {
        (0..count).map(|e| format!(r#"<xs:element name="e{e}"{occurs}/>"#)).collect::<String>()
    };
    let text = SCHEMA.replace("OPTIONAL", &numbered(40, r#" minOccurs="0""#));
    let text = text.replace("REQUIRED", &numbered(40, ""));
    let text = text.replace("MANY", &numbered(502, r#" minOccurs="0""#));
    let text = text.replace("EITHER", &numbered(500, ""));
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = &folder.path().join("hostile.xsd");
    std::fs::write(path, text).unwrap();
    let schema = Schema::load(path, None).unwrap();
    let kinds = kinds();
    assert!(kinds.len() >= 40);
    cost(&schema, &format!("<r {NAMESPACES}/>"));
    let (mut steep, mut fat) = (Vec::new(), Vec::new());
    // What one document leaves behind is room for the next: all of them are held against what there was before the first.
    let before = idle();
    let mut weigh = |name: &str| {
        let grown = peak().saturating_sub(before);
        if grown > MEMORY {
            fat.push(format!("{name}: {grown} KiB"));
        }
    };
    for &(name, head, piece, tail) in PIECES {
        check_long(&schema, (head, piece, tail));
        weigh(name);
    }
    cost(&schema, &wide_tag());
    weigh("a tag");
    for kind in &kinds {
        let (small, large) = (document(kind, SMALL), document(kind, TIMES * SMALL));
        let (less, more) = (cost(&schema, &small), cost(&schema, &large));
        if more > less.max(FLOOR) * MOST {
            steep.push(format!("{}: {} ms, then {} ms", kind.name, less / 1_000_000, more / 1_000_000));
        }
        weigh(kind.name);
    }
    assert!(steep.is_empty(), "{steep:#?}");
    assert!(fat.is_empty(), "{fat:#?}");
    let before = idle();
    // References as long as there is room for them: from there on the document is refused by the name of the limit.
    let mut numbers = 0..;
    let piece = move || {
        let references: String =
            numbers.by_ref().take(4000).map(|number: u64| format!("i{number:x} ")).collect();
        format!("<ref>{references}</ref>").into_bytes()
    };
    let endless = Endless { piece: Box::new(piece), bytes: format!("<r {NAMESPACES}>").into_bytes(), at: 0 };
    let refused = schema.validate_document(BufReader::new(endless), &mut |_| {});
    let Err(DocumentError::Limit { which, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(which, "bytes of keys, identifiers and references to them");
    let kept = peak().saturating_sub(before);
    assert!((TABLES / 2..TABLES * 5 / 3).contains(&kept), "{kept} KiB");
}

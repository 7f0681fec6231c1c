//! Every rule of the standard that a document can break, by its code, with a document that keeps it.
#![allow(clippy::unwrap_used, reason = "what does not load fails the test")]

use sekisho_xsd::Schema;

const SCHEMA: &str = r###"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" targetNamespace="urn:t" elementFormDefault="qualified">
<xs:group name="nothing"><xs:sequence/></xs:group><xs:simpleType name="Named"><xs:restriction base="xs:ENTITY"><xs:enumeration value="a"/></xs:restriction></xs:simpleType>
<xs:complexType name="Base"><xs:sequence><xs:element name="b" type="xs:int" minOccurs="0"/></xs:sequence></xs:complexType>
<xs:complexType name="More"><xs:complexContent><xs:extension base="t:Base"><xs:sequence><xs:element name="m" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>
<xs:complexType name="Less"><xs:complexContent><xs:restriction base="t:Base"><xs:sequence/></xs:restriction></xs:complexContent></xs:complexType>
<xs:complexType name="None" abstract="true"><xs:complexContent><xs:extension base="t:Base"/></xs:complexContent></xs:complexType>
<xs:complexType name="Text"><xs:simpleContent><xs:extension base="xs:int"><xs:attribute name="u" use="required"/></xs:extension></xs:simpleContent></xs:complexType>
<xs:complexType name="Attributes"><xs:attribute name="a" type="xs:int"/><xs:attribute name="f" type="xs:decimal" fixed="1.0"/><xs:attribute name="i" type="xs:ID"/>
  <xs:anyAttribute namespace="##other" processContents="strict"/></xs:complexType>
<xs:complexType name="Wild"><xs:anyAttribute namespace="##targetNamespace"/></xs:complexType>
<xs:attribute name="i" type="xs:ID"/><xs:attribute name="j" type="xs:ID"/>
<xs:element name="head" type="t:Base" abstract="true"/><xs:element name="member" type="t:More" substitutionGroup="t:head"/>
<xs:element name="blocked" type="t:Base" block="substitution"/><xs:element name="never" type="t:More" substitutionGroup="t:blocked"/>
<xs:element name="less" type="t:Base" block="extension"/>
<xs:element name="loose" type="xs:int"/>
<xs:element name="r"><xs:complexType><xs:choice minOccurs="0" maxOccurs="unbounded">
  <xs:element name="int" type="xs:int"/><xs:element name="empty"><xs:complexType/></xs:element>
  <xs:element name="noseq"><xs:complexType><xs:sequence/></xs:complexType></xs:element><xs:element name="noall"><xs:complexType><xs:all/></xs:complexType></xs:element>
  <xs:element name="nochoice"><xs:complexType><xs:choice minOccurs="0"><xs:annotation/></xs:choice></xs:complexType></xs:element>
  <xs:element name="within"><xs:complexType><xs:sequence><xs:sequence/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="group"><xs:complexType><xs:group ref="t:nothing"/></xs:complexType></xs:element>
  <xs:element name="added"><xs:complexType><xs:complexContent><xs:extension base="t:Base"><xs:sequence/></xs:extension></xs:complexContent></xs:complexType></xs:element>
  <xs:element name="mixednone"><xs:complexType mixed="true"><xs:sequence/></xs:complexType></xs:element>
  <xs:element name="entity" type="xs:ENTITY"/><xs:element name="entities" type="xs:ENTITIES"/><xs:element name="named" type="t:Named"/>
  <xs:element name="either"><xs:simpleType><xs:union memberTypes="xs:ENTITY xs:string"/></xs:simpleType></xs:element>
  <xs:element name="plain"><xs:complexType><xs:attribute name="e" type="xs:ENTITY"/></xs:complexType></xs:element><xs:element name="base" type="t:Base"/>
  <xs:element name="text" type="t:Text"/><xs:element name="nil" type="xs:int" nillable="true"/><xs:element name="fixed" type="xs:decimal" fixed="1.0"/>
  <xs:element name="nilfixed" type="xs:int" nillable="true" fixed="1"/><xs:element name="default" type="xs:int" default="7"/>
  <xs:element name="mixed" fixed="text"><xs:complexType mixed="true"><xs:sequence><xs:element name="x" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="anything" type="xs:anyType" default="1"/><xs:element name="simple" type="xs:anySimpleType" fixed="1"/>
  <xs:element name="attributes" type="t:Attributes"/><xs:element name="wild" type="t:Wild"/>
  <xs:element ref="t:head"/><xs:element ref="t:blocked"/><xs:element ref="t:less"/>
  <xs:element name="strict"><xs:complexType><xs:sequence><xs:any namespace="##any"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="lax"><xs:complexType><xs:sequence><xs:any namespace="##any" processContents="lax"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="skip"><xs:complexType><xs:sequence><xs:any namespace="##any" processContents="skip"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="other"><xs:complexType><xs:sequence><xs:any namespace="##other" processContents="skip"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="all"><xs:complexType><xs:all><xs:element name="p"/><xs:element name="q" minOccurs="0"/></xs:all></xs:complexType></xs:element>
  <xs:element name="some"><xs:complexType><xs:sequence><xs:element name="s" minOccurs="2" maxOccurs="1000"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="id" type="xs:ID"/><xs:element name="refs" type="xs:IDREFS"/><xs:element name="name" type="xs:QName"/>
  <xs:element name="keys"><xs:complexType><xs:choice minOccurs="0" maxOccurs="unbounded">
    <xs:element name="k"><xs:complexType><xs:attribute name="v" type="xs:decimal"/></xs:complexType></xs:element>
    <xs:element name="o"><xs:complexType><xs:attribute name="v" type="xs:decimal"/></xs:complexType></xs:element>
    <xs:element name="e"><xs:complexType><xs:sequence><xs:element name="n" type="xs:int" nillable="true" maxOccurs="2"/></xs:sequence></xs:complexType></xs:element></xs:choice></xs:complexType>
    <xs:key name="key"><xs:selector xpath="t:k"/><xs:field xpath="@v"/></xs:key>
    <xs:keyref name="ref" refer="t:key"><xs:selector xpath=".//t:o"/><xs:field xpath="@v"/></xs:keyref>
    <xs:unique name="unique"><xs:selector xpath="t:e"/><xs:field xpath="t:n"/></xs:unique>
    <xs:unique name="complex"><xs:selector xpath="."/><xs:field xpath="t:e|t:z"/></xs:unique></xs:element>
</xs:choice></xs:complexType></xs:element></xs:schema>"###;

/// What stands in the root, and the rules that it breaks.
const CASES: &[(&str, &[&str])] = &[
    ("<int> 1 </int><int><![CDATA[2]]></int><int>&#51;</int>", &[]),
    ("<int>x</int>", &["cvc-datatype-valid"]),
    ("<int a=''>1</int>", &["cvc-type.3.1.1"]),
    ("<int xsi:schemaLocation='a b'>1</int>", &[]),
    // Hints are ignored, those that are none as well.
    (
        "<int xsi:schemaLocation='a'>1</int><int xsi:schemaLocation='' xsi:noNamespaceSchemaLocation='a b'>1</int>",
        &[],
    ),
    ("<int><b/></int>", &["cvc-complex-type.2.4"]),
    ("<nothing/>", &["cvc-complex-type.2.4"]),
    ("<int xmlns=''>1</int>", &["cvc-complex-type.2.4"]),
    ("text", &["cvc-complex-type.2.3"]),
    ("<empty/><empty><!-- --><?p?></empty>", &[]),
    ("<empty> </empty>", &["cvc-complex-type.2.1"]),
    ("<empty><b/></empty>", &["cvc-complex-type.2.4"]),
    ("<noseq/><noall/><nochoice/><nochoice><!-- --></nochoice>", &[]),
    ("<noseq> </noseq>", &["cvc-complex-type.2.1"]),
    ("<noall>&#32;</noall>", &["cvc-complex-type.2.1"]),
    ("<nochoice>\n</nochoice>", &["cvc-complex-type.2.1"]),
    ("<base xsi:type='t:Less'> </base>", &["cvc-complex-type.2.1"]),
    // What is written there has particles, though none that takes an element; or the base type has.
    (
        "<within> </within><group> </group><added> </added><added><b>1</b></added><mixednone> x </mixednone>",
        &[],
    ),
    // No document type declaration is taken: no entity is ever declared.
    ("<entity>a</entity>", &["cvc-simple-type"]),
    ("<entity>1</entity>", &["cvc-datatype-valid"]),
    ("<entities> a b </entities>", &["cvc-simple-type"]),
    ("<named>a</named>", &["cvc-simple-type"]),
    ("<named>b</named>", &["cvc-enumeration-valid"]),
    ("<plain e='a'/>", &["cvc-simple-type"]),
    ("<int xsi:type='xs:ENTITY'>a</int>", &["cvc-elt.4.2", "cvc-datatype-valid"]),
    ("<either>a</either><plain/>", &[]),
    ("<base/><base><b>1</b></base>", &[]),
    ("<base><b>1</b><b>1</b></base>", &["cvc-complex-type.2.4"]),
    ("<text u=''>1</text>", &[]),
    ("<text>1</text>", &["cvc-complex-type.4"]),
    ("<text u=''>1<b/></text>", &["cvc-complex-type.2.4"]),
    ("<nil xsi:nil='true'/><nil xsi:nil=' 1 '></nil><nil xsi:nil='false'>1</nil>", &[]),
    ("<nil xsi:nil='true'>1</nil>", &["cvc-elt.3.2.1"]),
    ("<nil xsi:nil='true'><b/></nil>", &["cvc-elt.3.2.1"]),
    ("<nil/>", &["cvc-datatype-valid"]),
    ("<int xsi:nil='false'>1</int>", &["cvc-elt.3.1"]),
    ("<nil xsi:nil='maybe'>1</nil>", &["cvc-datatype-valid"]),
    // One line, though the value is none either.
    ("<int xsi:nil='maybe'>1</int>", &["cvc-elt.3.1"]),
    ("<lax><any xsi:nil='maybe'/></lax>", &["cvc-datatype-valid"]),
    ("<nilfixed xsi:nil='true'/>", &["cvc-elt.3.2.2"]),
    ("<fixed/><fixed>1.00</fixed><default/><default>8</default>", &[]),
    ("<fixed>1.1</fixed>", &["cvc-elt.5.2.2"]),
    ("<fixed xsi:type='xs:integer'>1</fixed>", &[]),
    ("<fixed xsi:type='xs:integer'/>", &["cvc-elt.5.1.1"]),
    ("<simple>1</simple><simple/>", &[]),
    ("<simple>2</simple>", &["cvc-elt.5.2.2"]),
    ("<mixed/><mixed>text</mixed>", &[]),
    ("<mixed>text <x/></mixed>", &["cvc-elt.5.2.2.1"]),
    ("<mixed> text</mixed>", &["cvc-elt.5.2.2.2"]),
    ("<anything xsi:type='t:Base'/>", &["cvc-elt.5.1.1"]),
    ("<anything a='1'><x/>text<loose>1</loose></anything>", &[]),
    ("<anything><loose>x</loose></anything>", &["cvc-datatype-valid"]),
    ("<base xsi:type='t:More'><m>1</m></base><base xsi:type='t:Less'/>", &[]),
    ("<base xsi:type='t:More'/>", &["cvc-complex-type.2.4"]),
    ("<base xsi:type='t:Unknown'/>", &["cvc-elt.4.1"]),
    ("<base xsi:type='u:More'/>", &["cvc-elt.4.1"]),
    ("<base xsi:type='t:Text'/>", &["cvc-elt.4.2"]),
    ("<base xsi:type='t:None'/>", &["cvc-type.2"]),
    ("<less xsi:type='t:Less'/>", &[]),
    ("<less xsi:type='t:More'><m>1</m></less>", &["cvc-elt.4.3", "cvc-complex-type.2.4"]),
    ("<member><m>1</m></member>", &[]),
    ("<head/>", &["cvc-elt.2"]),
    ("<blocked/>", &[]),
    ("<never><m>1</m></never>", &["cvc-complex-type.2.4"]),
    ("<attributes a='1' f='1' xml:lang='ja'/>", &["cvc-assess-attr.1.2"]),
    ("<attributes a='x'/>", &["cvc-datatype-valid"]),
    ("<attributes f='2'/>", &["cvc-attribute.4"]),
    ("<attributes b=''/>", &["cvc-complex-type.3.2.2"]),
    ("<attributes t:i='x'/>", &["cvc-complex-type.3.2.2"]),
    ("<wild t:i='x'/>", &[]),
    ("<wild t:i='x' t:j='y'/>", &["cvc-complex-type.5"]),
    ("<wild t:k='x'/>", &["cvc-assess-attr.1.2"]),
    ("<strict><loose>1</loose></strict><strict><any xmlns='' xsi:type='xs:int'>1</any></strict>", &[]),
    ("<strict><any/></strict>", &["cvc-elt.1"]),
    ("<strict><any xsi:type='xs:int'>x</any></strict>", &["cvc-datatype-valid"]),
    ("<lax><any a=''><x/>1</any></lax><lax><loose>1</loose></lax>", &[]),
    ("<lax><loose>x</loose></lax>", &["cvc-datatype-valid"]),
    ("<lax><any xsi:type='t:Unknown'/></lax>", &["cvc-elt.4.1"]),
    ("<skip><loose b='1'>x<y/></loose></skip>", &[]),
    ("<other><x xmlns='urn:o'/></other>", &[]),
    ("<other><int>1</int></other>", &["cvc-complex-type.2.4", "cvc-complex-type.2.4"]),
    ("<other><int xmlns=''>1</int></other>", &["cvc-complex-type.2.4", "cvc-complex-type.2.4"]),
    ("<all><q/><p/></all><all><p/></all>", &[]),
    ("<all><q/></all>", &["cvc-complex-type.2.4"]),
    ("<all><p/><p/></all>", &["cvc-complex-type.2.4"]),
    ("<some><s/><s/><s/></some>", &[]),
    ("<some><s/></some>", &["cvc-complex-type.2.4"]),
    ("<id>a</id><attributes i='b'/><refs>b a</refs><refs>c</refs><id>c</id>", &[]),
    ("<id>a</id><attributes i='a'/>", &["cvc-id.2"]),
    ("<refs>a</refs>", &["cvc-id.1"]),
    ("<name>t:x</name><name>x</name><name>xml:x</name>", &[]),
    ("<name>u:x</name>", &["cvc-datatype-valid"]),
    ("<keys><k v='1'/><k v='2'/><o v='1.0'/><o/></keys><keys><k v='1'/></keys>", &[]),
    ("<keys><k v='1'/><k v='1.0'/></keys>", &["cvc-identity-constraint.4.2.2"]),
    ("<keys><k/></keys>", &["cvc-identity-constraint.4.2.1"]),
    ("<keys><k v='x'/></keys>", &["cvc-datatype-valid"]),
    ("<keys><k v='1'/></keys><keys><o v='1'/></keys>", &["cvc-identity-constraint.4.3"]),
    ("<keys><e><n>1</n></e></keys>", &["cvc-identity-constraint.4"]),
];

#[test]
fn documents_break_the_rules_that_they_break() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.xsd");
    std::fs::write(&path, SCHEMA).unwrap();
    let schema = Schema::load(&path, None).unwrap();
    let mut wrong = Vec::new();
    for (inside, rules) in CASES {
        let document = format!(
            r#"<r xmlns="urn:t" xmlns:t="urn:t" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{inside}</r>"#
        );
        let mut broken = Vec::new();
        let validity =
            schema.validate_document(document.as_bytes(), &mut |violation| broken.push(violation)).unwrap();
        let codes: Vec<_> = broken.iter().map(|violation| violation.code).collect();
        if codes != *rules || validity.valid != rules.is_empty() {
            wrong.push(format!("{inside}: {codes:?} instead of {rules:?}"));
        }
        assert!(broken.iter().all(|violation| violation.line.is_some()), "{inside}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

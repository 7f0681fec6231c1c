#!/usr/bin/env python3
"""Write synthetic municipal attribute data (the 168 columns of 表 21) to standard output.

  gen_attribute_xml.py --records 400000 --format xml > data.xml

One record is one resident: user id, age base date, sex, birth year and month, municipality,
town and reserve address codes, spouse flag, 101 household age flags (0..100), 3 resident-tax
flags, 5 benefit flags, 20 extension and 30 reserve fields (the first 3 of each in use, the
others empty). Streams; the same --seed gives the same bytes. The schema is attribute.xsd
(xml; also the SOAP body). No third-party modules; nobody real is described.
"""
import argparse, random, sys

NS = 'urn:example:attribute-data:1'
HEAD = ['UserId', 'AgeBaseDate', 'Sex', 'BirthYear', 'BirthMonth', 'MunicipalityCode', 'TownCode',
        'AddressReserve', 'Spouse']
AGES = [f'Age{i:03}' for i in range(101)]
TAIL = ['TaxCurrent', 'TaxPrevious', 'TaxBeforePrevious', 'NationalHealthInsurance', 'LateElderlyMedical',
        'ChildAllowance', 'ChildRearingAllowance', 'PublicAssistance']
EXT = [f'Ext{i:02}' for i in range(1, 21)]
RES = [f'Reserve{i:02}' for i in range(1, 31)]
CSV_HEAD = (['利用者ID', '年齢基準日', '本人：性別', '本人：生年月日（年）', '本人：生年月日（月）', '本人：自治体コード',
             '本人：現住所町名コード', '本人：現住所コード予備', '世帯員：配偶者有無']
            + [f'世帯員：{i}歳' for i in range(100)] + ['世帯員：100歳以上']
            + ['本人：住民税（現年）', '本人：住民税（前年）', '本人：住民税（前々年）', '本人：国民健康保険：資格有無',
               '本人：後期高齢者医療：資格有無', '本人：児童手当：受給有無', '本人：児童扶養手当：受給有無',
               '本人：生活保護：受給有無'] + [f'拡張領域_領域{i:02}' for i in range(1, 21)]
            + [f'その他予備領域{i:02}' for i in range(1, 31)])
BLANKS = ['', ' ', '\n', '\t', '  ', '\n ', '\n\t', ' \n  ']
CODES = ['12101', '12102', '12103', '12104', '12105', '12106']


def people(n, seed, bad):
    """Yields (head, age flags, tail, ext, reserve) as lists of strings."""
    rnd = random.Random(seed)
    r, bits = rnd.random, rnd.getrandbits
    for i in range(1, n + 1):
        age = min(int(r() * 60 + r() * 55), 104)
        house = {min(age, 100)}
        spouse = age > 22 and r() < 0.55
        if spouse:
            house.add(max(18, min(100, age + int(r() * 9) - 4)))
        kids = sorted(int(r() * 18) for _ in range(int(r() * 3.2))) if 22 < age < 62 else []
        house.update(kids)
        flags = ['0'] * 101
        for a in house:
            flags[a] = '1'
        b = bits(16)
        tax = '1' if 18 < age and b & 7 else '0'
        head = [f'U{i:09}{b & 0xfff:03X}', '20161001', '3' if b % 997 == 0 else str(1 + (b >> 3 & 1)),
                str(2016 - age), str(1 + int(r() * 12)), CODES[b % 6], f'{int(r() * 99999):05}',
                f'{bits(60) % 10 ** 18:020}', '1' if spouse else '0']
        tail = [tax, tax, '1' if b & 32 else tax, '1' if b & 64 and age < 75 else '0', '1' if age >= 75 else '0',
                '1' if kids and kids[0] < 15 else '0', '1' if b % 50 == 1 else '0', '1' if b % 60 == 1 else '0']
        ext = [str(b >> 9 & 1), str(b >> 10 & 1), str(b >> 11 & 1)]
        res = [f'{2016 - k}{1 + int(r() * 12):02}' for k in kids[:3]]
        if i == bad:
            head[2] = '9'
        yield head, flags, tail, ext, res


def tagged(names, values):
    return ''.join([f'<{n}>{v}</{n}>' for n, v in zip(names, values)])


def unlike(record, rnd):
    """White space behind each end tag, and in every other tag: 12 ways at each of some 125 places."""
    parts = record.split('</')
    out = [parts[0]]
    for part in parts[1:]:
        bits = rnd.getrandbits(6)
        end, more = part.split('>', 1)
        out.append(f'{end}{" " * (bits & 1)}>{BLANKS[bits >> 1 & 7]}{more}')
    return '</'.join(out)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--records', type=int, default=1000)
    ap.add_argument('--format', default='xml', choices=['csv', 'xml', 'soap', 'json'])
    ap.add_argument('--ages', default='elements', choices=['elements', 'list'],
                    help='xml, soap, json: one element per age, or one xs:list of 101 flags')
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--bad-record', type=int, default=0, metavar='N', help='make record N invalid (sex 9)')
    ap.add_argument('--unlike', action='store_true',
                    help='xml: other white space between and inside the tags of every record')
    ap.add_argument('--schema-location', metavar='URI', help='xml: add xsi:schemaLocation')
    a = ap.parse_args()
    sys.stdout.reconfigure(encoding='utf-8', newline='\n')
    w, buf = sys.stdout.write, []

    def put(s):
        buf.append(s)
        if len(buf) >= 256:
            w(''.join(buf))
            buf.clear()

    rows = people(a.records, a.seed, a.bad_record)
    if a.format == 'csv':
        put(','.join(CSV_HEAD) + '\r\n')
        for h, f, t, e, r in rows:
            put(','.join(h + f + t + e + [''] * (20 - len(e)) + r + [''] * (30 - len(r))) + '\r\n')
    elif a.format == 'json':
        put('{"header":{"dataId":"SYN-%d","created":"2016-10-01T00:00:00+09:00","recordCount":%d},"records":[\n'
            % (a.seed, a.records))
        for i, (h, f, t, e, r) in enumerate(rows):
            ages = ',"Ages":"%s"' % ' '.join(f) if a.ages == 'list' else ',' + ','.join(
                [f'"{n}":"{v}"' for n, v in zip(AGES, f)])
            put((',\n' if i else '') + '{' + ','.join([f'"{n}":"{v}"' for n, v in zip(HEAD, h)]) + ages + ',' + ','.join(
                [f'"{n}":"{v}"' for n, v in zip(TAIL + EXT[:len(e)] + RES[:len(r)], t + e + r)]) + '}')
        put('\n]}\n')
    else:
        soap = a.format == 'soap'
        put('<?xml version="1.0" encoding="UTF-8"?>\n')
        if soap:
            put('<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Header/><soap:Body>\n')
        loc = ''
        if a.schema_location:
            loc = (' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="%s %s"'
                   % (NS, a.schema_location))
        put(f'<AttributeData xmlns="{NS}"{loc}>\n<Header><DataId>SYN-{a.seed}</DataId>'
            f'<Created>2016-10-01T00:00:00+09:00</Created><RecordCount>{a.records}</RecordCount></Header>\n')
        blank = random.Random(a.seed + 1)
        for h, f, t, e, r in rows:
            ages = '<Ages>' + ' '.join(f) + '</Ages>' if a.ages == 'list' else tagged(AGES, f)
            record = '<Record>' + tagged(HEAD, h) + ages + tagged(TAIL, t) + tagged(EXT, e) + tagged(RES, r) + '</Record>\n'
            put(unlike(record, blank) if a.unlike else record)
        put('</AttributeData>\n')
        if soap:
            put('</soap:Body></soap:Envelope>\n')
    w(''.join(buf))


if __name__ == '__main__':
    try:
        main()
    except BrokenPipeError:
        sys.stderr.close()

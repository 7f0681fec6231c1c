#!/usr/bin/env python3
"""Compares every record of a CSV file that was sent with the rows that the reference cloud holds.

  compare.py --sent data.csv --held http://127.0.0.1:8080/admin/rows/attributes
  compare.py --sent data.csv --held rows.csv --mapping mapping.json --key F001

It shares no code with the gateway or the cloud and needs nothing but Python 3. Of each record it remembers the key and
a digest, so memory grows by about 250 bytes a record, whatever the records hold.

The mapping is a JSON object, every part of it optional:
  {"key": "F001",                       key field of the file
   "fields": {"F001": "C001", ...},     field of the file -> column of the cloud; fields that are not named are not sent
   "constants": {"C200": "x"},          columns that hold the same in every row
   "null": ["C009"]}                    columns whose empty field is sent as null
Without "fields" every field is sent under its own name. An empty field and a column left out are the same.

Exit code: 0 everything is there, once; 1 something is off; 2 the comparison could not be made.
"""
import argparse
import csv
import hashlib
import io
import itertools
import json
import sys
import urllib.request

SEPARATOR = '\x1f'
NULL = '\\N'


class Problem(Exception):
    """The comparison cannot be made."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--sent', required=True, metavar='FILE', help='the CSV file that was sent; - is standard input')
    parser.add_argument('--held', required=True, metavar='URL|FILE', help="the cloud's dump of a table, CSV or NDJSON")
    parser.add_argument('--held-format', choices=['csv', 'ndjson'], help='by default told by the first byte')
    parser.add_argument('--mapping', metavar='FILE', help='field names of the file to columns of the cloud, as JSON')
    parser.add_argument('--key', help='key field of the file (default: as the mapping says, else the first column)')
    parser.add_argument('--operation', metavar='FIELD',
                        help='field of the file that says "delete" for records that must not be held')
    parser.add_argument('--encoding', default='utf-8-sig', help='of the file that was sent (cp932, utf-16, ...)')
    parser.add_argument('--allow-rewrites', action='store_true',
                        help='writing the same content again is no doubled effect; changing it again is')
    parser.add_argument('--except-keys', metavar='FILE', help='keys, one a line, that must not be held (rejected records)')
    parser.add_argument('--show', type=int, default=5, metavar='N', help='names of fields of the first N that differ')
    parser.add_argument('--json', action='store_true', help='print the counts as one JSON object')
    arguments = parser.parse_args()
    try:
        counts, notes = compare(arguments)
    except (Problem, OSError, UnicodeError, csv.Error, ValueError) as problem:
        print(f'compare: {problem}', file=sys.stderr)
        return 2
    off = any(counts[name] for name in ('missing', 'extra', 'different', 'doubled', 'sent_twice'))
    if arguments.json:
        print(json.dumps({**counts, 'same': not off}))
    else:
        for note in notes:
            print(note)
        print(', '.join(f'{name.replace("_", " ")} {count}' for name, count in counts.items()))
        print('every record is there once, as it was sent' if not off else 'NOT THE SAME')
    return 1 if off else 0


def compare(arguments):
    csv.field_size_limit(1 << 30)
    mapping = {}
    if arguments.mapping:
        with open(arguments.mapping, encoding='utf-8') as file:
            mapping = json.load(file)
    with open_sent(arguments) as file:
        rows = csv.reader(file, strict=True)
        header = next(rows, None)
        if not header:
            raise Problem('the file that was sent has no header row')
        plan = Plan(header, mapping, arguments.key, arguments.operation)
        sent, counts = read_sent(rows, plan)
    excluded = set()
    if arguments.except_keys:
        with open(arguments.except_keys, encoding='utf-8') as file:
            excluded = {line.rstrip('\r\n') for line in file}
    for key in excluded:
        if key in sent:
            sent[key] = None
    notes = []
    read_held(arguments, plan, sent, counts, notes)
    counts['missing'] = sum(1 for digest in sent.values() if digest is not None)
    return counts, notes


class Plan:
    """Which field of the file stands in which column of the cloud, in one order for both sides."""

    def __init__(self, header, mapping, key, operation):
        fields = mapping.get('fields') or {name: name for name in header if name != operation}
        unknown = [name for name in fields if name not in header]
        if unknown:
            raise Problem(f'the mapping names fields that the file does not have: {", ".join(unknown[:5])}')
        key = key or mapping.get('key') or header[0]
        if key not in header:
            raise Problem(f'the file has no field {key}')
        self.header = header
        self.key = header.index(key)
        self.operation = header.index(operation) if operation else None
        self.columns = list(fields.values()) + list(mapping.get('constants', {}))
        if len(set(self.columns)) != len(self.columns):
            raise Problem('the mapping names a column twice')
        self.positions = [header.index(name) for name in fields]
        self.identical = self.positions == list(range(len(header)))
        self.constants = list(mapping.get('constants', {}).values())
        null = set(mapping.get('null', []))
        self.null_at = [at for at, column in enumerate(self.columns) if column in null]

    def sent_values(self, row):
        values = row if self.identical and not self.constants else [row[at] for at in self.positions] + self.constants
        if self.null_at:
            values = list(values)
            for at in self.null_at:
                values[at] = values[at] or NULL
        return values


def digest(values):
    return hashlib.blake2b(SEPARATOR.join(values).encode(), digest_size=16).digest()


def read_sent(rows, plan):
    """Key -> digest; None for keys that must not be held."""
    sent = {}
    counts = {'sent': 0, 'held': 0, 'missing': 0, 'extra': 0, 'different': 0, 'doubled': 0, 'sent_twice': 0}
    width = len(plan.header)
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise Problem(f'record {number} of the file has {len(row)} fields, the header {width}')
        key = row[plan.key]
        if key in sent:
            counts['sent_twice'] += 1
        deleted = plan.operation is not None and row[plan.operation] == 'delete'
        sent[key] = None if deleted else digest(plan.sent_values(row))
        counts['sent'] += 1
    return sent, counts


def read_held(arguments, plan, sent, counts, notes):
    """Takes each held row's key out of the reckoning, or counts what is wrong with it."""
    for key, writes, changes, values, surplus in held_rows(arguments, plan):
        counts['held'] += 1
        if (changes if arguments.allow_rewrites else writes) > 1:
            counts['doubled'] += 1
        expected = sent.get(key)
        if expected is None:
            counts['extra'] += 1
            continue
        sent[key] = None
        if surplus or digest(values) != expected:
            counts['different'] += 1
            if len(notes) < arguments.show:
                what = f'columns that were not sent: {", ".join(surplus[:5])}' if surplus else 'values'
                notes.append(f'row {counts["held"]} of the dump differs: {what}')


def held_rows(arguments, plan):
    """Key, writes, changes, values in the plan's order, names of columns that nothing was sent for."""
    with open_held(arguments.held) as file:
        first = file.readline()
        form = arguments.held_format or ('ndjson' if first.startswith('{') else 'csv')
        lines = itertools.chain([first], file)
        if form == 'ndjson':
            wanted = set(plan.columns)
            for line in lines:
                if not line.strip():
                    continue
                held = json.loads(line)
                row = held['row']
                values = [NULL if row.get(name, '') is None else row.get(name, '') for name in plan.columns]
                surplus = [name for name in row if name not in wanted and row[name] != '']
                yield held['key'], held['writes'], held['changes'], values, surplus
            return
        rows = csv.reader(lines, strict=True)
        header = next(rows, None)
        if not header or header[:3] != ['_key', '_writes', '_changes']:
            raise Problem("the dump's header is not that of a table of the reference cloud")
        at = {name: position for position, name in enumerate(header)}
        positions = [at.get(name) for name in plan.columns]
        others = [(position, name) for name, position in at.items() if position > 2 and name not in set(plan.columns)]
        identical = positions == list(range(3, len(header)))
        for row in rows:
            if identical:
                values = row[3:]
            else:
                values = ['' if position is None else row[position] for position in positions]
            surplus = [name for position, name in others if row[position]] if others else []
            yield row[0], int(row[1]), int(row[2]), values, surplus


def open_sent(arguments):
    if arguments.sent == '-':
        return io.TextIOWrapper(sys.stdin.buffer, encoding=arguments.encoding, newline='')
    return open(arguments.sent, encoding=arguments.encoding, newline='')


def open_held(source):
    if source.startswith(('http://', 'https://')):
        # No proxy: the cloud is a neighbour.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return io.TextIOWrapper(io.BufferedReader(opener.open(source, timeout=300), 1 << 20), encoding='utf-8', newline='')
    return open(source, encoding='utf-8', newline='')


if __name__ == '__main__':
    sys.exit(main())

"""zeep does partner upserts against the reference cloud, by the cloud's own WSDL and unchanged.

Its transport's session trusts the CA file that is given. Usage: zeep_upserts.py CLOUD CLIENT_ID CLIENT_SECRET CA_FILE
"""

import json
import sys

import requests
from zeep import Client, xsd
from zeep.exceptions import Fault
from zeep.transports import Transport

CLOUD, CLIENT, SECRET, CA_FILE = sys.argv[1:]
SOBJECT = "{urn:sobject.partner.soap.sforce.com}"
PARTNER = "{urn:partner.soap.sforce.com}"

session = requests.Session()
session.verify = CA_FILE
client = Client(f"{CLOUD}/services/Soap/u/59.0?wsdl", transport=Transport(session=session))


def admin(method, path, body=None):
    answer = session.request(method, f"{CLOUD}/admin/{path}", json=body)
    answer.raise_for_status()
    return answer


def stored(table):
    lines = admin("GET", f"rows/{table}?format=ndjson").content.decode().splitlines()
    return {line["key"]: line for line in map(json.loads, lines)}


def log_in():
    """A service at the address that the login names, and the session's header."""
    result = client.service.login(username=CLIENT, password=SECRET)
    assert result.passwordExpired is False and len(result.userInfo.organizationId) == 18
    service = client.create_service(f"{PARTNER}SoapBinding", result.serverUrl)
    return service, client.get_element(f"{PARTNER}SessionHeader")(sessionId=result.sessionId)


def s_object(key, value, to_null=()):
    kind = client.get_type(f"{SOBJECT}sObject")
    fields = {"F001": key, "F002": value}
    elements = [xsd.AnyObject(xsd.Element(f"{SOBJECT}{name}", xsd.String()), text) for name, text in fields.items()]
    return kind(type="houses", fieldsToNull=list(to_null), _value_1=elements)


def upsert(service, header, objects, more=()):
    answer = service.upsert(
        externalIDFieldName="F001", sObjects=objects, _soapheaders=[header, *more]
    )
    return answer.body.result if hasattr(answer, "body") else answer


def fault_of(call):
    try:
        call()
    except Fault as fault:
        detail = next(iter(fault.detail))
        return fault.code, detail.tag, detail.findtext("{urn:fault.partner.soap.sforce.com}exceptionCode")
    raise AssertionError("no fault")


FAULT = "{urn:fault.partner.soap.sforce.com}"
wrong = fault_of(lambda: client.service.login(username=CLIENT, password="wrong"))
assert wrong == ("sf:INVALID_LOGIN", f"{FAULT}LoginFault", "INVALID_LOGIN"), wrong

service, header = log_in()
admin("POST", "bad-records", {"pattern": "H*3", "code": "STRING_TOO_LONG"})
objects = [s_object(f"H{n:03}", f"値 <{n}> & more", ["F009"] if n % 5 == 0 else []) for n in range(200)]
results = upsert(service, header, objects)
assert len(results) == 200
for number, result in enumerate(results):
    if number % 10 == 3:
        assert not result.success and result.id is None and result.errors[0].statusCode == "STRING_TOO_LONG"
    else:
        assert result.success and result.created and len(result.id) == 18 and not result.errors
held = stored("houses")
assert len(held) == 180
assert held["H005"]["row"] == {"F001": "H005", "F002": "値 <5> & more", "F009": None}, held["H005"]
assert "F009" not in held["H006"]["row"]
admin("DELETE", "bad-records")

# One key twice in a call: both are errors, neither is applied.
twice = upsert(service, header, [s_object("H500", "a"), s_object("H501", "b"), s_object("H500", "c")])
assert [result.success for result in twice] == [False, True, False]
assert twice[0].errors[0].statusCode == "DUPLICATE_VALUE" and "H500" not in stored("houses")

# All or none, where the header says so.
all_or_none = client.get_element(f"{PARTNER}AllOrNoneHeader")(allOrNone=True)
none = upsert(service, header, [s_object("H600", "a"), s_object("", "b")], [all_or_none])
assert [result.errors[0].statusCode for result in none] == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
assert "H600" not in stored("houses")

many = [s_object(f"M{n:03}", "x") for n in range(201)]
code, tag, detail = fault_of(lambda: upsert(service, header, many))
assert (code, tag, detail) == ("sf:EXCEEDED_ID_LIMIT", f"{FAULT}UnexpectedErrorFault", "EXCEEDED_ID_LIMIT")
assert "M000" not in stored("houses")

admin("POST", "sessions/expire")
code, _, detail = fault_of(lambda: upsert(service, header, objects[:1]))
assert (code, detail) == ("sf:INVALID_SESSION_ID", "INVALID_SESSION_ID")
service, header = log_in()
assert upsert(service, header, objects[:1])[0].created is False
print("zeep: a login, 200 sObjects in one call, faults and a session renewed")

"""simple-salesforce does its own upserts against the reference cloud, unchanged.

It knows the cloud by its public names only (`login`, `city.my`), reaches it through the proxy that it is given, and
trusts what REQUESTS_CA_BUNDLE names. Usage: simple_salesforce_upserts.py PROXY CLIENT_ID CLIENT_SECRET KEY_FILE
"""

import csv
import io
import json
import sys

from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
)

PROXY, CLIENT, SECRET, KEY_FILE = sys.argv[1:]
PROXIES = {"https": PROXY, "http": PROXY}
ROWS = 5_000


def by_jwt():
    return Salesforce(
        username="gateway@city.example", consumer_key=CLIENT, privatekey_file=KEY_FILE, instance_url="city.my",
        proxies=PROXIES,
    )


def by_client_credentials():
    return Salesforce(consumer_key=CLIENT, consumer_secret=SECRET, domain="city.my", proxies=PROXIES)


def by_soap(password=SECRET):
    return Salesforce(username=CLIENT, password=password, security_token="", domain="city.my", proxies=PROXIES)


def admin(sf, method, path, body=None):
    answer = sf.session.request(method, f"https://{sf.sf_instance}/admin/{path}", json=body)
    answer.raise_for_status()
    return answer


def stored(sf, table):
    """What the cloud holds: key to row and number of writes."""
    lines = admin(sf, "GET", f"rows/{table}?format=ndjson").content.decode().splitlines()
    return {line["key"]: line for line in map(json.loads, lines)}


def logins():
    for log_in in (by_jwt, by_client_credentials, by_soap):
        sf = log_in()
        assert sf.sf_instance == "city.my.salesforce.com", sf.sf_instance
        assert "DailyApiRequests" in sf.limits(), log_in
        assert sf.api_usage["api-usage"].total > 0, sf.api_usage
    try:
        by_soap(password="wrong")
    except SalesforceAuthenticationFailed as refused:
        assert refused.code == "INVALID_LOGIN", refused.code
    else:
        raise AssertionError("a wrong password was taken")


def row(number):
    return {
        "F001": f"U{number:05}",
        "F002": f'山田 "{number}", 1行目\n2行目' if number % 10 == 0 else f"value {number}",
        "F003": "#N/A" if number % 10 == 1 else "1",
    }


def bulk(sf):
    admin(sf, "POST", "bad-records", {"pattern": "U0*7", "code": "FIELD_CUSTOM_VALIDATION_EXCEPTION"})
    sent = [row(number) for number in range(ROWS)]
    jobs = sf.bulk2.people.upsert(records=sent, external_id_field="F001", batch_size=2_000, wait=0.1)
    assert [job["numberRecordsTotal"] for job in jobs] == [2_000, 2_000, 1_000], jobs
    bad = {each["F001"] for each in sent if each["F001"].endswith("7")}
    assert sum(int(job["numberRecordsFailed"]) for job in jobs) == len(bad), jobs
    taken, refused = {}, {}
    for job in jobs:
        # Only what is ASCII: as text the client takes them for Latin-1, as it does with the real cloud.
        results = sf.bulk2.people.get_all_ingest_records(job["job_id"])
        taken |= {each["F001"]: each for each in results["successfulRecords"] if each["F001"]}
        refused |= {each["F001"]: each for each in results["failedRecords"] if each["F001"]}
        assert results["unprocessedRecords"] == []
    assert set(refused) == bad
    assert all(each["sf__Error"].startswith("FIELD_CUSTOM_VALIDATION_EXCEPTION:") for each in refused.values())
    good = {each["F001"]: each for each in sent if each["F001"] not in bad}
    assert set(good) <= set(taken), sorted(set(good) - set(taken))[:5]
    raw = [list(csv.reader(io.StringIO(sf.bulk2.people.get_successful_records(job["job_id"])))) for job in jobs]
    assert raw[0][0][:2] == ["sf__Id", "sf__Created"] and all(line[1] == "true" for line in raw[0][1:])
    order = [line[raw[0][0].index("F001")] for line in raw[0][1:]]
    assert order != sorted(order), "results are to come in another order than the rows"
    held = stored(sf, "people")
    assert set(held) == set(good)
    for key, expected in good.items():
        there = held[key]["row"]
        assert there["F002"] == expected["F002"], key
        assert there["F003"] == (None if expected["F003"] == "#N/A" else "1"), key
        assert held[key]["writes"] == 1, key
    # An empty field leaves what is there.
    again = [{"F001": "U00000", "F002": "", "F003": "2"}]
    (job,) = sf.bulk2.people.upsert(records=again, external_id_field="F001", wait=0.1)
    (line,) = csv.DictReader(io.StringIO(sf.bulk2.people.get_successful_records(job["job_id"])))
    assert line["sf__Created"] == "false"
    there = stored(sf, "people")["U00000"]["row"]
    assert (there["F002"], there["F003"]) == (row(0)["F002"], "2")
    admin(sf, "DELETE", "bad-records")


def collections(sf):
    admin(sf, "POST", "bad-records", {"pattern": "C*3", "code": "STRING_TOO_LONG"})
    records = [{"attributes": {"type": "places"}, "F001": f"C{n:03}", "F002": str(n)} for n in range(200)]
    path = "composite/sobjects/places/F001"
    body = json.dumps({"allOrNone": False, "records": records})
    results = sf.restful(path, method="PATCH", data=body)
    assert len(results) == 200
    for record, result in zip(records, results, strict=True):
        good = not record["F001"].endswith("3")
        assert result["success"] == good, record
        if good:
            assert len(result["id"]) == 18 and result["created"] and result["errors"] == []
        else:
            assert result["errors"][0]["statusCode"] == "STRING_TOO_LONG"
    assert len(stored(sf, "places")) == 180
    admin(sf, "DELETE", "bad-records")
    too_many = json.dumps({"records": [*records, records[0]]})
    try:
        sf.restful(path, method="PATCH", data=too_many)
    except SalesforceMalformedRequest as refused:
        assert refused.content[0]["errorCode"] == "EXCEEDED_ID_LIMIT", refused.content
    else:
        raise AssertionError("201 records were taken")
    assert sf.places.upsert("F001/C000", {"F002": "one"}) == 200
    assert sf.places.upsert("F001/C999", {"F002": "one"}) == 201


def expiry(sf):
    """A session that ends is begun anew by the client itself, once."""
    first = sf.session_id
    admin(sf, "POST", "sessions/expire")
    assert sf.places.upsert("F001/C001", {"F002": "after"}) == 200
    assert sf.session_id != first
    # One that it did not begin itself it cannot renew.
    given = Salesforce(session_id=first, instance="city.my.salesforce.com", proxies=PROXIES)
    try:
        given.limits()
    except SalesforceExpiredSession as expired:
        assert expired.content[0]["errorCode"] == "INVALID_SESSION_ID", expired.content
    else:
        raise AssertionError("an expired session was taken")


logins()
client = by_jwt()
bulk(client)
collections(client)
expiry(client)
print(f"simple-salesforce: 3 logins, {ROWS} rows in 3 jobs, 200 records in one call, a session renewed")

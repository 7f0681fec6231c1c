// jsforce does its own upserts against the reference cloud, unchanged. It trusts what NODE_EXTRA_CA_CERTS names.
// Usage: jsforce_upserts.mjs CLOUD CLIENT_ID CLIENT_SECRET KEY_FILE AUDIENCE; run where it finds its node_modules.

import assert from 'node:assert/strict';
import { createSign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [cloud, client, secret, keyFile, audience] = process.argv.slice(2);
const jsforce = createRequire(path.join(process.cwd(), 'here.js'))('jsforce');
const rows = 5000;

const connection = () =>
  new jsforce.Connection({ loginUrl: cloud, version: '59.0', oauth2: { loginUrl: cloud, clientId: client, clientSecret: secret } });

const admin = async (method, where, body) => {
  const answer = await fetch(`${cloud}/admin/${where}`, { method, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${where}: ${answer.status}`);
  return answer.text();
};

const stored = async (table) => {
  const lines = (await admin('GET', `rows/${table}?format=ndjson`)).trim().split('\n').map((line) => JSON.parse(line));
  return new Map(lines.map((line) => [line.key, line]));
};

const bySoap = async () => {
  const conn = new jsforce.Connection({ loginUrl: cloud, version: '59.0' });
  const user = await conn.login(client, secret);
  assert.equal(user.organizationId.length, 18);
  assert.equal(conn.instanceUrl, cloud);
  return conn;
};

const byClientCredentials = async () => {
  const conn = connection();
  await conn.authorize({ grant_type: 'client_credentials' });
  assert.equal(conn.instanceUrl, cloud);
  return conn;
};

const byJwt = async () => {
  const part = (content) => Buffer.from(JSON.stringify(content)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 120;
  const signed = `${part({ alg: 'RS256' })}.${part({ iss: client, sub: 'gateway@city.example', aud: audience, exp })}`;
  const signature = createSign('RSA-SHA256').update(signed).sign(readFileSync(keyFile)).toString('base64url');
  const conn = connection();
  await conn.authorize({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: `${signed}.${signature}` });
  return conn;
};

async function logins() {
  for (const logIn of [bySoap, byClientCredentials, byJwt]) {
    const conn = await logIn();
    await conn.request('/limits');
    assert.ok(conn.limitInfo.apiUsage.limit > 0);
  }
  const wrong = new jsforce.Connection({ loginUrl: cloud, version: '59.0' });
  await assert.rejects(wrong.login(client, 'wrong'), /INVALID_LOGIN/);
}

async function bulk(conn) {
  await admin('POST', 'bad-records', { pattern: 'U*7', code: 'FIELD_CUSTOM_VALIDATION_EXCEPTION' });
  const sent = Array.from({ length: rows }, (_, number) => ({
    F001: `U${String(number).padStart(5, '0')}`,
    F002: number % 10 ? `value ${number}` : `山田 "${number}", 1行目\n2行目`,
    F003: number % 10 === 1 ? null : '1',
  }));
  const results = await conn.bulk2.loadAndWaitForResults({
    object: 'crowd', operation: 'upsert', externalIdFieldName: 'F001', input: sent, pollInterval: 100, pollTimeout: 120000,
  });
  const keys = (list) => new Set(list.map((each) => each.F001));
  const bad = new Set(sent.map((each) => each.F001).filter((key) => key.endsWith('7')));
  assert.deepEqual(keys(results.failedResults), bad);
  assert.ok(results.failedResults.every((each) => each.sf__Error.startsWith('FIELD_CUSTOM_VALIDATION_EXCEPTION:')));
  assert.equal(results.unprocessedRecords.length, 0);
  const good = sent.filter((each) => !bad.has(each.F001));
  assert.deepEqual(keys(results.successfulResults), keys(good));
  assert.notDeepEqual(results.successfulResults.map((each) => each.F001), good.map((each) => each.F001));
  const byKey = new Map(results.successfulResults.map((each) => [each.F001, each]));
  assert.ok(good.every((each) => byKey.get(each.F001).F002 === each.F002 && byKey.get(each.F001).sf__Id.length === 18));
  const held = await stored('crowd');
  assert.equal(held.size, good.length);
  for (const { F001, F002, F003 } of good) {
    assert.deepEqual([held.get(F001).row.F002, held.get(F001).row.F003, held.get(F001).writes], [F002, F003, 1], F001);
  }
  await admin('DELETE', 'bad-records');
}

async function collections(conn) {
  await admin('POST', 'bad-records', { pattern: 'C*3', code: 'STRING_TOO_LONG' });
  const records = Array.from({ length: 450 }, (_, n) => ({ F001: `C${String(n).padStart(3, '0')}`, F002: String(n) }));
  const inOneCall = await conn.sobject('rooms').upsert(records.slice(0, 200), 'F001');
  const inThree = await conn.sobject('rooms').upsert(records, 'F001', { allowRecursive: true });
  for (const [results, created] of [[inOneCall, true], [inThree, false]]) {
    results.forEach((result, n) => {
      const good = !records[n].F001.endsWith('3');
      assert.equal(result.success, good, records[n].F001);
      if (good && n < 200) assert.equal(result.created, created);
      if (!good) assert.equal(result.errors[0].statusCode, 'STRING_TOO_LONG');
    });
  }
  assert.deepEqual([inOneCall.length, inThree.length, (await stored('rooms')).size], [200, 450, 405]);
  await assert.rejects(conn.sobject('rooms').upsert(records.slice(0, 201), 'F001'), { errorCode: 'EXCEEDED_ID_LIMIT' });
  const one = await conn.sobject('rooms').upsert({ F001: 'C000', F002: 'one' }, 'F001');
  assert.equal(one.success, true);
  await admin('DELETE', 'bad-records');
}

// A session that ends is begun anew by the client itself, once.
async function expiry(conn) {
  const first = conn.accessToken;
  await admin('POST', 'sessions/expire');
  const [result] = await conn.sobject('rooms').upsert([{ F001: 'C001', F002: 'after' }], 'F001');
  assert.equal(result.success, true);
  assert.notEqual(conn.accessToken, first);
}

await logins();
const conn = await bySoap();
await bulk(await byJwt());
await collections(conn);
await expiry(conn);
console.log(`jsforce: 3 logins, ${rows} rows in a job, 450 records in 3 calls, a session renewed`);

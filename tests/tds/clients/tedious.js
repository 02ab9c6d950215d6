// The TDS door as tedious sees it.  Silence is success.  Usage: node tedious.js PORT PASSWORD CA|plain
'use strict';
const assert = require('assert');
const fs = require('fs');
const { Connection, Request, TYPES } = require('tedious');
const [port, password, ca] = process.argv.slice(2);

function open(given) {
  const secret = given === undefined ? password : given;
  const options = { port: Number(port), database: 'master', rowCollectionOnRequestCompletion: true, requestTimeout: 60000,
    connectTimeout: 30000, encrypt: ca !== 'plain', trustServerCertificate: false, appName: 'tedious' };
  if (ca !== 'plain') options.cryptoCredentialsDetails = { ca: fs.readFileSync(ca) };
  const connection = new Connection({ server: '127.0.0.1', options,
    authentication: { type: 'default', options: { userName: 'switchback', password: secret } } });
  connection.infos = [];
  connection.on('infoMessage', (m) => connection.infos.push(m));
  return new Promise((resolve, reject) =>
    connection.connect((error) => (error ? reject(error) : resolve(connection))));
}

function run(connection, sql, { batch = false, parameters = [], cancel = 0 } = {}) {
  return new Promise((resolve, reject) => {
    const request = new Request(sql, (error, count, rows) =>
      error ? reject(error) : resolve({ count, rows: rows.map((row) => row.map((column) => column.value)) }));
    for (const [name, type, value] of parameters) request.addParameter(name, type, value);
    if (cancel > 0) setTimeout(() => request.cancel(), cancel);
    if (batch) connection.execSqlBatch(request); else connection.execSql(request);
  });
}

async function main() {
  const c = await open();
  let r = await run(c, "select cast(42 as int), N'äß日', cast(null as nvarchar(10)), cast(1 as bit)", { batch: true });
  assert.deepStrictEqual(r.rows, [[42, 'äß日', null, true]]);
  r = await run(c, 'select @a + 1, @b, @c', { parameters: [['a', TYPES.Int, 6], ['b', TYPES.NVarChar, 'zz'],
    ['c', TYPES.NVarChar, null]] });
  assert.deepStrictEqual(r.rows, [[7, 'zz', null]]);
  r = await run(c, 'select 1 select 2, 3', { batch: true });
  assert.deepStrictEqual(r.rows, [[1], [2, 3]]);
  const big = 'x'.repeat(100000);
  r = await run(c, 'select @a', { parameters: [['a', TYPES.NVarChar, big]] });
  assert.strictEqual(r.rows[0][0], big);
  r = await run(c, "select cast('2026-03-01T12:30:15' as datetime), cast(1.5 as float), 0x0102", { batch: true });
  assert.strictEqual(r.rows[0][0].toISOString(), '2026-03-01T12:30:15.000Z');
  assert.deepStrictEqual([r.rows[0][1], [...r.rows[0][2]]], [1.5, [1, 2]]);
  await assert.rejects(run(c, 'select * from nothing'), (e) => e.number === 208);
  await assert.rejects(run(c, "raiserror (N'no %s', 16, 1, N'way')"), /no way/);
  await run(c, "print 'hello'");
  assert.ok(c.infos.some((m) => m.message === 'hello'));

  const prepared = new Request('select @a * 2', () => {});
  prepared.addParameter('a', TYPES.Int);
  await new Promise((resolve, reject) => {
    prepared.on('prepared', resolve);
    prepared.on('error', reject);
    c.prepare(prepared);
  });
  for (const a of [3, 4]) {
    const rows = await new Promise((resolve, reject) => {
      prepared.userCallback = (error, _count, list) => (error ? reject(error) : resolve(list));
      c.execute(prepared, { a });
    });
    assert.strictEqual(rows[0][0].value, a * 2);
  }

  await new Promise((resolve, reject) => c.beginTransaction((e) => (e ? reject(e) : resolve())));
  r = await run(c, 'select @@trancount', { batch: true });
  assert.strictEqual(r.rows[0][0], 1);
  await new Promise((resolve, reject) => c.rollbackTransaction((e) => (e ? reject(e) : resolve())));
  r = await run(c, 'select @@trancount', { batch: true });
  assert.strictEqual(r.rows[0][0], 0);

  const begun = Date.now();
  await assert.rejects(run(c, "waitfor delay '00:00:30'", { batch: true, cancel: 300 }));
  assert.ok(Date.now() - begun < 20000);
  r = await run(c, 'select 1', { batch: true });
  assert.deepStrictEqual(r.rows, [[1]]);

  const many = await Promise.all([...Array(8).keys()].map(() => open()));
  const answers = await Promise.all(many.map((x, i) => run(x, `select ${i}`, { batch: true })));
  answers.forEach((x, i) => assert.strictEqual(x.rows[0][0], i));
  many.forEach((x) => x.close());
  c.close();
  await assert.rejects(open('wrong'), /Login failed/);
}

main().then(() => process.exit(0), (error) => { console.log(error); process.exit(1); });

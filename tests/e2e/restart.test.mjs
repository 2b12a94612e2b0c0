// No event is lost: the object is evicted, the process is killed, rows are damaged, and clients go on with their
// sessions.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { countedRows, countRows } from '../../bench/writes/database.mjs';
import { startServer } from '../../scripts/lib/server.mjs';
import { Client, crowd, HANDSHAKE, join, post } from './support/bayeux.mjs';
import { EventStream } from './support/event-stream.mjs';
import { logged, until } from './support/server.mjs';
import { Socket } from './support/websocket.mjs';

/**
 * A server that keeps its storage when it is started again on the same port. All of it is in one object, and no channel
 * keeps what was said or who is there: rows are counted here.
 */
async function lasting(vars = {}) {
  const persistTo = await mkdtemp(path(tmpdir(), 'bayeux-edge-'));
  const lives = [];
  const start = async (port = 0) => {
    lives.push(await startServer({ fixture: true, persistTo, vars: { TREE_DEPTH: '0', HISTORY: '', PRESENCE: '', ...vars }, port }));
    return lives.at(-1);
  };
  after(async () => {
    await lives.at(-1).stop();
    await rm(persistTo, { recursive: true, force: true });
  });
  const first = await start();
  return {
    url: `${first.url}/cometd`,
    persistTo,
    /** SIGKILL, and a new process on the same port. What happens in between may change the rows. */
    async restart(between = () => {}, files) {
      const server = lives.at(-1);
      process.kill(server.pid, 'SIGKILL');
      await server.ended;
      await withDatabases(persistTo, {}, between, files);
      return start(server.port);
    },
    look: (work, files) => withDatabases(persistTo, { readOnly: true }, work, files),
    /**
     * Whether `condition` holds. An object that falls asleep closes its database: just then there is nothing to look
     * into.
     */
    finds: (condition, files) => withDatabases(persistTo, { readOnly: true }, condition, files).catch(() => false),
  };
}

/** With the SQLite of the only object, or of so many but one, and that in which workerd keeps the alarms. */
async function withDatabases(persistTo, options, work, count = 2) {
  const folder = path(persistTo, 'v3', 'do', 'bayeux-edge-ChannelTree');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sqlite')).sort();
  assert.equal(files.length, count, files.join());
  const databases = files.map((name) => new DatabaseSync(path(folder, name), options));
  try {
    // workerd may be writing just now.
    for (const database of databases) database.exec('PRAGMA busy_timeout = 5000');
    return await work(...databases);
  } finally {
    databases.forEach((database) => database.close());
  }
}

const fill = (table) =>
  `CREATE TRIGGER full_${table} BEFORE INSERT ON ${table} BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END`;

const nonEmpty = (list) => list.length > 0 && list;

const rows = (database, table) => database.prepare(`SELECT count(*) AS rows FROM ${table}`).get().rows;

test('a server that was killed knows its sessions, their subscriptions and queued events', async () => {
  const server = await lasting({ DURABILITY: 'strict' });
  const [alice, bob] = await crowd(server.url, 2, '/chat/demo');
  await alice.ok(alice.publish('/chat/demo', { n: 1 }));
  await server.restart();
  assert.deepEqual(await bob.poll(), [{ n: 1 }]);
  const held = bob.poll();
  await alice.ok(alice.publish('/chat/demo', { n: 2 }));
  assert.deepEqual(await held, [{ n: 2 }]);
});

test('a client with the ack extension gets each event once, though the server is killed before and after each answer', async () => {
  const server = await lasting({ MAX_INTERVAL: '60000', TIMEOUT: '60000' });
  const [alice] = await crowd(server.url, 1, '/elsewhere');
  const [shaken] = (await post(server.url, [{ ...HANDSHAKE, ext: { ack: true } }])).json;
  const bob = (...messages) =>
    post(server.url, messages.map((message, n) => ({ clientId: shaken.clientId, id: `${n}`, ...message })));
  const connect = async (ack) => {
    const fields = { channel: '/meta/connect', connectionType: 'long-polling', advice: { timeout: 0 }, ext: { ack } };
    const { json } = await bob(fields);
    return { data: json.slice(0, -1).map(({ data }) => data), ack: json.at(-1).ext.ack };
  };
  await bob({ channel: '/meta/subscribe', subscription: '/news' });
  let acknowledged = 0;
  const got = [];
  for (let n = 0; n < 4; n += 1) {
    await alice.ok(alice.publish('/news', n));
    await server.restart();
    const lost = await connect(acknowledged); // the answer never reaches the client
    assert.deepEqual(lost.data, [n]);
    await server.restart();
    const { data, ack } = await connect(acknowledged);
    assert.ok(ack > lost.ack, `batch ${ack} after ${lost.ack}`);
    got.push(...data);
    acknowledged = ack;
  }
  assert.deepEqual(got, [0, 1, 2, 3]);
  assert.deepEqual((await connect(acknowledged)).data, []);
});

test('a killed object that gets no requests is woken by its alarm, and leaves no rows', async () => {
  const server = await lasting({ DURABILITY: 'strict', MAX_INTERVAL: '500' });
  const [alice] = await crowd(server.url, 2, '/chat/demo');
  await alice.ok(alice.publish('/chat/demo', { n: 1 }));
  await server.restart((database, alarms) => {
    assert.deepEqual([rows(database, 'session'), rows(database, 'event')], [2, 1]);
    const soon = BigInt(Date.now() + 200) * 1_000_000n; // ns, as workerd keeps it
    database.prepare('UPDATE _cf_METADATA SET value = ?').run(soon);
    alarms.prepare('UPDATE _cf_ALARM SET scheduled_time = ?').run(soon);
  });
  const tables = "SELECT count(*) AS tables FROM sqlite_master WHERE name IN ('session', 'version')";
  await until(() => server.finds((database) => database.prepare(tables).get().tables === 0), 'the tables are still there');
});

test('damaged rows are set aside and logged, and the others are used', async () => {
  const server = await lasting({ DURABILITY: 'strict', MAX_INTERVAL: '60000' });
  const [alice, bob, carol] = await crowd(server.url, 3, '/chat/demo');
  await alice.ok(alice.publish('/chat/demo', { n: 1 }));
  await alice.ok(alice.publish('/chat/demo', { n: 2 }));
  const restarted = await server.restart((database) => {
    database.exec(`UPDATE session SET json = '{"clientId":' WHERE json LIKE '%${bob.clientId}%'`);
    database.exec(`UPDATE event SET json = '{"cut' WHERE json LIKE '%"n":1%'`);
    database.exec(`INSERT INTO delivery VALUES (1, 'no JSON'); INSERT INTO note VALUES ('heard:/chat', '[1,')`);
  });
  assert.deepEqual(await carol.poll(), [{ n: 2 }]);
  assert.equal(await bob.lives(), false);
  assert.deepEqual(logged(restarted, 'row_damaged').map(({ table }) => table).sort(), ['delivery', 'event', 'note', 'session']);
  await server.restart((database) => {
    assert.equal(rows(database, 'damaged'), 4);
    database.exec("INSERT INTO delivery VALUES (1, 'no JSON')");
    database.exec(fill('damaged'));
  });
  assert.equal(await carol.lives(), true, 'a damaged row that cannot be set aside stops nobody');
});

test('when storage is full, clients get an error, and stored rows stay', async () => {
  const server = await lasting({ DURABILITY: 'strict', MAX_INTERVAL: '60000' });
  const [alice, bob] = await crowd(server.url, 2, '/chat/demo');
  await alice.ok(alice.publish('/chat/demo', { n: 1 }));
  const full = await server.restart((database) => {
    for (const table of ['session', 'event']) database.exec(fill(table));
  });
  const failed = async (response) => (await response).json[0].error;
  assert.equal(await failed(alice.publish('/chat/demo', { n: 2 })), '503::storage_failed');
  assert.equal(await failed(alice.subscribe('/more')), '503::storage_failed');
  assert.equal(await failed(post(server.url, [HANDSHAKE])), '503::storage_failed');
  assert.match(logged(full, 'store_failed')[0].error, /full/);
  assert.deepEqual(await bob.poll(), [{ n: 1 }]);
});

test('an object that cannot update its tables serves their old rows', async () => {
  const server = await lasting({ DURABILITY: 'strict', MAX_INTERVAL: '60000' });
  const [alice, bob] = await crowd(server.url, 2, '/chat/demo');
  await alice.ok(alice.publish('/chat/demo', { n: 1 }));
  const stuck = await server.restart((database) => {
    // What takes the name of a table that is to come.
    database.exec('DROP TABLE note; CREATE INDEX note ON event (number); UPDATE version SET number = 1');
  });
  assert.deepEqual(await bob.poll(), [{ n: 1 }]);
  await alice.ok(alice.publish('/chat/demo', { n: 2 }));
  assert.match(logged(stuck, 'store_failed')[0].error, /note/);
  await server.restart((database) => database.exec('DROP INDEX note'));
  assert.deepEqual(await bob.poll(), [{ n: 2 }]);
});

test('an object reads the rows of a newer version and of an older one', async () => {
  const server = await lasting({ DURABILITY: 'strict', MAX_INTERVAL: '60000' });
  const [alice, bob] = await crowd(server.url, 2, '/chat/demo');
  await alice.ok(alice.publish('/chat/demo', { n: 1 }));
  const version = (database) => database.prepare('SELECT number FROM version').get().number;
  await server.restart((database) => {
    for (const table of ['session', 'event']) database.exec(`ALTER TABLE ${table} ADD COLUMN later TEXT DEFAULT 'x'`);
    database.exec(`UPDATE session SET json = json_set(json, '$.later', json('[1]'))`);
    database.exec('CREATE TABLE later (key INTEGER); UPDATE version SET number = 99');
  });
  await alice.ok(alice.publish('/chat/demo', { n: 2 }));
  await alice.ok(alice.subscribe('/more'));
  assert.deepEqual(await bob.poll(), [{ n: 1 }, { n: 2 }]);
  await server.restart((database) => {
    assert.equal(version(database), 99);
    database.exec('DROP TABLE note; ALTER TABLE event DROP COLUMN key; DROP TABLE later; UPDATE version SET number = 1');
  });
  await alice.ok(alice.publish('/chat/demo', { n: 3 }));
  assert.deepEqual(await bob.poll(), [{ n: 3 }]);
  await join(server.url);
  await server.look((database) => assert.ok(version(database) > 1));
});

test('the rows of the first version, as its own build wrote them, are read', async () => {
  const rows = await readFile(new URL('rows/version-1.sql', import.meta.url), 'utf8');
  const server = await lasting({ MAX_INTERVAL: '60000' });
  await join(server.url);
  await server.restart((database) => database.exec(rows));
  const ids = ['r15jtsOKQPr6HHKKFZHR3Fv', 'r4hHkHXK3XITpFKbg2Ll2cg', 'r5BuQXbz2VIMR0SZwIs7NFB'];
  const [alice, bob, carol] = ids.map((clientId) => new Client(server.url, clientId));
  assert.deepEqual(await carol.poll({ ext: { ack: 2 } }), [{ n: 2 }]);
  await alice.ok(alice.publish('/chat/demo', { n: 3 }));
  assert.deepEqual(await carol.poll({ ext: { ack: 65 } }), [{ n: 3 }]);
  assert.deepEqual(await bob.poll(), [{ n: 1 }, { n: 2 }, { n: 3 }]);
});

test('the rows of a home and an owner with history and presence, as an earlier build wrote them, are read', async () => {
  const { vars, clients, databases } = JSON.parse(await readFile(new URL('rows/2026-11-28.json', import.meta.url), 'utf8'));
  const server = await lasting(vars);
  await join(server.url);
  await join(`${server.url}/chat`);
  await server.restart((...objects) => {
    Object.values(databases).forEach((statements, at) => objects[at].exec(statements.join(';')));
  }, 3);
  const known = ({ home, clientId }) => new Client(server.url + home, clientId);
  const [alice, bob, carol, dave, erin] = ['alice', 'bob', 'carol', 'dave', 'erin'].map((name) => known(clients[name]));
  // Each reads what waited, once; carol has acknowledged the first event.
  const ack = clients.carol.batch;
  assert.deepEqual(await carol.poll({ ext: { ack } }), [{ n: 2 }]);
  for (const client of [bob, dave]) assert.deepEqual(await client.poll(), [{ n: 1 }, { n: 2 }, { n: 3 }]);
  assert.deepEqual(await erin.poll(), [{ n: 1 }, { n: 2 }]);
  // A newcomer reads who is there, and what was kept and retained.
  const frank = await join(server.url, { handshake: { ext: { replay: 'ext' } } });
  const called = await frank.ok(frank.publish('/service/presence', { channel: '/chat/demo' }));
  const { data } = [...called, ...(await frank.ok(frank.connect()))].find((message) => message.data);
  assert.equal(data.count, 2, 'carol and erin');
  const ext = { replay: { '/chat/demo': -2 } };
  await frank.ok(frank.send({ channel: '/meta/subscribe', subscription: '/chat/demo', ext }));
  assert.deepEqual(await frank.poll(), [{ n: 1 }, { n: 2 }]);
  await frank.ok(frank.subscribe('/chat/board'));
  assert.deepEqual(await frank.poll(), [{ n: 3 }]);
  // What comes next goes to all of them, over the homes' interests and the pattern that spans trees.
  await alice.ok(alice.publish('/chat/demo', { n: 4 }));
  for (const client of [bob, dave, erin, frank]) assert.deepEqual(await client.poll(), [{ n: 4 }]);
  assert.deepEqual(await carol.poll({ ext: { ack: ack + 100 } }), [{ n: 4 }]);
});

test('clients that read their events cause no writes', async () => {
  const server = await lasting({ MAX_INTERVAL: '60000', WEBSOCKET_TIMEOUT: '60000' });
  const [alice, ...polls] = await crowd(server.url, 10, '/chat/demo');
  await server.restart((database) => {
    database.exec('CREATE TABLE counted (what TEXT)');
    for (const table of ['session', 'event', 'delivery', 'note'])
      for (const what of ['INSERT', 'UPDATE', 'DELETE'])
        database.exec(`CREATE TRIGGER ${table}_${what} AFTER ${what} ON ${table} BEGIN INSERT INTO counted VALUES ('${table} ${what}'); END`);
  });
  const written = () => server.look((database) => database.prepare('SELECT what FROM counted').all().map(({ what }) => what));
  const [first, ...others] = await Promise.all([1, 2, 3, 4].map(() => Socket.open(server.url)));
  const clientIds = [];
  for (const socket of [first, ...others]) {
    const clientId = await socket.join();
    await socket.ask({ channel: '/meta/subscribe', clientId, subscription: '/chat/demo' });
    socket.send([{ channel: '/meta/connect', clientId, id: 'held', connectionType: 'websocket' }]);
    clientIds.push(clientId);
  }
  await Promise.all(polls.map((poll) => poll.connect({ advice: { timeout: 0 } })));
  const before = await until(async () => nonEmpty(await written()), 'the triggers count nothing');
  for (let n = 0; n < 100; n += 1) {
    const polled = polls.map((poll) => poll.poll());
    await alice.ok(alice.publish('/chat/demo', { n }));
    for (const data of await Promise.all(polled)) assert.deepEqual(data, [{ n }]);
    for (const socket of [first, ...others]) assert.deepEqual(await socket.next(), [{ channel: '/chat/demo', data: { n } }]);
  }
  assert.deepEqual((await written()).slice(before.length), []);
  [first, ...others].forEach((socket) => socket.raw.close());
});

test('clients whose tree has another owner cause no writes, though the owner waits for their home’s acknowledgement', async () => {
  const server = await lasting({ TREE_DEPTH: '1', MAX_INTERVAL: '60000' });
  const [alice, bob] = await crowd(server.url, 2, '/chat/demo');
  const publish = async (n) => {
    const held = bob.poll();
    await alice.ok(alice.publish('/chat/demo', n));
    assert.deepEqual(await held, [n]);
  };
  await publish(0); // a tree's first event: its owner and the root write down that they know of each other
  await server.restart(() => countRows(server.persistTo), 3);
  await bob.connect({ advice: { timeout: 0 } });
  const before = await countedRows(server.persistTo);
  for (const n of [1, 2]) {
    await publish(n);
    const meanwhile = bob.connect({ advice: { timeout: 2500 } }); // a row for what waits is written after one second
    assert.equal((await meanwhile).json.length, 1);
  }
  // The first number of its life is the one thing that an owner writes down.
  assert.deepEqual(await countedRows(server.persistTo), { ...before, note: before.note + 1 });
});

test('clients that stay away expire though all objects sleep, and no object keeps a row', async () => {
  const server = await lasting({ TREE_DEPTH: '1', MAX_INTERVAL: '12000' }); // an object may sleep after 10 s
  const [alice] = await crowd(server.url, 2, '/chat/demo');
  await alice.ok(alice.publish('/chat/demo', 1));
  const kept = "SELECT count(*) AS kept FROM sqlite_master WHERE name IN ('session', 'version')";
  const empty = (...databases) => databases.every((database) => database.prepare(kept).get().kept === 0);
  const rings = (...databases) => databases.some((database) => database.prepare("SELECT name FROM sqlite_master WHERE name = '_cf_ALARM'").get() && rows(database, '_cf_ALARM') > 0);
  const gone = () => server.finds((...databases) => empty(...databases) && !rings(...databases), 3);
  await until(gone, 'something is left', 90_000);
});

test('an evicted object wakes with its sockets open and their connects held', async () => {
  // All in one object: one that is evicted in the seconds before it has told an owner what it heard may hear that
  // again.
  const vars = { WEBSOCKET_TIMEOUT: '600000', MAX_INTERVAL: '600000', TREE_DEPTH: '0' };
  const server = await startServer({ fixture: true, vars });
  after(() => server.stop());
  const url = `${server.url}/cometd`;
  const sockets = await Promise.all(Array.from({ length: 50 }, () => Socket.open(url)));
  for (const socket of sockets) {
    const clientId = await socket.join();
    await socket.ask({ channel: '/meta/subscribe', clientId, subscription: '/news' });
    socket.send([{ channel: '/meta/connect', clientId, id: 'held', connectionType: 'websocket' }]);
  }
  const alice = await join(url);
  for (const n of [1, 2, 3]) {
    await server.evict('/', 'hibernate');
    await alice.ok(alice.publish('/news', n));
    for (const socket of sockets) assert.deepEqual(await socket.next(), [{ channel: '/news', data: n }]);
  }
  sockets.forEach((socket) => socket.raw.close());
});

test('a session survives a socket that broke with its object', async () => {
  const server = await startServer({ fixture: true, vars: { MAX_INTERVAL: '600000' } });
  after(() => server.stop());
  const url = `${server.url}/cometd`;
  const first = await Socket.open(url);
  const clientId = await first.join();
  await first.ask({ channel: '/meta/subscribe', clientId, subscription: '/news' });
  await server.evict('/', 'close');
  await first.closed;
  const second = await Socket.open(url);
  await second.ask({ channel: '/meta/connect', clientId, connectionType: 'websocket' });
  await second.ask({ channel: '/news', clientId, data: 1 }).then(([event]) => assert.equal(event.data, 1));
  second.raw.close();
});

test('a session whose event stream broke with its server gets queued events on its next one', async () => {
  const server = await lasting({ DURABILITY: 'strict' });
  const [alice, bob] = await crowd(server.url, 2, '/chat/demo');
  const broken = await EventStream.open(`${server.url}/${bob.clientId}`);
  await alice.ok(alice.publish('/chat/demo', 1));
  assert.deepEqual(await broken.data(1), [1]);
  await server.restart();
  await alice.ok(alice.publish('/chat/demo', 2));
  const stream = await EventStream.open(`${server.url}/${bob.clientId}`);
  assert.deepEqual(await stream.data(1), [2]);
  await alice.ok(alice.publish('/chat/demo', 3));
  assert.deepEqual(await stream.data(2), [2, 3]);
  stream.cut();
});

// The metrics that homes write: data points for Workers Analytics Engine, which workerd drops, so another Worker takes
// the place of the dataset; and texts in Workers KV.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { serialize } from 'node:v8';
import parse from 'parse-prometheus-text-format';
import { inRoot } from '../../scripts/lib/project.mjs';
import { startServer } from '../../scripts/lib/server.mjs';
import { request } from './support/http.mjs';
import { logged, until } from './support/server.mjs';
import { Socket } from './support/websocket.mjs';

const PAGE = await readFile(inRoot('docs', 'METRICS.md'), 'utf8');
/** Which double has a figure. */
const placeOf = (name) => Number(PAGE.match(new RegExp(`\\| .double(\\d+). \\| .${name}. \\|`))[1]);
const [SESSIONS, SOCKETS, PUBLISHES, OPENED] = ['sessions', 'sockets', 'publishes_received', 'sessions_opened'].map((name) => placeOf(name) - 1);

describe('an object that falls asleep writes its data point to the dataset, and counts each event once', { concurrency: true }, () => {
  let server;
  before(async () => {
    server = await startServer({
      fixture: true,
      vars: { TREE_DEPTH: '0', WEBSOCKET_TIMEOUT: '600000' },
      services: { METRICS: 'dataset' },
      beside: [{ name: 'dataset', script: inRoot('tests/e2e/support/dataset.js') }],
    });
  });
  after(() => server.stop());

  test('counts that it may not write yet are kept with a socket', () => tellsOnce(server, '/a'));

  test('if the socket has no room for them, they are kept in a row, and the socket keeps its connect', () => tellsOnce(server, '/b', fullSocket()));
});

/** A client of this home publishes on a socket, and the home sleeps in between, until two points have told all. */
async function tellsOnce(server, home, options) {
  const written = async () => (await request(server.urls.dataset, { method: 'GET' })).json.filter(({ indexes }) => indexes[0] === home);
  const sum = (points, place) => points.reduce((sum, { doubles }) => sum + doubles[place], 0);

  const socket = await Socket.open(`${server.url}/cometd${home}`, options);
  const clientId = await socket.join();
  const publish = (data) => socket.ask({ channel: '/news', clientId, data });
  const hold = () => socket.send([{ channel: '/meta/connect', clientId, connectionType: 'websocket', id: '1' }]);
  hold();
  for (const data of [1, 2]) await publish(data);
  const points = await until(async () => {
    const points = await written();
    return sum(points, PUBLISHES) === 2 && points;
  }, 'no point has the events');
  const [point] = points.slice(-1);
  assert.deepEqual([point.blobs, point.doubles.length], [[home], 20]);
  assert.deepEqual([point.doubles[SESSIONS], point.doubles[SOCKETS], sum(points, OPENED)], [1, 1, 1]);

  let published = 2;
  const wakes = async () => {
    hold();
    await socket.ask({ channel: '/meta/subscribe', clientId, subscription: '/other' });
    await server.evict(home, 'hibernate');
    await publish((published += 1));
    await sleep(2_000); // it falls asleep after a second
    return written();
  };
  const started = Date.now();
  assert.equal(sum(await wakes(), PUBLISHES), 2, 'its minute is not over');
  const all = await until(async () => {
    const points = await wakes();
    return sum(points, PUBLISHES) > 2 && points;
  }, 'the next minute has no point', 90_000);
  const minutes = (Date.now() - started) / 60_000;
  assert.ok(all.length <= points.length + Math.ceil(minutes), `${all.length} points in ${minutes} minutes`);
  assert.ok(sum(all, PUBLISHES) >= published - 1 && sum(all, PUBLISHES) <= published, 'what former lives kept is told, and once');
  assert.equal(sum(all, OPENED), 1);
  await socket.close(1000);
  const failures = [...logged(server, 'metrics_failed'), ...logged(server, 'socket_not_kept')];
  assert.deepEqual(failures.filter((line) => line.home === home), []);
}

/** What the platform keeps with a socket, in bytes (Durable Objects, `serializeAttachment`). */
const ATTACHMENT = 16_384;

/**
 * The headers of a socket that has much to keep: a connect has room beside it, figures have not. workerd takes a
 * client's word for its address.
 */
function fullSocket() {
  const [browser, token, held] = [undefined, undefined, '[[17000000000001,"1",1700000000000,false]]'];
  const { length } = serialize({ number: 1, address: 'x'.repeat(ATTACHMENT), browser, token, held });
  return { headers: { 'cf-connecting-ip': 'x'.repeat(2 * ATTACHMENT - length - 20) } };
}

test('a dataset that refuses points does not affect clients, and the server logs it', async (t) => {
  const server = await startServer({ fixture: true, vars: { METRICS: 'no dataset', WEBSOCKET_TIMEOUT: '600000' } });
  t.after(() => server.stop());
  const socket = await Socket.open(`${server.url}/cometd`);
  const clientId = await socket.join();
  socket.send([{ channel: '/meta/connect', clientId, connectionType: 'websocket' }]);
  await until(() => logged(server, 'metrics_failed').length > 0, 'no line');
  const [{ successful }] = await socket.ask({ channel: '/news', clientId, data: 1 });
  assert.equal(successful, true);
  await socket.close(1000);
});

test('with a bound namespace of Workers KV the metrics of all homes are read from there, and no home is woken', async (t) => {
  const key = 'the-key-of-who-scrapes';
  const server = await startServer({
    fixture: true,
    vars: { API_KEYS: key, TREE_DEPTH: '0', WEBSOCKET_TIMEOUT: '600000', LOG_LEVEL: 'debug' },
    kv: { METRICS_KV: 'figures' },
  });
  t.after(() => server.stop());
  const ask = (query) => request(`${server.url}/cometd/api/metrics?${query}`, { method: 'GET', headers: { authorization: `Bearer ${key}` } });
  const page = async (query = '') => {
    const { status, text, headers } = await ask(`tree=*${query}`);
    assert.equal(status, 200);
    const [sessions] = parse(text).filter(({ name }) => name === 'bayeux_sessions');
    return { sessions: sessions?.metrics ?? [], next: /^<.*\?tree=\*(&.*)>; rel="next"$/.exec(headers.link)?.[1] };
  };
  assert.deepEqual((await page()).sessions, []);

  const homes = ['/a', '/b', '/c'];
  const sockets = await Promise.all(homes.map((home) => Socket.open(`${server.url}/cometd${home}`)));
  for (const socket of sockets) {
    const clientId = await socket.join();
    socket.send([{ channel: '/meta/connect', clientId, connectionType: 'websocket' }]);
  }
  const expected = homes.map((home) => ({ labels: { home, transport: 'websocket' }, value: '1' }));
  await until(async () => (await page()).sessions.length >= homes.length, 'not every home has fallen asleep');
  for (const home of homes) await server.evict(home, 'hibernate');
  const started = logged(server, 'object_started').length;
  assert.deepEqual((await page()).sessions, expected);
  const first = await page('&limit=2');
  assert.deepEqual(first.sessions, expected.slice(0, 2));
  const last = await page(first.next);
  assert.deepEqual([last.sessions, last.next], [expected.slice(2), undefined]);
  assert.equal((await ask('tree=*&limit=0')).status, 400);
  assert.equal(logged(server, 'object_started').length, started, 'an object was woken');
  const { text } = await ask('tree=a');
  assert.match(text, /^bayeux_sessions\{transport="websocket"\} 1$/m);
  assert.match(text, /^bayeux_restarts_total 1$/m);
  assert.ok(logged(server, 'object_started').length > started, 'a call for one home wakes it');
  for (const socket of sockets) await socket.close(1000);
});

test('the queries of docs/METRICS.md return what the page says', async () => {
  const [rates, busiest, losses] = [...PAGE.matchAll(/```sql\n(.*?)```/gs)].map(([, query]) => query);
  // SQLite has neither intervals nor ClickHouse's functions of time; all else of the queries it reads as they are.
  const database = new DatabaseSync(':memory:');
  const now = 1_700_000_000;
  const seconds = { MINUTE: 60, HOUR: 3600, DAY: 86_400 };
  database.function('NOW', () => now);
  database.function('toStartOfInterval', (time, interval) => time - (time % interval));
  const ask = (query) => database.prepare(query.replace(/INTERVAL '(\d+)' (\w+)/g, (_, count, unit) => count * seconds[unit])).all().map((row) => ({ ...row }));

  const doubles = Array.from({ length: 20 }, (_, n) => `double${n + 1}`);
  database.exec(`CREATE TABLE bayeux (timestamp, _sample_interval, blob1, ${doubles.join()})`);
  /** A point of a home, so many seconds ago, which stands for `sampled` of its kind. */
  const point = (ago, home, figures, sampled = 1) => {
    const all = { timestamp: now - ago, _sample_interval: sampled, blob1: home, ...Object.fromEntries(doubles.map((name) => [name, 0])) };
    for (const [name, value] of Object.entries(figures)) all[`double${placeOf(name)}`] = value;
    database.prepare(`INSERT INTO bayeux (${Object.keys(all).join()}) VALUES (${Object.keys(all).map(() => '?').join()})`).run(...Object.values(all));
  };
  point(90, '/a', { sessions: 7, messages_received: 40, messages_refused: 3, events_delivered: 100, event_latency_seconds: 5 }, 3);
  point(30, '/a', { sessions: 9, messages_received: 10, storage_rows_written: 200_000 });
  point(30, '/b', { sessions: 2, messages_received: 500, events_dropped: 4 });
  point(7200, '/c', { sessions: 1, messages_received: 1 });
  point(90_000, '/d', { events_dropped: 9 });

  const rate = ask(rates).find((row) => row.delivered_a_second > 0);
  assert.deepEqual(rate, { time: now - 90 - ((now - 90) % 300), delivered_a_second: 1, latency: 0.05 });
  assert.deepEqual(ask(busiest), [
    { home: '/b', messages: 500, sessions: 2, refused: 0 },
    { home: '/a', messages: 130, sessions: 9, refused: 9 },
  ]);
  assert.deepEqual(ask(losses), [
    { home: '/a', dropped: 0, rows_written: 200_000 },
    { home: '/b', dropped: 4, rows_written: 0 },
  ]);
});

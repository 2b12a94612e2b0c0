// npm run bench -- writes: how many rows 1,000 messages cost, by DURABILITY, and by how and where ten clients listen.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from '../../scripts/lib/server.mjs';
import { Subscriber } from './clients.mjs';
import { countedRows, countRows } from './database.mjs';

const MESSAGES = 1000;
const RATE = 50; // a second
const SUBSCRIBERS = 10;

/** What was read is forgotten after a second at the latest; then there is nothing more to write. */
const SETTLED = 3000; // ms

const KINDS = {
  'long-polling': { transport: 'long-polling' },
  'long-polling, away for 3 s after each answer': { transport: 'long-polling', away: 3000 },
  'long-polling, ack': { transport: 'long-polling', acknowledges: true },
  WebSocket: { transport: 'websocket' },
  'WebSocket, ack': { transport: 'websocket', acknowledges: true },
};

/**
 * Whether the clients are at home in the tree of the channel, or in the root, and the tree's owner is another object.
 */
const HOMES = { 'in the tree': '/cometd/room', 'in the root': '/cometd' };

/** Resolves with the table. */
export async function writes() {
  const lines = ['| 1,000 messages to ten clients | at home | relaxed | strict |', '|---|---|---:|---:|'];
  for (const [home, path] of Object.entries(HOMES))
    for (const [name, kind] of Object.entries(KINDS)) {
      const cells = [];
      for (const DURABILITY of ['relaxed', 'strict']) cells.push(cell(await rowsOf(kind, path, { DURABILITY })));
      lines.push(`| ${[name, home, ...cells].join(' | ')} |`);
      console.error(lines.at(-1));
    }
  return lines.join('\n');
}

/** "2,105 (event 2,000, delivery 105)". */
function cell(rows) {
  const parts = Object.entries(rows).filter(([, count]) => count > 0);
  const total = parts.reduce((sum, [, count]) => sum + count, 0).toLocaleString('en');
  return parts.length > 0 ? `${total} (${parts.map(([table, count]) => `${table} ${count.toLocaleString('en')}`).join(', ')})` : total;
}

async function rowsOf(kind, path, vars) {
  const persistTo = await mkdtemp(join(tmpdir(), 'bayeux-edge-writes-'));
  const start = () => startServer({ persistTo, vars: { TREES: '/**', ...vars, TIMEOUT: '10000', WEBSOCKET_TIMEOUT: '10000', MAX_INTERVAL: '60000' } });
  let server = await start();
  try {
    const clients = Array.from({ length: SUBSCRIBERS + 1 }, (_, at) => at > 0 ? kind : { transport: 'websocket' });
    // So that there are tables, the root's too, which is told of a tree when something is published there.
    const first = new Subscriber(server.url + path, clients[0]);
    await first.join('/room/nobody');
    await first.send({ channel: '/room/nobody', data: {} });
    await server.stop();
    await countRows(persistTo);
    server = await start();
    const [publisher, ...subscribers] = clients.map((kind) => new Subscriber(server.url + path, kind));
    await Promise.all([publisher.join('/room/nobody'), ...subscribers.map((subscriber) => subscriber.join('/room/demo'))]);
    const listening = subscribers.map((subscriber) => subscriber.listen().catch(() => {}));
    await sleep(SETTLED);
    const before = await countedRows(persistTo);
    for (const started = performance.now(), sent = { count: 0 }; sent.count < MESSAGES; sent.count += 1) {
      await sleep(Math.max(started + (sent.count * 1000) / RATE - performance.now(), 0));
      await publisher.send({ channel: '/room/demo', data: { n: sent.count } });
    }
    while (subscribers.some(({ received }) => received < MESSAGES)) await sleep(50);
    await sleep((kind.away ?? 0) + SETTLED);
    const after = await countedRows(persistTo);
    await Promise.all(subscribers.map((subscriber) => subscriber.leave()));
    await Promise.all(listening);
    return Object.fromEntries(Object.entries(after).map(([table, rows]) => [table, rows - before[table]]));
  } finally {
    await server.stop();
    await rm(persistTo, { recursive: true, force: true });
  }
}

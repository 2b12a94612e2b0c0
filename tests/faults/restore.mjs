// How long an object takes to wake with many rows.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startServer } from '../../scripts/lib/server.mjs';
import { crowd, join as joins } from '../e2e/support/bayeux.mjs';

/**
 * Resolves with the ms of the first answer, beside one of an object that is awake. `sessions` have `events` to hear,
 * each for ten of them.
 */
export async function restore({ sessions = 10_000, events = 90_000 } = {}) {
  const persistTo = await mkdtemp(join(tmpdir(), 'bayeux-edge-restore-'));
  const start = () => startServer({ fixture: true, persistTo, vars: { MAX_INTERVAL: '600000', DURABILITY: 'strict' } });
  let server = await start();
  try {
    const [alice, bob] = await crowd(`${server.url}/cometd/room`, 2, '/room/demo');
    await alice.ok(alice.publish('/room/demo', { n: 0 })); // a row of each kind, to copy
    await server.stop();
    await multiply(persistTo, sessions, events);
    server = await start();
    // The Worker itself is awake, and another object.
    await joins(`${server.url}/cometd/other`);
    const took = async (work) => {
      const started = performance.now();
      await work();
      return Math.round(performance.now() - started);
    };
    const first = await took(() => bob.ok(bob.publish('/room/nobody', 1)));
    return { rows: sessions + events, first, second: await took(() => bob.ok(bob.publish('/room/nobody', 1))) };
  } finally {
    await server.stop();
    await rm(persistTo, { recursive: true, force: true });
  }
}

async function multiply(persistTo, sessions, events) {
  const folder = join(persistTo, 'v3', 'do', 'bayeux-edge-ChannelTree');
  const [name] = (await readdir(folder)).filter((name) => name.endsWith('.sqlite')).sort();
  const database = new DatabaseSync(join(folder, name));
  const { json } = database.prepare('SELECT json FROM session ORDER BY key LIMIT 1').get();
  const event = database.prepare('SELECT number, json FROM event ORDER BY number LIMIT 1').get();
  const { clientId } = JSON.parse(json);
  const session = database.prepare('INSERT INTO session (key, json) VALUES (?, ?)');
  const row = database.prepare('INSERT INTO event (number, json, recipients) VALUES (?, ?, ?)');
  database.exec('BEGIN');
  for (let key = 100; key < 100 + sessions; key += 1) session.run(key, json.replace(clientId, clientId.slice(0, -6) + String(key).padStart(6, '0')));
  for (let n = 1; n <= events; n += 1) {
    const to = Array.from({ length: 10 }, (_, at) => 100 + ((n * 10 + at) % sessions));
    row.run(BigInt(event.number) + BigInt(n), event.json, JSON.stringify(to));
  }
  database.exec('COMMIT');
  database.close();
}

// node tests/e2e/rows/write.mjs > tests/e2e/rows/NAME.json, after `npm run build -- --fixture`: the rows that this
// build leaves behind after a SIGKILL. Later versions must read them: restart.test.mjs does. Before a change of rows is
// released, write a new set; an old one stays as it is.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { startServer } from '../../../scripts/lib/server.mjs';
import { capture, main } from '../../../scripts/lib/run.mjs';
import { join } from '../support/bayeux.mjs';
import { until } from '../support/server.mjs';

/** The clients are at home at the root, and their channels' owner is another object. */
const VARS = {
  TREE_DEPTH: '1',
  DURABILITY: 'strict',
  MAX_INTERVAL: '600000',
  TIMEOUT: '60000',
  HISTORY: '/chat/demo 100 3650d',
  RETAIN: '/chat/board',
  PRESENCE: '/chat/demo',
};

await main(async () => {
  const persistTo = await mkdtemp(path(tmpdir(), 'bayeux-edge-rows-'));
  const folder = path(persistTo, 'v3', 'do', 'bayeux-edge-ChannelTree');
  const server = await startServer({ fixture: true, persistTo, vars: VARS });
  try {
    const clients = await leaveRowsBehind(`${server.url}/cometd`, () => rowsAre(folder));
    process.kill(server.pid, 'SIGKILL');
    await server.ended;
    const databases = {};
    for (const name of await files(folder)) databases[name] = statements(path(folder, name));
    const { stdout: build } = await capture('git', ['rev-parse', '--short', 'HEAD']);
    console.log(JSON.stringify({ build: build.trim(), vars: VARS, clients, databases }, null, 2));
  } finally {
    await server.stop();
    await rm(persistTo, { recursive: true, force: true });
  }
});

/** Resolves with each client's id and home, and for the one that acknowledges with the batch that it did not. */
async function leaveRowsBehind(url, areWritten) {
  const at = async (home, handshake) => ({ home, client: await join(url + home, { handshake }) });
  const alice = await at('');
  const bob = await at('');
  const carol = await at('/chat', { ext: { ack: true } });
  const dave = await at('');
  const erin = await at('');
  const subscribes = [[bob, '/chat/**'], [carol, '/chat/demo'], [dave, '/**'], [erin, '/chat/demo']];
  for (const [{ client }, subscription] of subscribes) await client.ok(client.subscribe(subscription));

  await alice.client.ok(alice.client.publish('/chat/demo', { n: 1 }));
  const got = await carol.client.ok(carol.client.connect({ ext: { ack: 0 }, advice: { timeout: 0 } }));
  await alice.client.ok(alice.client.publish('/chat/demo', { n: 2 }));
  await alice.client.ok(alice.client.publish('/chat/board', { n: 3 }));
  await until(areWritten, 'rows are missing', 30_000);

  const told = ({ home, client }) => ({ home, clientId: client.clientId });
  const clients = { alice: told(alice), bob: told(bob), carol: told(carol), dave: told(dave), erin: told(erin) };
  clients.carol.batch = got.at(-1).ext.ack;
  return clients;
}

async function files(folder) {
  return (await readdir(folder)).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name)).sort();
}

/** Whether both objects have written what waits, and the owner what is kept and who is there. */
async function rowsAre(folder) {
  const counts = await Promise.all((await files(folder)).map((name) => counted(path(folder, name))));
  const has = (count) => counts.some(count);
  return (
    has(({ event, history, latest, notes }) => event === 2 && history === 2 && latest >= 1 && notes.some((name) => name.startsWith('member:'))) &&
    has(({ event, notes }) => event === 3 && notes.some((name) => name.startsWith('heard:')))
  );
}

function counted(file) {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    database.exec('PRAGMA busy_timeout = 5000');
    const count = (table) => database.prepare(`SELECT count(*) AS rows FROM ${table}`).get().rows;
    const notes = database.prepare('SELECT name FROM note').all().map(({ name }) => name);
    return { event: count('event'), history: count('history'), latest: count('latest'), notes };
  } catch {
    return { event: 0, history: 0, latest: 0, notes: [] };
  } finally {
    database.close();
  }
}

/** What makes a database's own tables and rows again. */
function statements(file) {
  const database = new DatabaseSync(file, { readOnly: true });
  const tables = database.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'").all();
  const made = tables.flatMap(({ name, sql }) => [
    `DROP TABLE IF EXISTS ${name}`,
    sql.replaceAll(/\s+/g, ' '),
    ...database.prepare(`SELECT * FROM ${name}`).all().map((row) => {
      const values = Object.values(row).map((value) => (typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : `${value}`));
      return `INSERT INTO ${name} VALUES (${values.map((value) => (value === 'null' ? 'NULL' : value)).join(', ')})`;
    }),
  ]);
  database.close();
  return made;
}

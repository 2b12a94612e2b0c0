// Clients publish and receive while everything around them breaks: the process is killed, its object evicted,
// connections are cut, requests panic. In the end nothing that was promised may be missing.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from '../../scripts/lib/server.mjs';
import { Client } from './client.mjs';
import { Ledger } from './ledger.mjs';
import { Network } from './network.mjs';
import { Random } from './random.mjs';

const VARS = {
  // An eviction waits for a timer that runs already.
  TIMEOUT: '1500',
  WEBSOCKET_TIMEOUT: '1500',
  // Nobody stays away for longer, however slowly a busy machine starts the server again.
  MAX_INTERVAL: '120000',
  // For whoever replays; nobody stays away for that long.
  HISTORY: '/kept/** 5000 2m',
};

/**
 * How long the rows of kept events stay, ms: a tree looks once in their age for those that are older. Until then it is
 * not idle.
 */
const KEPT_FOR = 2 * 120_000;

/** How many clients share a channel. */
const ROOM = 10;

/** Who listens by an event stream, of sixteen clients: three of the eight that do not acknowledge. */
const STREAMS = new Set([6, 11, 15]);

/** Between two kills, in ms; a server that has just started is busy reading its rows. */
const LIFE = [300, 3000];

/** Where clients are at home, and whose object is evicted: the root, and the trees that own the channels. */
const HOMES = ['/', '/room', '/kept'];

/** `relaxed` writes down what has waited for a second, and a busy machine may be late. */
const RELAXED = 2000; // ms

/** How long what was promised may take to arrive after the faults, and an idle object may take to delete its rows. */
const TIMEOUT = 60_000; // ms

/** SQLite, "Result and Error Codes": the file is just being deleted, or written. */
const BUSY_FILE = new Set([14 /* SQLITE_CANTOPEN */, 776 /* SQLITE_READONLY_ROLLBACK */]);

/**
 * Tables whose rows go when their clients go, and those that go when a tree has been idle for 40 s: with them its
 * alarm.
 */
const QUEUED = ['event', 'delivery'];
const KEPT = ['session', 'note', 'version', '_cf_ALARM'];

/**
 * Resolves with `{ problems, counts, replaying, unacknowledged, faults }`. `unacknowledged` is the number of lost
 * events of clients that neither acknowledge nor replay. `replaying` is the number of clients that replay.
 * `links`: the option LINKS. The links break with everything else. `untilIdle`: when all clients have left, the objects
 * must keep nothing. `say` gets the progress.
 */
export async function faults({ kills, clients: size, seed, durability = 'strict', links = 'auto', untilIdle = false, say = () => {} }) {
  const random = new Random(seed);
  const ledger = new Ledger({ forgets: durability === 'strict' ? 0 : RELAXED });
  const network = await Network.open();
  const persistTo = await mkdtemp(join(tmpdir(), 'bayeux-edge-faults-'));
  const world = { random: random.fork(), network, ledger, persistTo, links, vars: { ...VARS, DURABILITY: durability, LINKS: links }, faults: { kills: 0, evictions: 0, resets: 0, closes: 0, stalls: 0 } };
  await startIn(world);
  try {
    const clients = crowd(size, network.url, random, ledger);
    await Promise.all(clients.map((client) => client.join()));
    say(`${size} clients are connected`);
    clients.forEach((client) => client.start());
    while (world.faults.kills < kills) {
      await breakThings(world, world.random.between(...LIFE));
      await kill(world);
      say(`killed ${world.faults.kills} times; ${JSON.stringify(ledger.counts)}`);
    }
    await breakThings(world, LIFE[1]);
    await Promise.all(clients.map((client) => client.fallsSilent()));
    say(`no more faults; ${JSON.stringify(ledger.counts)}`);
    await until(() => ledger.missing().length === 0, TIMEOUT);
    await sleep(1000); // what should not come has this long to come
    await Promise.all(clients.map((client) => client.leaves()));
    say('all clients have disconnected');
    const tables = untilIdle ? [...QUEUED, ...KEPT] : QUEUED;
    await until(async () => (await rowsLeft(world, tables)).length === 0, TIMEOUT + (untilIdle ? KEPT_FOR : 0));
    for (const rows of await rowsLeft(world, tables)) ledger.problem(`${rows} left, of clients that are gone`);
    const replaying = clients.filter(({ replays }) => replays).length;
    return { problems: ledger.problems(), replaying, counts: ledger.counts, unacknowledged: ledger.unacknowledged, faults: world.faults };
  } finally {
    network.close();
    await world.server.stop();
    await rm(persistTo, { recursive: true, force: true });
  }
}

/**
 * Of each kind as many: with polls or a socket, with the ack extension or without; every fifth moves, and every third
 * is at home in the tree. Every other room keeps its events, and who does not acknowledge there replays: with a connect
 * or with a subscribe. Of those without the extension some listen by an event stream.
 */
function crowd(size, url, random, ledger) {
  const names = Array.from({ length: size }, (_, at) => `client ${at}`);
  return names.map((name, at) => {
    const room = Math.floor(at / ROOM);
    const tree = room % 2 === 0 ? '/room' : '/kept';
    const acknowledges = at % 4 < 2;
    const streams = STREAMS.has(at % 16);
    const replays = acknowledges || tree === '/room' ? undefined : at % 8 < 6 && !streams ? 'connect' : 'subscribe';
    return new Client({
      name,
      url: `${url}/cometd${at % 3 === 0 ? tree : ''}`,
      room: `${tree}/${room}`,
      neighbours: names.slice(room * ROOM, (room + 1) * ROOM),
      transport: streams ? 'eventsource' : at % 2 === 0 ? 'long-polling' : 'websocket',
      acknowledges,
      replays,
      moves: at % 5 === 0 && !(streams && replays),
      random: random.fork(),
      ledger,
    });
  });
}

/**
 * For so many ms connections are cut, about one of the clients' in every 50 ms, and now and then the object is evicted.
 */
async function breakThings({ random, network, server, faults, links }, ms) {
  for (const until = Date.now() + ms; Date.now() < until; ) {
    await sleep(Math.min(random.between(0, 100), Math.max(until - Date.now(), 0)));
    const wires = network.wires;
    if (wires.length > 0) {
      const reset = random.chance(0.5);
      network.cut(random.pick(wires), reset ? 'reset' : 'closed');
      faults[reset ? 'resets' : 'closes'] += 1;
    }
    if (wires.length > 0 && random.chance(0.1)) {
      network.stall(random.pick(wires), random.between(100, 2000));
      faults.stalls += 1;
    }
    if (random.chance(0.04)) {
      await evict({ network, server, links }, random.pick(HOMES), random.chance(0.7) ? 'hibernate' : 'close');
      faults.evictions += 1;
    }
  }
}

/** Evicts an object; over links, the requests that the Worker holds stay. */
async function evict({ network, server, links }, home, webSockets) {
  await network.evict(server, home, webSockets, { stay: links === 'always' }).catch((error) => {
    // After a restart nobody may have called it yet.
    if (!error.message.includes('not currently running')) throw error;
  });
}

async function kill(world) {
  world.network.leadTo(null);
  process.kill(world.server.pid, 'SIGKILL');
  world.ledger.killed();
  await world.server.ended;
  world.faults.kills += 1;
  await startIn(world);
  world.ledger.started();
}

async function startIn(world) {
  world.server = await startServer({ fixture: true, persistTo: world.persistTo, vars: world.vars });
  world.network.leadTo(world.server.port);
}

/** What the objects keep in these tables, as `["3 note"]`. */
async function rowsLeft({ persistTo }, tables) {
  const folder = join(persistTo, 'v3', 'do', 'bayeux-edge-ChannelTree');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sqlite'));
  return files.flatMap((name) => rowsIn(join(folder, name), tables));
}

/**
 * An object that nobody uses has no such tables at all. One that is just writing or deleting its database keeps
 * something as yet.
 */
function rowsIn(file, tables) {
  let database;
  try {
    database = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
    return tables.flatMap((table) => {
      const { there } = database.prepare('SELECT count(*) AS there FROM sqlite_master WHERE name = ?').get(table);
      const { rows } = there ? database.prepare(`SELECT count(*) AS rows FROM ${table}`).get() : { rows: 0 };
      return rows > 0 ? [`${rows} ${table}`] : [];
    });
  } catch (error) {
    if (!BUSY_FILE.has(error.errcode)) throw error;
    return ['a database that cannot be opened'];
  } finally {
    database?.close();
  }
}

/** Waits for a condition, in vain in the worst case: what is wrong then is told by the ledger. */
async function until(condition, patience) {
  for (const deadline = Date.now() + patience; Date.now() < deadline && !(await condition()); ) await sleep(50);
}

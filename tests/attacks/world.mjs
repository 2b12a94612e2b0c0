// A server under attack, the attackers' messages, and what they cost.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from '../../scripts/lib/server.mjs';
import { HANDSHAKE, events, join as joins, post } from '../e2e/support/bayeux.mjs';
import { Socket } from '../e2e/support/websocket.mjs';

const FOLDER = ['v3', 'do', 'bayeux-edge-ChannelTree'];

/**
 * The options of a server as shipped, where the fixture has its own, and a log that tells of each object that starts.
 */
const SHIPPED = {
  TIMEOUT: '30000',
  MAX_INTERVAL: '10000',
  WEBSOCKET_TIMEOUT: '3600000',
  LAZY_CHANNELS: '',
  SPANNING_PATTERNS: 'false',
  LOG_LEVEL: 'debug',
};

/** Documentation addresses (RFC 5737): the attacker's, and that of whoever uses the server meanwhile. */
export const ATTACKER = '192.0.2.1';
export const NEIGHBOUR = '198.51.100.1';

export class World {
  #folder;
  #options;

  /** A server of its own, as shipped but for `vars`. `options` are those of `startServer`. */
  static async start({ vars, ...options } = {}) {
    const world = new World();
    world.#folder = await mkdtemp(join(tmpdir(), 'bayeux-edge-attacks-'));
    world.#options = { fixture: true, persistTo: world.#folder, vars: { ...SHIPPED, ...vars }, ...options };
    await world.#startAgain();
    return world;
  }

  async #startAgain() {
    this.server = await startServer(this.#options);
    this.url = `${this.server.url}/cometd`;
  }

  async stop() {
    await this.server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** The server ends and starts again with what it kept. */
  async restart() {
    await this.server.stop();
    await this.#startAgain();
  }

  socket(path = '', address = ATTACKER) {
    return Socket.open(`${this.url}${path}`, { headers: { 'cf-connecting-ip': address } });
  }

  /** Posts messages, as text where they are that already. */
  post(messages, { path = '', address = ATTACKER, headers } = {}) {
    return post(`${this.url}${path}`, messages, { headers: { 'cf-connecting-ip': address, ...headers } });
  }

  handshake(options) {
    return this.post([HANDSHAKE], options);
  }

  /**
   * The clientIds of so many sessions, opened by one address, twenty at a time; those that were refused are missing.
   */
  async sessions(count, options) {
    const ids = [];
    for (const batch of inPieces(upTo(count), 20)) {
      const replies = await Promise.all(batch.map(() => this.handshake(options)));
      ids.push(...replies.map(({ json }) => json?.[0]?.clientId).filter(Boolean));
    }
    return ids;
  }

  /** A client with a session that made its first connect. */
  join({ path = '', address = ATTACKER } = {}) {
    return joins(`${this.url}${path}`, { headers: { 'cf-connecting-ip': address } });
  }

  /**
   * How long it takes, in ms, until somebody who has done nothing wrong joins and hears himself; undefined where he
   * does not.
   */
  async serves(path = '', channel = '/neighbours/here') {
    const started = performance.now();
    try {
      const client = await this.join({ path, address: NEIGHBOUR });
      await client.ok(client.subscribe(channel));
      const answer = await client.ok(client.publish(channel, 'well'));
      const heard = [...events(answer).map(({ data }) => data), ...(events(answer).length > 0 ? [] : await client.poll())];
      await client.send({ channel: '/meta/disconnect' });
      return heard[0] === 'well' ? Math.round(performance.now() - started) : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * MiB of the wasm heap: `used` now, and `grown`, which never shrinks and is what the edge counts. All homes share it.
   */
  async heap() {
    const meter = await this.join({ path: '/meter', address: NEIGHBOUR });
    const { allocated, pages } = await meter.call('/service/memory');
    await meter.send({ channel: '/meta/disconnect' });
    return { used: Math.round(allocated / 2 ** 20), grown: pages / 16 };
  }

  /** The homes whose objects were started since the server was, but for the meter's. */
  homes() {
    const started = this.server.logs.map(({ message }) => parsed(message)).filter((line) => line?.event === 'object_started');
    const homes = new Set(started.map(({ home }) => home));
    homes.delete('/meter');
    return homes;
  }

  /** How many rows all objects keep, and the one with most. */
  async rows() {
    const folder = join(this.#folder, ...FOLDER);
    const counts = [0];
    for (const name of (await readdir(folder).catch(() => [])).filter((name) => /^[0-9a-f]+\.sqlite$/.test(name))) {
      const database = new DatabaseSync(join(folder, name), { readOnly: true, timeout: 5000 });
      try {
        const count = (table) => {
          const there = database.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(table);
          return there ? database.prepare(`SELECT count(*) AS n FROM ${table}`).get().n : 0;
        };
        counts.push(['session', 'event', 'delivery', 'note'].reduce((sum, table) => sum + count(table), 0));
      } finally {
        database.close();
      }
    }
    return { all: counts.reduce((sum, count) => sum + count), most: Math.max(...counts) };
  }
}

/** What `work` gives, and the seconds that it takes. */
export async function timed(work) {
  const started = performance.now();
  const outcome = await work();
  return [outcome, Math.round((performance.now() - started) / 100) / 10];
}

/** The longest time, in ms, that an answer took which a neighbour asked for again and again while `work` was done. */
export async function waitedMeanwhile(ask, work) {
  let longest = 0;
  let done = false;
  const asking = (async () => {
    while (!done) {
      const started = performance.now();
      await ask();
      longest = Math.max(longest, performance.now() - started);
      await sleep(20);
    }
  })();
  const outcome = await work().finally(() => (done = true));
  await asking;
  return [outcome, Math.round(longest)];
}

/** Numbers from 0, as many as asked for. */
export const upTo = (count) => Array.from({ length: count }, (_, at) => at);

/** The list in pieces. */
export const inPieces = (list, size) => upTo(Math.ceil(list.length / size)).map((at) => list.slice(at * size, (at + 1) * size));

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

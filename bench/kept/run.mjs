// npm run bench -- kept: what history costs a publish, how fast a replay is, and what presence costs a full room. All
// clients are at home in the channel's tree, over WebSocket.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from '../../scripts/lib/server.mjs';
import { Subscriber } from '../writes/clients.mjs';
import { countedRows, countRows } from '../writes/database.mjs';

const CHANNEL = '/kept/bench';
/** The clients wait for no connect longer than 15 s, and send more frames than people do. */
const VARS = { TREES: '/**', MAX_INTERVAL: '120000', WEBSOCKET_TIMEOUT: '10000', RATE_FRAMES: '1000000/1' };

/** Of a publish: so many one after the other, with one who listens. */
const PUBLISHES = 3000;

const REPLAYS = [1000, 100_000];
/** MAX_MESSAGES_PER_BATCH is 256. */
const BATCH = 250;

const MEMBERS = 1000;
/** In each of so many seconds. */
const JOINS = 100;
const SECONDS = 10;

/** Clock ticks a second (sysconf(_SC_CLK_TCK) on Linux), in which /proc tells CPU. */
const TICKS = 100;

/** Resolves with the tables. */
export async function kept() {
  const publishes = [];
  for (const HISTORY of ['', '/kept/** 100000']) publishes.push(await publishing({ HISTORY }));
  const replays = [];
  for (const events of REPLAYS) replays.push(await replaying(events));
  const { messages, busy } = await presence();
  return [
    '| a publish, answered | p50 | p99 | rows for 1,000 |',
    '|---|---:|---:|---:|',
    ...publishes.map(({ p50, p99, rows }, at) => `| ${at === 0 ? 'without history' : 'with history'} | ${p50} ms | ${p99} ms | ${rows} |`),
    '',
    '| a replay of | took | events/s | workerd before | at most |',
    '|---:|---:|---:|---:|---:|',
    ...replays.map(({ events, ms, before, most }) => `| ${number(events)} | ${number(ms)} ms | ${number((events * 1000) / ms)} | ${before} MB | ${most} MB |`),
    '',
    `Presence, ${number(MEMBERS)} members who all watch, ${JOINS} joins and as many leaves a second for ${SECONDS} s: ` +
      `${number(messages / MEMBERS)} messages to each, ${Math.round((busy * 100) / SECONDS)} % of a core.`,
  ].join('\n');
}

const number = (value) => Math.round(value).toLocaleString('en');

async function publishing(vars) {
  const persistTo = await mkdtemp(join(tmpdir(), 'bayeux-edge-kept-'));
  const start = () => startServer({ persistTo, vars: { ...VARS, ...vars } });
  let server = await start();
  try {
    // So that there are tables.
    const first = await open(server, CHANNEL);
    await first.send({ channel: CHANNEL, data: 0 });
    await server.stop();
    await countRows(persistTo);
    server = await start();
    const [publisher, listener] = [await open(server, '/kept/nobody'), await open(server, CHANNEL)];
    listener.listen().catch(() => {});
    const say = async (n) => {
      const started = performance.now();
      await publisher.send({ channel: CHANNEL, data: { n } });
      return performance.now() - started;
    };
    for (let n = 0; n < 500; n += 1) await say(n);
    const before = await countedRows(persistTo);
    const times = [];
    for (let n = 0; n < PUBLISHES; n += 1) times.push(await say(n));
    await sleep(3000); // what was read is forgotten by then
    const after = await countedRows(persistTo);
    const rows = Object.keys(after).reduce((sum, table) => sum + after[table] - before[table], 0);
    times.sort((a, b) => a - b);
    const at = (part) => times[Math.floor(times.length * part)].toFixed(2);
    return { p50: at(0.5), p99: at(0.99), rows: number((rows * 1000) / PUBLISHES) };
  } finally {
    await server.stop();
    await rm(persistTo, { recursive: true, force: true });
  }
}

async function replaying(events) {
  const server = await startServer({ vars: { ...VARS, HISTORY: '/kept/** 1000000' } });
  try {
    const publisher = await open(server, '/kept/nobody');
    for (let n = 0; n < events; n += BATCH)
      await publisher.publishAll(CHANNEL, Array.from({ length: BATCH }, (_, at) => ({ n: n + at, text: 'a line of a chat, as people write them' })));
    const reader = await open(server, '/kept/nobody');
    reader.listen().catch(() => {});
    await sleep(2000);
    const before = await memory(server);
    let most = before;
    const started = performance.now();
    await reader.send({ channel: '/meta/subscribe', subscription: CHANNEL, ext: { replay: { [CHANNEL]: -2 } } });
    while (reader.received < events) {
      most = Math.max(most, await memory(server));
      await sleep(5);
    }
    return { events, ms: performance.now() - started, before, most };
  } finally {
    await server.stop();
  }
}

async function presence() {
  const server = await startServer({ vars: { ...VARS, PRESENCE: '/kept/*', MAX_PRESENCE: '2000' } });
  try {
    const companion = `${CHANNEL}/$presence`;
    const members = [];
    for (let n = 0; n < MEMBERS; n += 1) members.push(await open(server, [CHANNEL, companion]));
    members.forEach((member) => member.listen().catch(() => {}));
    const guests = [];
    for (let n = 0; n < 2 * JOINS; n += 1) guests.push(await open(server, '/kept/nobody'));
    guests.forEach((guest) => guest.listen().catch(() => {}));
    const turn = (guest, what) => guest.send({ channel: `/meta/${what}`, subscription: CHANNEL });
    // Half of them are there before, and leave while the others join, and so on.
    await Promise.all(guests.slice(JOINS).map((guest) => turn(guest, 'subscribe')));
    await sleep(5000);
    const [heard, cpu] = [() => members.reduce((sum, { received }) => sum + received, 0), () => cpuSeconds(server)];
    const [heardBefore, cpuBefore, started] = [heard(), await cpu(), performance.now()];
    for (let second = 0; second < SECONDS; second += 1)
      for (let n = 0; n < JOINS; n += 1) {
        await sleep(Math.max(started + (second + n / JOINS) * 1000 - performance.now(), 0));
        const halves = [guests[n], guests[JOINS + n]];
        const [comes, goes] = second % 2 === 0 ? halves : halves.toReversed();
        await Promise.all([turn(comes, 'subscribe'), turn(goes, 'unsubscribe')]);
      }
    const busy = (await cpu()) - cpuBefore;
    await sleep(2000);
    return { messages: heard() - heardBefore, busy };
  } finally {
    await server.stop();
  }
}

async function open(server, channel) {
  const subscriber = new Subscriber(`${server.url}/cometd/kept`, { transport: 'websocket' });
  await subscriber.join(channel);
  return subscriber;
}

/** MB without the pages of workerd's own file. */
async function memory({ pid }) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)[1]) / 1024);
}

async function cpuSeconds({ pid }) {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

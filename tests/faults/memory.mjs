// The memory of an object after a thousand messages, and after a million.
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Subscriber } from '../../bench/writes/clients.mjs';
import { startServer } from '../../scripts/lib/server.mjs';
import { heaps } from './heaps.mjs';

/** MAX_MESSAGES_PER_BATCH is 256. */
const BATCH = 250;

const LISTENERS = [
  { transport: 'websocket' },
  { transport: 'long-polling' },
  { transport: 'websocket', acknowledges: true },
  { transport: 'long-polling', acknowledges: true },
];

/**
 * Resolves with the resident memory of workerd in MB and what of our own is in use, in bytes, after each of these
 * numbers of messages.
 */
export async function memory({ after = [1000, 10_000, 100_000, 1_000_000], say = () => {} } = {}) {
  const server = await startServer({ fixture: true, inspected: true, vars: { TIMEOUT: '10000', WEBSOCKET_TIMEOUT: '10000', MAX_INTERVAL: '60000' } });
  try {
    const url = `${server.url}/cometd/room`;
    const [publisher, ...listeners] = [{ transport: 'websocket' }, ...LISTENERS].map((kind) => new Subscriber(url, kind));
    await Promise.all([publisher.join('/room/nobody'), ...listeners.map((listener) => listener.join('/room/demo'))]);
    const listening = listeners.map((listener) => listener.listen());
    const measured = [];
    for (let sent = 0; measured.length < after.length; ) {
      await publisher.publishAll('/room/demo', Array.from({ length: Math.min(BATCH, after[measured.length] - sent) }, (_, at) => ({ n: sent + at })));
      sent = Math.min(sent + BATCH, after[measured.length]);
      // The slowest sets the pace: what waits is bounded, and past the bound events would be dropped.
      while (listeners.some(({ received }) => received < sent - 1000)) await sleep(1);
      if (sent < after[measured.length]) continue;
      while (listeners.some(({ received }) => received < sent)) await sleep(10);
      await sleep(3000); // rows that nobody needs are gone after a second
      measured.push({ messages: sent, megabytes: await residentMemory(server.pid), ...(await heaps(server)) });
      say(JSON.stringify(measured.at(-1)));
    }
    await Promise.all(listeners.map((listener) => listener.leave()));
    await Promise.all(listening);
    return measured;
  } finally {
    await server.stop();
  }
}

/** Without the pages of workerd's own file, which are read in as they are used. */
async function residentMemory(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)[1]) / 1024);
}

// One client has many sessions that read nothing, and publishes to all of them.
import { until } from '../../e2e/support/server.mjs';
import { inPieces, timed, upTo } from '../world.mjs';

const MOST = 64; // MiB

export default {
  row: '1',
  input: '1,000 sessions subscribe to `/t/x` and stay away for 5 minutes; 8 POSTs of 250 publishes',
  holds: `the wasm heap stays within ${MOST} MiB, after a restart too; neighbours are served`,
  async attack(world, short) {
    const clients = short ? 400 : 1000;
    const socket = await world.socket('/t');
    const ids = [];
    const away = { interval: 300_000, timeout: 0 };
    // At once after its handshake, or on a busy machine the first session had expired when the last one is there.
    for (let known = 0; known < clients; known += 100) {
      const more = await world.sessions(100, { path: '/t' });
      const messages = more.flatMap((clientId) => [
        { channel: '/meta/connect', clientId, connectionType: 'websocket', advice: away },
        { channel: '/meta/subscribe', clientId, subscription: '/t/x' },
      ]);
      await socket.ask(...messages);
      ids.push(...more);
    }
    const [{ clientId }] = (await world.handshake({ path: '/t' })).json;
    for (const batch of inPieces(upTo(2000), 250)) await world.post(batch.map((data) => ({ channel: '/t/x', clientId, data })), { path: '/t' });
    const before = await world.heap();
    const served = [await world.serves(), await world.serves('/t', '/t/neighbours')];
    // What waits for a second has a row.
    await until(async () => (await world.rows()).most > ids.length + 200, 'nothing is written', 120_000);
    await world.restart();
    const [first, seconds] = await timed(() => world.serves('/t', '/t/neighbours'));
    const after = await world.heap();
    const cost = `${ids.length} sessions, ${before.grown} MiB of heap (${before.used} in use), after a restart ${after.grown} (${after.used}) and ${seconds} s to the first answer; neighbours within ${served.join(' and ')} ms`;
    return { cost, holds: before.grown <= MOST && after.grown <= MOST && [...served, first].every((ms) => ms !== undefined) };
  },
};

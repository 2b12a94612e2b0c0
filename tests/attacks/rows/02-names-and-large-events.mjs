// Long names, and large events that nobody reads.
import { upTo } from '../world.mjs';

const MOST = 64; // MiB

async function outcome(world, what) {
  const { used, grown } = await world.heap();
  const served = [await world.serves(), await world.serves('/t', '/t/neighbours')];
  return { cost: `${grown} MiB of heap (${used} in use)${what}; neighbours within ${served.join(' and ')} ms`, holds: grown <= MOST && served.every((ms) => ms !== undefined) };
}

const joined = async (world, count) => {
  const ids = [];
  for (const _ of upTo(count)) {
    const [{ clientId }] = (await world.handshake({ path: '/t' })).json;
    const advice = { interval: 300_000, timeout: 0 };
    await world.post([{ channel: '/meta/connect', clientId, connectionType: 'long-polling', advice }], { path: '/t' });
    ids.push(clientId);
  }
  return ids;
};

export default [
  {
    row: '2a',
    input: '60 sessions subscribe to 2,000 names of 500 bytes each',
    holds: `the wasm heap stays within ${MOST} MiB; neighbours are served`,
    async attack(world, short) {
      const ids = await joined(world, short ? 20 : 60);
      let refused = 0;
      for (const clientId of ids)
        for (const part of upTo(10)) {
          const subscription = upTo(200).map((at) => `/t/${clientId}/${part}-${at}/`.padEnd(500, 'x'));
          const { json } = await world.post([{ channel: '/meta/subscribe', clientId, subscription }], { path: '/t' });
          if (!json?.[0].successful) refused += 1;
        }
      return outcome(world, `, ${refused} of ${ids.length * 10} lists refused`);
    },
  },
  {
    row: '2b',
    input: '18 sessions with 8 events of 1 MiB each that they do not read',
    holds: `the wasm heap stays within ${MOST} MiB; neighbours are served`,
    async attack(world, short) {
      const ids = await joined(world, short ? 8 : 18);
      const data = 'x'.repeat(1_000_000);
      for (const clientId of ids) {
        await world.post([{ channel: '/meta/subscribe', clientId, subscription: `/t/${clientId}` }], { path: '/t' });
        for (const _ of upTo(8)) await world.post([{ channel: `/t/${clientId}`, clientId: ids.at(ids[0] === clientId ? 1 : 0), data }], { path: '/t' });
      }
      return outcome(world, '');
    },
  },
];

// Names that nobody has used: each would start an object, and be a row at the root.
import { upTo } from '../world.mjs';

/** Subscribes with so many names each, of trees of their own. */
const messages = (clientId, subscribes, names) =>
  upTo(subscribes).map((at) => ({ channel: '/meta/subscribe', clientId, subscription: upTo(names).map((name) => `/n${at}-${name}/x`) }));

async function started(world, subscribes, names) {
  const client = await world.join();
  const before = world.homes().size;
  const body = messages(client.clientId, subscribes, names);
  await world.post(body).catch(() => undefined);
  await world.serves();
  const rows = await world.rows();
  return { objects: world.homes().size - before, bytes: JSON.stringify(body).length, rows };
}

export default [
  {
    row: '3a',
    input: 'one POST: 20 subscribes with 20 names of new trees each, `MAX_SUBSCRIPTIONS=20`',
    holds: 'no more objects are started than the session may have subscriptions',
    vars: { MAX_SUBSCRIPTIONS: '20' },
    async attack(world) {
      const { objects, rows, bytes } = await started(world, 20, 20);
      // One more is the neighbour's.
      return { cost: `${objects} objects, ${rows.most} rows at the root for ${bytes} bytes`, holds: objects <= 22 };
    },
  },
  {
    row: '3b',
    input: 'one POST: 10 subscribes with 200 names of new trees each',
    holds: 'a message, a session and an address start a bounded number of objects: 600 at once, one more every 6 s',
    async attack(world, short) {
      const { objects, rows, bytes } = await started(world, short ? 4 : 10, 200);
      return { cost: `${objects} objects, ${rows.most} rows at the root for ${bytes} bytes`, holds: objects <= 620 };
    },
  },
];

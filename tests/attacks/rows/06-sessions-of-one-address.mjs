// Silent sessions.
import { ATTACKER, upTo } from '../world.mjs';

export default [
  {
    row: '6a',
    input: '3,000 handshakes of one address where `MAX_SESSIONS` is 3,000',
    holds: 'somebody else may come in',
    vars: { MAX_SESSIONS: '3000' },
    async attack(world) {
      const opened = (await world.sessions(3000, { path: '/t' })).length;
      const served = await world.serves('/t', '/t/neighbours');
      return { cost: `${opened} sessions; a neighbour ${served === undefined ? 'is refused' : `is served within ${served} ms`}`, holds: served !== undefined };
    },
  },
  {
    row: '6b',
    input: '22 homes publish once in a tree where `MAX_SESSIONS` is 20',
    holds: 'a home is no session: its clients may come in',
    vars: { MAX_SESSIONS: '20' },
    async attack(world) {
      for (const at of upTo(22)) {
        const client = await world.join({ path: `/home-${at}`, address: ATTACKER });
        await client.publish('/t/x', at);
      }
      const served = await world.serves('/t', '/t/neighbours');
      return { cost: `a neighbour ${served === undefined ? 'is refused' : `is served within ${served} ms`}`, holds: served !== undefined };
    },
  },
];

// Silent sessions.
import { HANDSHAKE } from '../../e2e/support/bayeux.mjs';
import { ATTACKER, inPieces, upTo } from '../world.mjs';

export default [
  {
    row: '6a',
    input: '3,000 handshakes of one address where `MAX_SESSIONS` is 3,000',
    holds: 'somebody else may come in',
    vars: { MAX_SESSIONS: '3000' },
    async attack(world) {
      const socket = await world.socket('/t');
      let opened = 0;
      for (const batch of inPieces(upTo(3000), 100)) {
        batch.forEach(() => socket.send([HANDSHAKE]));
        for (const _ of batch) if ((await socket.next())[0].successful) opened += 1;
      }
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

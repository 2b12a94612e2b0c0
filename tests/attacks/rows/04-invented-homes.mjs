// Addresses that somebody invents: each would be a home, with limits of its own.
import { HANDSHAKE } from '../../e2e/support/bayeux.mjs';
import { upTo } from '../world.mjs';

export default [
  {
    row: '4a',
    input: '20 handshakes at `/cometd/<invented>`',
    holds: 'no object is started',
    vars: { RATE_HANDSHAKES: '2/60', TREES: '/chat /magnets /news' }, // as wrangler.toml has it; the fixture's are all
    async attack(world) {
      let opened = 0;
      for (const at of upTo(20)) if ((await world.handshake({ path: `/invented-${at}` })).json?.[0]?.successful) opened += 1;
      return { cost: `${world.homes().size} objects, ${opened} sessions`, holds: world.homes().size === 0 && opened === 0 };
    },
  },
  {
    row: '4b',
    input: '20 handshakes without the token that is required',
    holds: 'no object is started',
    vars: { TOKEN_KEYS: 'a secret that nobody knows, of 32 bytes and more' },
    async attack(world) {
      for (const _ of upTo(20)) await world.post([HANDSHAKE]);
      return { cost: `${world.homes().size} objects`, holds: world.homes().size === 0 };
    },
  },
];

// Tokens with a key that nobody has published.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { HANDSHAKE } from '../../e2e/support/bayeux.mjs';
import { jwt, keyFor } from '../../e2e/support/jwt.mjs';
import { upTo } from '../world.mjs';

let fetches = 0;
let publisher;

export default {
  row: '9',
  input: 'a token with an unknown key at 30 homes',
  holds: 'the JWK Set is fetched once or twice',
  async options() {
    fetches = 0;
    publisher = createServer((_, response) => {
      fetches += 1;
      response.setHeader('content-type', 'application/json').end('{"keys":[]}');
    });
    await once(publisher.listen(0, '127.0.0.1'), 'listening');
    return { vars: { TOKEN_JWKS_URL: `http://localhost:${publisher.address().port}/keys`, HOMES: 'sharded:64', LOG_LEVEL: 'debug' } };
  },
  async attack(world) {
    try {
      const token = jwt({ alg: 'HS256', kid: 'invented' }, { sub: 'x' }, keyFor('HS256'));
      for (const at of upTo(60)) await world.post([{ ...HANDSHAKE, ext: { token } }], { address: `192.0.2.${at + 1}` });
      const objects = world.homes().size;
      return { cost: `${fetches} fetches by ${objects} objects`, holds: fetches <= 2 };
    } finally {
      publisher.close();
    }
  },
};

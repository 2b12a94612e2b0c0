// Presence on workerd: one user at two homes, reported by the owner of the tree, through evictions.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Roster } from '../../packages/bayeux-edge/client/presence.js';
import { startServer } from '../../scripts/lib/server.mjs';
import { join } from './support/bayeux.mjs';
import { jwt, keyFor } from './support/jwt.mjs';
import { until } from './support/server.mjs';

const key = keyFor('HS256');
// Nobody is away for so long here, however busy the machine is.
const vars = { TOKEN_KEYS: JSON.stringify({ keys: [{ ...key.jwk, kid: 'a' }] }), MAX_INTERVAL: '60000' };
const server = await startServer({ fixture: true, vars });
after(() => server.stop());

/** A client of this user, at home in that tree's object. */
const at = (home, user) =>
  join(`${server.url}/cometd/${home}`, { handshake: { ext: { token: jwt({ alg: 'HS256', kid: 'a' }, { sub: user }, key) } } });

/** What a member is told of who is there, in the words of the package's client. */
async function watch(client, channel) {
  const roster = new Roster(channel);
  await client.ok(client.subscribe([channel, `${channel}/$presence`]));
  const users = () => Object.fromEntries((roster.members ?? []).map(({ user, sessions }) => [user, sessions.length]));
  return {
    /** Resolves when these users are there, each with so many sessions. */
    sees: (wanted) =>
      until(
        async () => {
          for (const data of await client.poll({ advice: { timeout: 200 } })) roster.told(data);
          return JSON.stringify(Object.entries(users()).sort()) === JSON.stringify(Object.entries(wanted).sort());
        },
        () => `it sees ${JSON.stringify(users())}, not ${JSON.stringify(wanted)}`,
      ),
  };
}

test('a user at two homes is one member with two sessions, and leaves with the last one', async () => {
  const channel = '/room/homes';
  const [alice, here, there] = [await at('room', 'alice'), await at('one', 'bob'), await at('two', 'bob')];
  const seen = await watch(alice, channel);
  await seen.sees({ alice: 1 });
  await here.ok(here.subscribe(channel));
  const seenThere = await watch(there, channel);
  await seen.sees({ alice: 1, bob: 2 });
  await seenThere.sees({ alice: 1, bob: 2 });

  await server.evict('/one', 'close');
  await server.evict('/room', 'close');
  await here.ok(here.send({ channel: '/meta/unsubscribe', subscription: channel }));
  await seen.sees({ alice: 1, bob: 1 });
  await seenThere.sees({ alice: 1, bob: 1 });
  await there.ok(there.send({ channel: '/meta/disconnect' }));
  await seen.sees({ alice: 1 });
});

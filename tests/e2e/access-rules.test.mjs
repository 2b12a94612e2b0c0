// ACCESS_RULES on workerd, with cometd.js: an operation that no rule allows is refused, on every transport.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { hears, inNode } from './support/cometd.mjs';

const server = await startServer({
  fixture: true,
  vars: { ACCESS_RULES: 'anyone subscribe /news/**; anyone * /chat/*; authenticated * /**; anyone publish /service/echo' },
});
after(() => server.stop());
const runtime = inNode();

async function joined(t, transport) {
  const client = await runtime.open({ url: `${server.url}/cometd`, transports: [transport] });
  t.after(() => client.disconnect());
  assert.ok((await client.handshake()).successful);
  return client;
}

for (const transport of ['long-polling', 'websocket'])
  test(`${transport}: an operation that a rule allows succeeds, every other is denied and reaches nobody`, async (t) => {
    const [alice, bob] = [await joined(t, transport), await joined(t, transport)];
    const outcome = ({ successful, error }) => [successful, error];
    const denied = (operation) => [false, `403:denied_by_access_rules:${operation}_denied`];
    for (const name of ['/news/**', '/chat/room']) assert.deepEqual(outcome(await alice.subscribe(name)), [true, undefined]);
    for (const name of ['/**', '/*', '/chat/**', '/other']) assert.deepEqual(outcome(await bob.subscribe(name)), denied('subscribe'), name);
    for (const name of ['/news/today', '/chat/room/deep', '/service/veto']) assert.deepEqual(outcome(await bob.publish(name, 'denied')), denied('publish'), name);
    assert.ok((await bob.publish('/chat/room', 'allowed')).successful);
    assert.ok((await bob.publish('/service/echo', 'a service')).successful);
    assert.deepEqual(await hears(alice, 1), [['/chat/room', 'allowed']]);
    assert.equal((await bob.publish('/chat/room', 'again')).successful, true);
    assert.deepEqual(await hears(alice, 2), [['/chat/room', 'allowed'], ['/chat/room', 'again']]);
  });

// The clients in use: cometd.js and Faye's, each major version on npm, over every transport that they have in Node.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { adapt } from 'cometd-nodejs-client';
import { fixture, until } from './support/server.mjs';

const server = await fixture();
const url = `${server.url}/cometd`;

adapt(); // gives cometd.js the XMLHttpRequest and the WebSocket of a browser

/** The packages by their names here. */
const COMETD = ['cometd3', 'cometd4', 'cometd5', 'cometd7', 'cometd'];
const FAYE = ['faye08', 'faye10', 'faye'];

let rooms = 0;

/** What a client hears, once it is as much. */
const hears = (heard, count) => until(() => heard.length >= count && heard, () => `it heard ${JSON.stringify(heard)}`);

for (const name of COMETD) {
  const module = await import(name);
  const CometD = module.CometD ?? module.default.CometD;

  const open = async (t, transport) => {
    const cometd = new CometD();
    for (const type of cometd.getTransportTypes()) if (type !== transport) cometd.unregisterTransport(type);
    cometd.configure({ url, logLevel: 'error' });
    t.after(() => new Promise((resolve) => (cometd.isDisconnected() ? resolve() : cometd.disconnect(resolve))));
    const reply = await new Promise((resolve) => cometd.handshake(resolve));
    assert.equal(reply.successful, true, JSON.stringify(reply));
    assert.equal(cometd.getTransport().type ?? cometd.getTransport().getType(), transport);
    return cometd;
  };

  describe(`cometd.js as ${name}`, () => {
    for (const transport of ['websocket', 'long-polling'])
      test(`over ${transport} it subscribes, publishes, receives, calls a service and disconnects`, async (t) => {
        const [alice, bob] = [await open(t, transport), await open(t, transport)];
        const channel = `/versions/room ${(rooms += 1)} {${name}}`;
        const heard = [];
        const subscribed = await new Promise((resolve) => bob.subscribe(channel, ({ data }) => heard.push(data), resolve));
        assert.equal(subscribed.successful, true, JSON.stringify(subscribed));
        for (const data of ['on', 'off', 'on', 'on']) {
          const published = await new Promise((resolve) => alice.publish(channel, data, { id: '7' }, resolve));
          assert.equal(published.successful, true, JSON.stringify(published));
        }
        assert.deepEqual(await hears(heard, 4), ['on', 'off', 'on', 'on']);
        const call = (data) => new Promise((resolve) => alice.remoteCall('rc', data, 5000, undefined, resolve));
        const answered = await call({ n: [1, 2] });
        assert.deepEqual([answered.successful, answered.data], [true, { n: [1, 2] }]);
        const failed = await call({ fail: true });
        assert.deepEqual([failed.successful, failed.data], [false, { fail: true }]);
      });
  });
}

for (const name of FAYE) {
  const module = await import(name);
  const { Client } = module.default ?? module;
  const settled = (deferrable) =>
    new Promise((resolve, reject) => {
      deferrable.callback(resolve); // its value is not the deferrable in any version
      deferrable.errback(reject);
    });

  describe(`Faye as ${name}`, () => {
    for (const transport of ['websocket', 'long-polling'])
      test(`over ${transport} it subscribes, publishes and receives`, async (t) => {
        const [alice, bob] = [1, 2].map(() => {
          const client = new Client(url);
          if (transport !== 'websocket') client.disable('websocket');
          t.after(() => client.disconnect());
          return client;
        });
        const channel = `/versions/${name}/${transport}`;
        const heard = [];
        await settled(bob.subscribe(channel, (data) => heard.push(data)));
        for (const n of [1, 2, 3]) await settled(alice.publish(channel, { n }));
        assert.deepEqual(await hears(heard, 3), [{ n: 1 }, { n: 2 }, { n: 3 }]);
      });
  });
}

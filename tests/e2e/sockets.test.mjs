// A WebSocket beside its messages: heartbeats, and how it is closed.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fixture, logged, until, withFixture } from './support/server.mjs';
import { answerTo, opening, Socket } from './support/websocket.mjs';

const server = await fixture({ LOG_LEVEL: 'debug', MAX_MESSAGE_SIZE: '100000', MAX_INTERVAL: '30000' });
const url = `${server.url}/cometd`;

test('a heartbeat of Faye’s clients is answered, and wakes no sleeping object', async () => {
  const home = `${url}/asleep`;
  const starts = () => logged(server, 'object_started').filter(({ home }) => home === '/asleep').length;
  const socket = await Socket.open(home);
  const clientId = await socket.join();
  await until(() => starts() === 1, 'its object is not there');
  await server.evict('/asleep', 'hibernate');
  for (let beat = 0; beat < 3; beat += 1) assert.deepEqual(await socket.ask(), []);
  assert.equal(starts(), 1);
  const [reply] = await socket.ask({ channel: '/meta/subscribe', clientId, subscription: '/x' });
  assert.equal(reply.successful, true);
  await until(() => starts() === 2, 'a message wakes it');
  await socket.close(1000);
});

describe('a client that closes is answered with its own code', () => {
  test('1000, and one of its application’s', async () => {
    for (const code of [1000, 3000, 4999]) assert.equal(await (await Socket.open(url)).close(code), code);
  });

  test('1001, as its page goes away', async () => {
    // RFC 6455, section 5.5.1; masked with zeros.
    const close = (code) => Buffer.from([0x88, 0x82, 0, 0, 0, 0, code >> 8, code & 0xff]);
    const [opcode, length, ...code] = await answerTo(url, close(1001));
    assert.deepEqual([opcode, Buffer.from(code).readUInt16BE(), length >= 2], [0x88, 1001, true]);
  });

  test('1000, if it had none', async () => {
    const [opcode, , ...code] = await answerTo(url, Buffer.from([0x88, 0x80, 0, 0, 0, 0]));
    assert.equal(opcode, 0x88);
    assert.ok(code.length === 0 || Buffer.from(code).readUInt16BE() === 1000, `${code}`);
  });
});

describe('a frame that is refused as a whole closes its socket', () => {
  const deep = `${'['.repeat(101)}${']'.repeat(101)}`;
  for (const [what, frame, code, reason] of [
    ['no JSON', '[{', 1008, '400::json_invalid'],
    ['JSON that is no message', '"hello"', 1008, '400::json_invalid'],
    ['too deep', deep, 1008, '400::json_too_deep'],
    ['far too many messages', JSON.stringify(Array(16 * 256 + 1).fill({})), 1008, '413::batch_too_large'],
    ['too long', JSON.stringify([{ data: 'x'.repeat(100_000) }]), 1009, '413::request_too_large'],
    ['binary', new Uint8Array([91, 93]), 1003, 'text, please'],
  ])
    test(`${what}: ${code}`, async () => {
      const socket = await Socket.open(url);
      const clientId = await socket.join();
      socket.send(frame);
      assert.deepEqual([await socket.closed, socket.reason], [code, reason]);
      // The session is there for its next socket.
      const next = await Socket.open(url);
      assert.equal((await next.ask({ channel: '/meta/subscribe', clientId, subscription: '/x' }))[0].successful, true);
      await next.close(1000);
    });
});

test('a panic in a service is the reply to its message, and the socket stays open', async () => {
  const [alice, bob] = [await Socket.open(url), await Socket.open(url)];
  const [clientId, other] = [await alice.join(), await bob.join()];
  const [reply] = await alice.ask({ channel: '/service/panic', clientId, data: {} });
  assert.deepEqual([reply.successful, reply.error], [false, '500::internal_error']);
  assert.equal((await bob.ask({ channel: '/meta/subscribe', clientId: other, subscription: '/x' }))[0].successful, true);
  assert.equal((await alice.ask({ channel: '/meta/subscribe', clientId, subscription: '/x' }))[0].successful, true, 'its session lives');
  for (const socket of [alice, bob]) await socket.close(1000);
});

test('CLIENT_MAX_CONNECTIONS sockets of one address are open, and the next one is refused', () =>
  withFixture({ CLIENT_MAX_CONNECTIONS: '2' }, async ({ url, ...server }) => {
    const at = (address) => ({ headers: { 'cf-connecting-ip': address } });
    const office = [await Socket.open(`${url}/cometd`, at('192.0.2.1')), await Socket.open(`${url}/cometd`, at('192.0.2.1'))];
    const refusal = [503, '[{"successful":false,"error":"503::connections_exceeded"}]'];
    assert.deepEqual(await opening(`${url}/cometd`, at('192.0.2.1').headers), refusal);
    assert.equal((await opening(`${url}/cometd`, at('192.0.2.2').headers))[0], 101);
    assert.deepEqual(logged(server, 'connection_refused').map(({ address }) => address), ['192.0.2.1']);
    await office[0].close(1000);
    await until(async () => (await opening(`${url}/cometd`, at('192.0.2.1').headers))[0] === 101, 'its place is not free');
    await office[1].close(1000);
  }));

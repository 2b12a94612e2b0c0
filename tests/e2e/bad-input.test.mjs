// Input that no correct client sends: each gets a clear 4xx or a Bayeux error, never a 5xx, nothing hangs, and all
// other clients are served.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, afterEach, describe, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { crowd, HANDSHAKE, join, post } from './support/bayeux.mjs';
import { request } from './support/http.mjs';

const MIB = 1 << 20; // the fixture's MAX_MESSAGE_SIZE

const server = await startServer({ fixture: true, vars: { TIMEOUT: '60000', MAX_INTERVAL: '60000' } });
const url = `${server.url}/cometd`;
const [alice, bob] = await crowd(url, 2, '/talk');

// After each test: the same two sessions, in the same object, still talk, over a connect that was held meanwhile.
let rounds = 0;
let held = bob.poll();
afterEach(async () => {
  rounds += 1;
  await alice.ok(alice.publish('/talk', rounds));
  assert.deepEqual(await held, [rounds]);
  held = bob.poll();
  await alice.poll({ advice: { timeout: 0 } });
});
after(async () => {
  await bob.send({ channel: '/meta/disconnect' });
  await held;
  await server.stop();
});

const send = (body, headers = { 'content-type': 'application/json' }) => request(url, { headers, body });

/** A 4xx with one reply that names the error. */
function assertRefused({ status, json, text }, expected) {
  assert.equal(status, expected, text.slice(0, 200));
  assert.equal(json[0].successful, false);
  assert.match(json[0].error, new RegExp(`^${expected}::[a-z0-9_]+$`));
}

/** A 200 with a Bayeux error for each message that was sent. */
function assertErrors({ status, json, text }, replies = 1) {
  assert.equal(status, 200, text.slice(0, 200));
  assert.equal(json.length, replies, text.slice(0, 200));
  for (const { successful, error } of json) {
    assert.equal(successful, false, text.slice(0, 200));
    assert.match(error, /^4\d\d:[^:]*:[a-z_]+$/);
  }
}

describe('JSON', () => {
  const whole = JSON.stringify([{ channel: '/talk', clientId: alice.clientId, data: { text: 'a "quoted" \\ é 🎈', list: [1, -2.5e3, true, null] }, id: '1' }]);

  test('that breaks off anywhere is a 400', async () => {
    for (let end = 0; end < whole.length; end += 1) assertRefused(await send(whole.slice(0, end)), 400);
  });

  test('that breaks off within a chunked body is a 400', async () => {
    for (const end of [1, 10, whole.length - 1]) assertRefused(await send([whole.slice(0, end / 2), whole.slice(end / 2, end)]), 400);
  });

  for (const body of ['', ' ', 'null', 'true', '7', '"[]"', '[]', '[[]', '[]]', '{}{}', '[{}],', '{,}', "[{'channel':'/talk'}]", '[{channel:"/talk"}]', '<xml/>', '\u0000', '[NaN]', '[{"a":\u0001"}]', '﻿']) {
    test(`that is none or has no message: ${JSON.stringify(body)}`, async () => assertRefused(await send(body), 400));
  }

  for (const [open, close] of [['[', ']'], ['{"a":', '}']]) {
    test(`as deep as the request is long, of ${open}`, async () => {
      for (const depth of [101, 1000, 100_000]) {
        assertRefused(await send(open.repeat(depth)), 400);
        assertRefused(await send(`${open.repeat(depth)}1${close.repeat(depth)}`), 400);
        assertRefused(await alice.send({ channel: '/talk', data: null, ext: JSON.parse('['.repeat(101) + ']'.repeat(101)) }), 400);
      }
    });
  }
});

describe('a body', () => {
  test('over the limit is a 413 before all of it has arrived, with and without a Content-Length', async () => {
    const start = `[{"channel":"/talk","clientId":"${alice.clientId}","data":"`;
    for (const length of [MIB + 1, 5 * MIB, 2 ** 40]) assertRefused(await unfinished(`Content-Length: ${length}`, start), 413);
    const tooMuch = start + 'x'.repeat(MIB + 1 - start.length);
    const inChunks = chunks(tooMuch, 0x8000).map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
    assertRefused(await unfinished('Transfer-Encoding: chunked', inChunks.join('')), 413);
  });

  test('of megabytes that is within the limit but no JSON is a 400', async () => {
    for (const text of [' ', '[', '{"a":', '"', '\\', '\u0000', '🎈']) {
      const body = text.repeat(Math.floor((MIB - 1) / Buffer.byteLength(text)));
      assertRefused(await send(body), 400);
    }
  });

  test('of a megabyte of data is delivered', async () => {
    const carol = await join(url);
    const data = 'x'.repeat(MIB - 200);
    assert.equal(await carol.call('/service/echo', data), data);
  });

  test('that is not UTF-8 is a 400', async () => {
    for (const bytes of [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0x80]]) {
      for (const [before, after] of [['[{"channel":"/talk","id":"', '"}]'], ['', ''], [`[{"channel":"/service/echo","clientId":"${alice.clientId}","data":"`, '"}]']]) {
        const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
        for (const sent of [body, [body]]) assertRefused(await send(sent), 400);
      }
    }
  });

  test('in UTF-16 is a 400', async () => assertRefused(await send(Buffer.from(JSON.stringify([HANDSHAKE]), 'utf16le')), 400));

  test('with more messages than a batch may have is handled up to the limit, and each message past it is a 413', async () => {
    const [eve] = await crowd(url, 1, '/batch');
    const batch = (size) => Array.from({ length: size }, (_, at) => ({ channel: '/batch', clientId: alice.clientId, id: `${at}`, data: at }));
    for (const size of [257, 16 * 256]) {
      const { status, json, text } = await post(url, batch(size));
      assert.equal(status, 200, text.slice(0, 200));
      assert.deepEqual(json.map(({ id }) => id), batch(size).map(({ id }) => id));
      for (const [at, { successful, error }] of json.entries()) {
        assert.deepEqual([successful, error], at < 256 ? [true, undefined] : [false, '413::batch_too_large'], `${at}`);
      }
      assert.deepEqual(await eve.poll(), batch(256).map(({ data }) => data));
    }
  });

  test('with more than sixteen times as many is a 413, and none is processed', async () => {
    const batch = (size) => Array(size).fill({ channel: '/talk', clientId: alice.clientId, data: 'one of too many' });
    assertRefused(await post(url, batch(16 * 256 + 1)), 413);
    assertRefused(await post(url, Array(20_000).fill({ channel: '/x' })), 413);
    assertRefused(await post(url, Array(300_000).fill(1)), 413);
  });

  test('with as many messages as a batch may have, all bad, has an error for each', async () => {
    assertErrors(await post(url, Array(256).fill({})), 256);
    assertErrors(await post(url, Array(256).fill(null)), 256);
    assertErrors(await post(url, Array(256).fill({ channel: '/talk', data: 1 })), 256);
  });

  test('that is a form without a message, or with a bad one, is a 400', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    for (const body of ['', 'message', 'message=', 'message=nonsense', 'messages=[]', '&&&===', 'message=%', 'message=%ff', 'message=[]', 'message={}&message=[', '[{}']) {
      assertRefused(await send(body, form), 400);
    }
  });

  test('with a longer Content-Length than body does not affect other clients', async () => {
    const socket = connect(server.port, '127.0.0.1');
    await new Promise((resolve) => socket.write('POST /cometd HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[{"channel"', resolve));
    await alice.call('/service/echo'); // the object has seen it by now, or will soon
    socket.destroy();
  });
});

describe('a field of the wrong type', () => {
  const VALUES = [null, true, 0, -1, 1.5, '', ' ', 'x', '/', '//', '/a//b', '/*', '/**', '/a/**/b', '\u0000', '💥', '<script>', 'x'.repeat(5000), [], [[]], [null], [1], {}, { a: {} }, { reconnect: 'none' }];
  const KINDS = {
    handshake: { ...HANDSHAKE, minimumVersion: '1.0', ext: {}, advice: {} },
    connect: { channel: '/meta/connect', connectionType: 'long-polling', ext: {}, advice: { timeout: 0 } },
    subscribe: { channel: '/meta/subscribe', subscription: '/types', ext: {} },
    unsubscribe: { channel: '/meta/unsubscribe', subscription: '/types', ext: {} },
    disconnect: { channel: '/meta/disconnect', ext: {} },
    publish: { channel: '/types', data: {}, ext: {} },
    service: { channel: '/service/echo', data: {}, ext: {} },
  };

  for (const [kind, template] of Object.entries(KINDS)) {
    test(`is a Bayeux error or ignored, and the message beside it is processed: ${kind}`, async () => {
      for (const field of ['clientId', 'id', ...Object.keys(template)]) {
        for (const value of VALUES) {
          const eve = await join(url);
          const bad = { clientId: eve.clientId, id: '1', ...template, advice: { timeout: 0, ...template.advice }, [field]: value };
          const { status, json, text } = await post(url, [bad, { channel: '/service/echo', clientId: eve.clientId, id: 'beside', data: {} }]);
          const complaint = `${JSON.stringify(bad).slice(0, 300)} → ${status} ${text.slice(0, 300)}`;
          assert.equal(status, 200, complaint);
          const replies = json.filter((message) => 'successful' in message && !(message.channel === '/meta/disconnect' && !('id' in message) && message.successful));
          for (const { successful, error } of replies) assert.ok(successful || /^4\d\d:[^:]*:[a-z_]+$/.test(error), complaint);
          // A handshake is alone with itself, and a disconnect leaves no session for the next message.
          if (!json.some(({ channel }) => channel === '/meta/handshake' || channel === '/meta/disconnect')) {
            assert.equal(replies.find(({ id }) => id === 'beside')?.successful, true, complaint);
          }
        }
      }
    });
  }

  for (const advice of [{ timeout: 'x' }, { timeout: -1 }, { timeout: 1e300 }, { timeout: [] }, { interval: {} }, { interval: -5 }, { interval: 'x' }, [0, 0]]) {
    test(`counts as absent in the advice ${JSON.stringify(advice)}`, async () => {
      const eve = await join(url);
      // Beside another message a connect is not held.
      const [connected] = await eve.ok(eve.send({ channel: '/meta/connect', connectionType: 'long-polling', advice }, { channel: '/service/x', data: 1 }));
      assert.equal(connected.channel, '/meta/connect');
    });
  }
});

describe('a message', () => {
  test('that is no object is an error of its own', async () => {
    assertErrors(await post(url, [1, 'x', null, true, [], [{}]]), 6);
  });

  test('to an invalid channel is an error', async () => {
    for (const channel of ['', '/', 'talk', '//', '/a//b', '/talk/*', '/talk/**', '/a b\n', '/é', '/%41', `/${'x'.repeat(600)}`, '/a'.repeat(40), '/<script>']) {
      assertErrors(await alice.publish(channel, 1));
    }
  });

  test('to an unknown meta channel is an error', async () => {
    for (const channel of ['/meta', '/meta/', '/meta/nonsense', '/meta/connect/x', '/meta/handshake/now', '/META/connect', '/meta/ping']) {
      const { status, json, text } = await alice.send({ channel, data: 1, connectionType: 'long-polling' });
      assert.equal(status, 200, text);
      if (channel.startsWith('/meta/')) assertErrors({ status, json, text });
    }
  });

  test('with an id that is not safe to repeat does not get it repeated', async () => {
    for (const id of ['<script>alert(1)</script>', '\u0000', '"', '\\', 'x'.repeat(300), {}, [1], true]) {
      const response = await alice.send({ channel: '/talk', data: 1, id });
      assertErrors(response);
      assert.equal('id' in response.json[0], false);
    }
  });

  test('with an unknown clientId gets an error', async () => {
    for (const clientId of ['', 'x', `${alice.clientId}x`, alice.clientId.slice(0, -1), alice.clientId.toLowerCase(), 'r'.repeat(100_000), '__proto__', 'constructor']) {
      for (const message of [{ channel: '/talk', data: 1 }, { channel: '/meta/subscribe', subscription: '/talk' }, { channel: '/meta/disconnect' }, { channel: '/meta/connect', connectionType: 'long-polling' }]) {
        const { json } = await post(url, [{ ...message, clientId }]);
        assert.equal(json[0].error, '402::session_unknown', clientId.slice(0, 50));
      }
    }
  });

  test('has 64 fields at most', async () => {
    const message = (fields) => {
      const own = { channel: '/nobody/listens', clientId: alice.clientId, id: 'fields', data: 1 };
      return [{ ...own, ...Object.fromEntries(Array.from({ length: fields - Object.keys(own).length }, (_, at) => [`x${at}`, 0])) }];
    };
    await alice.ok(post(url, message(64)));
    for (const fields of [65, 1000]) {
      const response = await post(url, message(fields));
      assertErrors(response);
      assert.equal(response.json[0].error, '400::message_fields_exceeded');
    }
  });

  test('with as many fields as the request has room for costs only the time to read them', async () => {
    const fields = Object.fromEntries(Array.from({ length: 80_000 }, (_, at) => [at.toString(36), 0]));
    let took = Infinity; // at best: other processes make it slower, not faster
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const started = performance.now();
      const response = await alice.send({ channel: '/nobody/listens', data: 1, ...fields });
      took = Math.min(took, performance.now() - started);
      assertErrors(response);
      assert.equal(response.json[0].error, '400::message_fields_exceeded');
    }
    assert.ok(took < 1500, `it took ${Math.round(took)} ms`);
  });

  test('that subscribes to thousands of channels at once is refused as a whole', async () => {
    const eve = await join(url);
    const [reply] = (await eve.subscribe(Array.from({ length: 5000 }, (_, at) => `/many/${at}`))).json;
    assert.deepEqual([reply.successful, reply.error], [false, '403::subscriptions_exceeded']);
  });
});

describe('HTTP', () => {
  test('with odd headers is answered', async () => {
    const body = JSON.stringify([HANDSHAKE]);
    for (const headers of [
      { 'content-type': '' },
      { 'content-type': ';;;' },
      { 'content-type': 'multipart/form-data; boundary=x' },
      { 'content-encoding': 'nonsense' },
      { accept: 'image/png' },
      { origin: 'nonsense' },
      { origin: '' },
      { cookie: 'x'.repeat(4000) },
      { 'x-forwarded-for': "'; drop table sessions" },
      { 'cf-connecting-ip': 'not an address' },
      { 'x-many': Array(50).fill('x') },
      { expect: 'nothing' },
    ]) {
      const { status, json, text } = await send(body, headers);
      assert.ok(status === 200 ? json[0].successful : status >= 400 && status < 500, `${JSON.stringify(headers)}: ${status} ${text}`);
    }
  });

  test('with odd methods is a 4xx', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'PURGE', 'M-SEARCH']) {
      const { status, text } = await request(url, { method });
      assert.ok(status >= 400 && status < 500 || (status === 501 && text.startsWith('ERROR:')), `${method}: ${status} ${text}`);
    }
  });

  test('at odd addresses is a 4xx', async () => {
    for (const path of ['/a/b/c', '/%00', '/%', '/%zz', '/..%2f..%2f', '/connect/../../x/y', '//x//y', '/\u00e9'.normalize(), `/${'a/'.repeat(500)}`, '/;x']) {
      const { status, text } = await request(encodeURI(url + path).replaceAll('%25', '%'), { body: JSON.stringify([HANDSHAKE]) });
      assert.ok(status >= 400 && status < 500, `${path}: ${status} ${text.slice(0, 200)}`);
    }
  });
});

function chunks(text, size) {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, at) => text.slice(at * size, (at + 1) * size));
}

/** Sends a request that never ends, and reads the answer that comes all the same. */
async function unfinished(framing, body) {
  const socket = connect(server.port, '127.0.0.1').setEncoding('utf8').setTimeout(10_000, () => socket.destroy(new Error('no answer')));
  socket.write(`POST /cometd HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n${body}`);
  let text = '';
  for await (const piece of socket) {
    text += piece;
    if (text.endsWith(']')) break;
  }
  return { status: Number(text.split(' ')[1]), text, json: JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) };
}

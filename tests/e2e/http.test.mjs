// Raw HTTP against the Worker: which requests it accepts, and what every response has.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { events, HANDSHAKE, join, post } from './support/bayeux.mjs';
import { request } from './support/http.mjs';
import { fixture, logged, until, withFixture } from './support/server.mjs';

const { url } = await fixture();
const cometd = `${url}/cometd`;
const handshake = JSON.stringify([HANDSHAKE]);
const form = (...documents) => new URLSearchParams(documents.map((json) => ['message', json])).toString();

/** Each of `replies` is a handshake's that succeeded. */
function assertShakesHands({ status, json, text }, replies = 1) {
  assert.equal(status, 200, text);
  assert.equal(json.length, replies, text);
  for (const { channel, successful, clientId } of json) {
    assert.deepEqual([channel, successful], ['/meta/handshake', true], text);
    assert.match(clientId, /^[0-9A-Za-z]{23,}$/);
  }
}

describe('a body', () => {
  for (const type of ['application/json', 'application/json;charset=UTF-8', 'text/json', 'text/json; charset=utf-8', 'text/plain', undefined]) {
    test(`of the type ${type ?? 'none'} is read as JSON`, async () => {
      assertShakesHands(await request(cometd, { headers: type ? { 'content-type': type } : {}, body: handshake }));
    });
  }

  test('that is JSON but declared as a form, as `curl -d` does, is read as JSON', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    assertShakesHands(await request(cometd, { headers, body: handshake }));
  });

  for (const type of ['application/x-www-form-urlencoded', 'Application/X-WWW-Form-Urlencoded; charset=UTF-8']) {
    test(`of the type ${type} has its messages in the fields called message`, async () => {
      const headers = { 'content-type': type };
      assertShakesHands(await request(cometd, { headers, body: form(handshake) }));
      assertShakesHands(await request(cometd, { headers, body: `other=1&${form(JSON.stringify(HANDSHAKE))}` }));
      const { clientId } = await join(cometd);
      const publish = (id) => ({ channel: '/service/echo', clientId, id, data: 'ä & 100 % + "quoted"' });
      const { json } = await request(cometd, { headers, body: form(JSON.stringify(publish('1')), JSON.stringify([publish('2'), publish('3')])) });
      assert.deepEqual(json.filter(({ id }) => id).map(({ id, successful }) => [id, successful]), [['1', true], ['2', true], ['3', true]]);
      assert.deepEqual(events(json).map(({ data }) => data), Array(3).fill('ä & 100 % + "quoted"'));
    });
  }

  test('may be a single object', async () => {
    assertShakesHands(await request(cometd, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(HANDSHAKE) }));
  });

  test('may come in chunks without a Content-Length, split anywhere', async () => {
    const alice = await join(cometd);
    const bytes = Buffer.from(JSON.stringify([{ channel: '/service/echo', clientId: alice.clientId, data: 'naïve 🎈' }]));
    const inTheEmoji = bytes.indexOf('🎈') + 2;
    const { status, json, text } = await request(cometd, { body: [bytes.subarray(0, 5), bytes.subarray(5, inTheEmoji), bytes.subarray(inTheEmoji)] });
    assert.equal(status, 200, text);
    assert.equal(events(json)[0].data, 'naïve 🎈');
  });

  test('in UTF-8 comes back as it went', async () => {
    const alice = await join(cometd);
    const data = { 'שלום': '‮مرحبا 👩‍👩‍👧 \u0000\u2028"\\/' };
    assert.deepEqual(await alice.call('/service/echo', data), data);
  });
});

test('answers have their content type, and errors and answers to a GET have no-store and nosniff', async () => {
  const json = 'application/json;charset=utf-8';
  for (const [asked, type] of [
    [{ body: handshake }, json],
    [{ body: 'nonsense' }, json],
    [{ method: 'GET' }, json],
    [{ method: 'GET', path: `?jsonp=f&message=${encodeURIComponent(handshake)}` }, 'text/javascript;charset=utf-8'],
  ]) {
    const { status, headers } = await request(`${cometd}${asked.path ?? ''}`, asked);
    assert.equal(headers['content-type'].toLowerCase(), type);
    if (status === 200 && type === json) continue;
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-content-type-options'], 'nosniff');
  }
});

describe('the address', () => {
  test('may end with the message type that cometd.js appends', async () => {
    const alice = await join(cometd);
    const say = async (path, message) => (await post(`${cometd}${path}`, [{ clientId: alice.clientId, ...message }])).json[0];
    assertShakesHands(await post(`${cometd}/handshake`, [HANDSHAKE]));
    assert.equal((await say('/connect', { channel: '/meta/connect', connectionType: 'long-polling', advice: { timeout: 0 } })).successful, true);
    assert.equal((await say('/', { channel: '/meta/subscribe', subscription: '/a' })).successful, true);
    assert.equal((await say('/disconnect', { channel: '/meta/disconnect' })).successful, true);
    assert.equal(await alice.lives(), false);
  });

  test('may have a query', async () => {
    assertShakesHands(await post(`${cometd}?token=1/2`, [HANDSHAKE]));
  });

  test('of a tree is a home of its own, with the same names behind it', async () => {
    const alice = await join(`${cometd}/chat`);
    for (const path of ['/chat/connect', '/chat/', '/chat/subscribe']) {
      const connect = { channel: '/meta/connect', connectionType: 'long-polling', clientId: alice.clientId, advice: { timeout: 0 } };
      assert.equal((await post(`${cometd}${path}`, [connect])).json[0].successful, true, path);
    }
    assertShakesHands(await post(`${cometd}/chat/handshake`, [HANDSHAKE]));
  });

  test('of another home does not know the clientId of a tree', async () => {
    const homes = [cometd, `${cometd}/chat`, `${cometd}/news`];
    for (const home of homes.slice(1)) {
      const { clientId } = await join(home);
      for (const other of homes.filter((url) => url !== home)) {
        const [reply] = (await post(other, [{ channel: '/meta/connect', connectionType: 'long-polling', clientId }])).json;
        assert.deepEqual([reply.successful, reply.error, reply.advice.reconnect], [false, '402::session_unknown', 'handshake']);
      }
    }
  });

  test('of a tree forwards messages with a clientId of the root to the root', async () => {
    const { clientId } = await join(cometd);
    const unsubscribe = { channel: '/meta/unsubscribe', subscription: '/never', clientId };
    const [reply] = (await post(`${cometd}/chat`, [unsubscribe])).json;
    assert.equal(reply.successful, true, reply.error);
  });

  test('of a tree delivers the events of its clients', async () => {
    const [alice, bob] = await Promise.all([join(`${cometd}/one`), join(`${cometd}/one`)]);
    await bob.ok(bob.subscribe('/one/talk'));
    await alice.ok(alice.publish('/one/talk', 'hi'));
    assert.deepEqual(await bob.poll(), ['hi']);
  });

  test('of a tree may have a space, written as %20', async () => {
    const [alice, bob] = await Promise.all([join(`${cometd}/a%20b`), join(`${cometd}/a%20b`)]);
    await bob.ok(bob.subscribe('/a b/talk'));
    await alice.ok(alice.publish('/a b/talk', 'hi'));
    assert.deepEqual(await bob.poll(), ['hi']);
  });

  for (const path of ['/a/b', '/chat/connect/connect', '/connect/connect', '/*', '/**', '/%3Cscript%3E', '/a%09b', `/${'x'.repeat(600)}`]) {
    test(`${path.slice(0, 30)} is answered 404 in JSON`, async () => {
      const { status, json, text } = await post(`${cometd}${path}`, [HANDSHAKE]);
      assert.equal(status, 404, text);
      assert.match(json[0].error, /^404::/);
    });
  }
});

describe('of the methods', () => {
  test('GET without a message is refused', async () => {
    const { status, json } = await request(cometd, { method: 'GET' });
    assert.deepEqual([status, json[0].successful, json[0].error], [400, false, '400::batch_empty']);
  });

  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    test(`${method} is refused, with the allowed methods`, async () => {
      const { status, headers, json } = await request(cometd, { method, body: handshake });
      assert.equal(status, 405);
      assert.equal(headers.allow, 'GET, POST, OPTIONS');
      assert.equal(json[0].successful, false);
    });
  }

  test('OPTIONS lists the allowed methods', async () => {
    const { status, headers, text } = await request(cometd, { method: 'OPTIONS' });
    assert.deepEqual([status, headers.allow, text], [204, 'GET, POST, OPTIONS', '']);
    assert.deepEqual(corsHeaders(headers), {});
  });
});

describe('a page of another origin', () => {
  const ours = 'https://chat.example.com';
  const stranger = 'https://evil.example.com';
  const from = (url, origin) => post(`${url}/cometd`, [HANDSHAKE], { headers: { origin } });
  const preflight = (url, origin) =>
    request(`${url}/cometd`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } });

  test('may not read anything unless it is listed, and the server’s own origin needs no listing', async () => {
    for (const origin of [url, stranger, 'null']) {
      for (const { headers } of [await from(url, origin), await preflight(url, origin)]) assert.deepEqual(corsHeaders(headers), {}, origin);
    }
  });

  test('may read if ALLOWED_ORIGINS lists it, and the answer names the origin and allows credentials', async () => {
    await withFixture({ ALLOWED_ORIGINS: `${ours}, http://localhost:3000` }, async ({ url }) => {
      for (const origin of [ours, 'http://localhost:3000']) {
        assert.deepEqual(corsHeaders((await from(url, origin)).headers), named(origin));
        const answer = await preflight(url, origin);
        assert.equal(answer.status, 204);
        const { 'access-control-allow-methods': methods, 'access-control-allow-headers': allowed, 'access-control-max-age': age, ...rest } = corsHeaders(answer.headers);
        assert.match(methods, /POST/);
        assert.match(allowed, /content-type/);
        assert.ok(Number(age) > 0);
        assert.deepEqual(rest, { ...named(origin), vary: 'Origin, Access-Control-Request-Headers' });
      }
      for (const origin of [url, stranger, `${ours}.evil.com`, `${ours}:8443`, 'http://chat.example.com', 'null']) {
        assert.deepEqual(corsHeaders((await from(url, origin)).headers), {}, origin);
        assert.deepEqual(corsHeaders((await preflight(url, origin)).headers), {}, origin);
      }
    });
  });

  test('may send every header that its preflight asks for, and no other site’s page may', async () => {
    await withFixture({ ALLOWED_ORIGINS: `${ours} capacitor://localhost null` }, async (server) => {
      const asks = (origin) =>
        request(`${server.url}/cometd`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-requested-with, x-b' } });
      for (const origin of [ours, 'capacitor://localhost', 'null']) {
        const { headers } = await asks(origin);
        assert.deepEqual([headers['access-control-allow-origin'], headers['access-control-allow-headers']], [origin, 'x-requested-with, x-b']);
      }
      assert.deepEqual(corsHeaders((await asks(stranger)).headers), {});
      await asks(stranger);
      const lines = await until(() => logged(server, 'origin_refused').length > 0 && logged(server, 'origin_refused'), 'nothing was logged');
      assert.deepEqual(lines.map(({ level, origin }) => [level, origin]), [['warn', stranger]], 'once a minute');
    });
  });

  test('can read errors too', async () => {
    await withFixture({ ALLOWED_ORIGINS: ours }, async ({ url }) => {
      const send = (path, options) => request(`${url}/cometd${path}`, { ...options, headers: { origin: ours } });
      const refused = [await send('', { body: 'nonsense' }), await send('/a/b', { body: handshake }), await send('', { method: 'PUT', body: handshake })];
      assert.deepEqual(refused.map(({ status }) => status), [400, 404, 405]);
      for (const { headers } of refused) assert.deepEqual(corsHeaders(headers), named(ours));
    });
  });

  test('may read from any origin if ALLOWED_ORIGINS is *, and the answer still names the origin', async () => {
    await withFixture({ ALLOWED_ORIGINS: '*' }, async ({ url }) => {
      for (const origin of [ours, stranger]) assert.deepEqual(corsHeaders((await from(url, origin)).headers), named(origin));
      assert.deepEqual(corsHeaders((await from(url, url)).headers), {});
    });
  });
});

describe('beside it the site', () => {
  test('serves its home page', async () => {
    const { status, headers } = await request(`${url}/`, { method: 'GET' });
    assert.equal(status, 200);
    assert.match(headers['content-type'], /^text\/html/);
  });

  test('answers an unknown path with its 404 page', async () => {
    for (const path of ['/nowhere', '/cometdx', '/x/cometd']) {
      const { status, json } = await request(`${url}${path}`, { method: 'GET' });
      assert.deepEqual([status, json], [404, undefined], path);
    }
  });
});

describe('a connect', () => {
  test('is held as long as the client asks, and answered empty then', async () => {
    const alice = await join(cometd);
    const started = performance.now();
    assert.deepEqual(await alice.poll({ advice: { timeout: 400 } }), []);
    const held = performance.now() - started;
    assert.ok(held >= 390 && held < 2000, `held for ${held} ms`);
  });

  test('that is held is answered at once with an event published on another connection', async () => {
    const [alice, bob] = await Promise.all([join(cometd), join(cometd)]);
    await bob.ok(bob.subscribe('/talk'));
    for (const word of ['one', 'two', 'three']) {
      const started = performance.now();
      const [heard] = await Promise.all([bob.poll(), alice.ok(alice.publish('/talk', word))]);
      assert.deepEqual(heard, [word]);
      assert.ok(performance.now() - started < 1000, 'before the connect timed out');
    }
  });

  test('that is held leaves a second connection of the client free', async () => {
    const alice = await join(cometd);
    await alice.ok(alice.subscribe('/own'));
    const held = alice.poll({ advice: { timeout: 1200 } });
    const started = performance.now();
    assert.equal(await alice.call('/service/echo', 'still there'), 'still there');
    const mine = events(await alice.ok(alice.publish('/own', 'mine')));
    assert.ok(performance.now() - started < 1000, 'before the connect timed out');
    const heard = [...mine.map(({ data }) => data), ...(await held)];
    assert.deepEqual(heard, ['mine'], 'once, on one of the two connections');
  });

  test('is overtaken by a newer one of the same client', async () => {
    const alice = await join(cometd);
    // Which of the two came first is not said; whichever it was is answered before the other times out.
    const connects = [1, 2].map(() => alice.connect({ advice: { timeout: 1000 } }));
    const first = await Promise.race(connects);
    assert.equal(first.status, 409);
    assert.equal(first.json[0].successful, false);
    const [one, other] = await Promise.all(connects);
    assert.deepEqual([one.status, other.status].sort(), [200, 409]);
  });
});

const corsHeaders = (headers) => Object.fromEntries(Object.entries(headers).filter(([name]) => name === 'vary' || name.startsWith('access-control-')));

const named = (origin) => ({ 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true', vary: 'Origin' });

test('after a handshake with json-comment-filtered every answer is a comment, from the Worker and the object', async () => {
  const ask = async (message) => {
    const { status, headers, text } = await request(cometd, { headers: { 'content-type': 'text/json' }, body: JSON.stringify([message]) });
    assert.equal(status, 200, text);
    return { type: headers['content-type'], text };
  };
  const handshaken = await ask({ ...HANDSHAKE, ext: { 'json-comment-filtered': true } });
  assert.match(handshaken.type, /^application\/json/);
  const [{ clientId, ext }] = JSON.parse(handshaken.text);
  assert.deepEqual(ext, { 'json-comment-filtered': true, replay: true }); // the fixture keeps HISTORY

  const filtered = async (message) => {
    const { type, text } = await ask({ clientId, ...message });
    assert.match(type, /^text\/json-comment-filtered;/);
    const [, json] = text.match(/^\/\*(.*)\*\/$/s);
    assert.doesNotMatch(json, /\*\//);
    return JSON.parse(json);
  };
  const connect = { channel: '/meta/connect', connectionType: 'long-polling' };
  await filtered(connect);
  await filtered({ channel: '/meta/subscribe', subscription: '/filtered' });
  const held = filtered(connect);
  await post(cometd, [{ channel: '/filtered', data: '*/alert(1)/*', clientId: (await join(cometd)).clientId }]);
  const [event, reply] = await held;
  assert.deepEqual([event.data, reply.successful], ['*/alert(1)/*', true]);
});

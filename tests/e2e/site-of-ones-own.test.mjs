// The application's own routes, and its hook on static responses. Those of the fixture are in src/fixture.rs.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { events, join } from './support/bayeux.mjs';
import { request } from './support/http.mjs';
import { logged } from './support/server.mjs';

const server = await startServer({ fixture: true, workerFirst: ['/*', '!/js/*'], vars: { MAX_MESSAGE_SIZE: '4096' } });
after(() => server.stop());
const { url } = server;

const INTERNAL_ERROR = [{ successful: false, error: '500::internal_error' }];

describe('a route', () => {
  test('reads method, path, query, headers and every byte of the body, and writes them', async () => {
    const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    for (const method of ['POST', 'PUT'])
      for (const sent of [body, [body.subarray(0, 100), body.subarray(100)], Buffer.alloc(0)]) {
        const response = await fetch(`${url}/fixture/mirror?a=%20b&c`, {
          method,
          headers: { 'Content-Type': 'image/x-test' },
          body: Array.isArray(sent) ? ReadableStream.from(sent) : sent,
          duplex: 'half',
        });
        const bytes = Buffer.from(await response.arrayBuffer());
        assert.deepEqual(bytes, Array.isArray(sent) ? body : sent);
        const seen = ['content-type', 'x-method', 'x-path', 'x-query'].map((name) => response.headers.get(name));
        assert.deepEqual([response.status, ...seen], [200, 'image/x-test', method, '/fixture/mirror', 'a=%20b&c']);
      }
  });

  test('publishes to held connects', async () => {
    const alice = await join(`${url}/cometd`);
    await alice.ok(alice.subscribe('/news/*'));
    const held = alice.poll();
    const { status, text } = await request(`${url}/fixture/publish/news/today`, { body: '{"headline":"é"}' });
    assert.deepEqual([status, text], [204, '']);
    assert.deepEqual(await held, [{ headline: 'é' }]);
    assert.equal((await request(`${url}/fixture/publish/news/today`, { body: '{' })).status, 400);
  });

  test('refuses other methods, and lists the allowed ones', async () => {
    const { status, headers } = await request(`${url}/fixture/mirror`, { method: 'GET' });
    assert.deepEqual([status, headers.allow], [405, 'POST, PUT']);
  });

  test('refuses a body over the limit', async () => {
    assert.equal((await request(`${url}/fixture/mirror`, { body: 'x'.repeat(4096) })).status, 200);
    for (const body of ['x'.repeat(4097), ['x'.repeat(4000), 'x'.repeat(97)]])
      assert.equal((await request(`${url}/fixture/mirror`, { body })).status, 413);
  });

  test('that panics, or returns an invalid response, fails its own request only', async () => {
    const alice = await join(`${url}/cometd`);
    const held = alice.poll();
    for (const path of ['/fixture/panic', '/fixture/impossible']) {
      const { status, json } = await request(url + path, { method: 'GET' });
      assert.deepEqual([status, json], [500, INTERNAL_ERROR], path);
    }
    const service = await alice.ok(alice.publish('/service/echo', 1));
    assert.equal(events(service).length, 1);
    assert.deepEqual(await held, []);
    assert.equal(logged(server, 'action_failed').length, 1);
  });
});

describe('the hook on static responses', () => {
  test('gets each file, whose body and headers are sent unchanged', async () => {
    const seen = await request(`${url}/style.css`, { method: 'GET' });
    const plain = await request(`${url}/js/chat/main.js`, { method: 'GET' });
    assert.deepEqual([seen.status, seen.headers['x-fixture'], plain.headers['x-fixture']], [200, '/style.css', undefined]);
    assert.match(seen.text, /font/);
    for (const name of ['content-type', 'cache-control', 'etag', 'content-security-policy']) assert.ok(seen.headers[name], name);
    assert.equal(seen.headers['content-type'], 'text/css; charset=utf-8');
  });

  test('gets pages, redirects, 404 and 304 responses', async () => {
    const get = (path, headers) => request(url + path, { method: 'GET', headers });
    const { headers } = await get('/');
    for (const [path, status, sent] of [['/', 200], ['/chat/tea/', 301], ['/nowhere', 404], ['/', 304, { 'if-none-match': headers.etag }]]) {
      const response = await get(path, sent);
      assert.deepEqual([response.status, response.headers['x-fixture']], [status, path]);
    }
    assert.match((await get('/nowhere')).text, /There is nothing at this address/);
    assert.equal((await request(`${url}/style.css`, { method: 'HEAD' })).headers['x-fixture'], '/style.css');
  });

  test('may replace a file with another response', async () => {
    const { status, text } = await request(`${url}/robots.txt`, { method: 'GET' });
    assert.deepEqual([status, text], [403, 'forbidden']);
  });

  test('that panics fails its own request only', async () => {
    const { status, json } = await request(`${url}/panic`, { method: 'GET' });
    assert.deepEqual([status, json], [500, INTERNAL_ERROR]);
    assert.equal((await request(`${url}/`, { method: 'GET' })).status, 200);
  });
});

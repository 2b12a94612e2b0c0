// The clients of 2008, as far as they run today: their messages are sent word for word.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { join } from './support/bayeux.mjs';
import { request } from './support/http.mjs';
import { fixture } from './support/server.mjs';

const server = await fixture();
const url = `${server.url}/cometd`;

/** As POE::Component::Client::Bayeux posts: an array as text/json. */
const textJson = (...messages) => request(url, { headers: { 'content-type': 'text/json' }, body: JSON.stringify(messages) });

/** As dojo.xhrPost does: a form, whose field `message` is an array. */
const form = (...messages) =>
  request(url, {
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-requested-with': 'XMLHttpRequest' },
    body: new URLSearchParams({ message: JSON.stringify(messages) }).toString(),
  });

/** As a shell script with curl does: one object. */
const single = (message) => request(url, { headers: { 'content-type': 'text/json' }, body: JSON.stringify(message) });

/** As dojo.io.script does: a script, with a function for each request. */
let scripts = 0;
async function script(...messages) {
  const callback = `dojo.io.script.jsonp_dojoIoScript${(scripts += 1)}._jsonpCallback`;
  const query = new URLSearchParams({ message: JSON.stringify(messages), jsonp: callback });
  const response = await request(`${url}?${query}`, { method: 'GET' });
  const calls = [];
  const dojo = { io: { script: { [callback.split('.').at(-2)]: { _jsonpCallback: (answer) => calls.push(answer) } } } };
  new Function('dojo', response.text)(dojo);
  assert.equal(calls.length, 1, response.text);
  return { ...response, json: calls[0] };
}

/** Reads what is filtered, as dojo.fromJson does with `handleAs: 'json-comment-filtered'`. */
const filtered = (send) => async (...messages) => {
  const response = await send(...messages);
  const [, json] = /^\/\*(.*)\*\/$/s.exec(response.text) ?? [undefined, response.text];
  return { ...response, json: JSON.parse(json), isFiltered: json !== response.text };
};

/** What dojox.cometd, and POE's client after it, say to each other and to the server: the ids count up from 0. */
async function conversation({ send, connectionType, ext, isFiltered }) {
  const answer = async (...messages) => {
    const response = await send(...messages);
    assert.equal(response.status, 200, response.text);
    return response;
  };
  const supportedConnectionTypes = ['long-polling', 'long-polling-json-encoded', 'callback-polling'];
  const handshake = { version: '1.0', minimumVersion: '0.9', channel: '/meta/handshake', id: '0', supportedConnectionTypes, ...(ext && { ext }) };
  const [shaken] = (await answer(handshake)).json;
  assert.deepEqual([shaken.successful, shaken.id, shaken.version], [true, '0', '1.0']);
  assert.ok(shaken.supportedConnectionTypes.includes(connectionType));
  const { clientId } = shaken;

  const connect = (id) => ({ channel: '/meta/connect', clientId, connectionType, id });
  const first = await answer(connect('1'));
  assert.deepEqual([first.json[0].channel, first.json[0].successful, first.json[0].id], ['/meta/connect', true, '1']);
  assert.equal(Boolean(first.isFiltered), isFiltered);

  const subscribed = await answer({ channel: '/meta/subscribe', subscription: '/chat/demo', clientId, id: '2' });
  assert.deepEqual(subscribed.json, [{ channel: '/meta/subscribe', id: '2', successful: true, subscription: '/chat/demo' }]);

  const other = await join(url);
  const held = answer(connect('3'));
  const text = 'naïve & 100 % + "quoted" */ \u2028</script>';
  await other.ok(other.publish('/chat/demo', { user: 'other', chat: text }));
  const heard = (await held).json;
  assert.deepEqual(heard[0], { channel: '/chat/demo', data: { user: 'other', chat: text } });
  assert.deepEqual([heard[1].id, heard[1].successful], ['3', true]);

  await other.ok(other.subscribe('/chat/demo'));
  const published = await answer({ channel: '/chat/demo', data: { user: 'me', chat: text }, clientId, id: '4' });
  assert.equal(published.json.find(({ id }) => id === '4').successful, true);
  assert.deepEqual(await other.poll(), [{ user: 'me', chat: text }]);

  const last = await answer({ channel: '/meta/disconnect', clientId, id: '5' });
  assert.deepEqual([last.json.at(-1).channel, last.json.at(-1).successful], ['/meta/disconnect', true]);
}

describe('an old client', () => {
  const polls = { connectionType: 'long-polling', isFiltered: false };

  test('posts text/json: POE’s, without and with the comment filter, which it requests with 1', async () => {
    await conversation({ ...polls, send: textJson });
    await conversation({ ...polls, send: filtered(textJson), ext: { 'json-comment-filtered': 1 }, isFiltered: true });
  });

  test('posts a form: Dojo’s, without and with the comment filter', async () => {
    await conversation({ ...polls, send: form });
    await conversation({ ...polls, send: filtered(form), ext: { 'json-comment-filtered': true }, isFiltered: true });
  });

  test('posts single objects: a script', () => conversation({ ...polls, send: single }));

  test('polls by scripts from another site: Dojo’s callback-polling', () =>
    conversation({ send: script, connectionType: 'callback-polling', isFiltered: false }));

  test('polls by scripts and requests the comment filter: the answers stay scripts', () =>
    conversation({ send: script, connectionType: 'callback-polling', ext: { 'json-comment-filtered': true }, isFiltered: false }));
});

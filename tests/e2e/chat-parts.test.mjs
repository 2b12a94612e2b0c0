// The chat's parts that need no browser: rooms' names, what comes over a channel, who is here, what was said, links.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withLinks } from '../../public/js/chat/links.js';
import { Memory } from '../../public/js/chat/memory.js';
import { MAX_NAME, MAX_TEXT, read, tidyName } from '../../public/js/chat/messages.js';
import { Outbox } from '../../public/js/chat/outbox.js';
import { EXPIRY, GRACE, Presence } from '../../public/js/chat/presence.js';
import { roomAt, roomChannel, roomName, roomPath } from '../../public/js/chat/rooms.js';
import { newId } from '../../public/js/ids.js';

const ROOMS = ['lobby', 'café ☕', 'a/b', '100% (really)', '(', '(28)', '~', '.x', 'e\u0301', '日本語', '👩‍👩‍👧‍👦', '\ud800', 'x'.repeat(99), '🦊'.repeat(99)];

test('every room has an address that leads back to it', () => {
  for (const room of ROOMS.map(roomName)) {
    assert.equal(roomAt(new URL(roomPath(room), 'http://localhost').pathname), room);
    assert.equal(roomName(room), room);
  }
});

test('every room has a channel of its own, that the server takes', () => {
  const channels = ROOMS.map(roomName).map(roomChannel);
  assert.equal(new Set(channels).size, new Set(ROOMS.map(roomName)).size);
  for (const channel of channels) {
    assert.match(channel, /^\/chat\/[A-Za-z0-9\-_!~()$@]+$/);
    assert.ok(`${channel}/${newId()}`.length <= 512, channel);
  }
});

test('capitals and blanks do not tell rooms apart, and what is no name is the lobby', () => {
  assert.equal(roomName('  Tea \n Time '), 'tea time');
  for (const typed of ['', '  ', '.', '..', '\u0000']) assert.equal(roomName(typed), 'lobby');
  assert.equal(roomAt('/chat/'), 'lobby');
  assert.equal(roomAt('/chat/%E0%A4'), '%e0%a4');
});

test('a name is one line that can be seen and does not turn its surroundings', () => {
  assert.equal(tidyName(' Ada\n Lovelace '), 'Ada Lovelace');
  assert.equal(tidyName('\u202eadA'), 'adA');
  for (const typed of ['', ' \t ', '\u200b\u200d', '\u202e\u2066']) assert.equal(tidyName(typed), '');
  assert.equal([...tidyName('🦊'.repeat(200))].length, MAX_NAME);
});

test('only messages of the known shapes are read', () => {
  const from = newId();
  const text = { kind: 'text', from, name: 'Ada', id: newId(), text: 'hello', time: 5 };
  assert.deepEqual(read({ ...text, more: 1 }, 10), text);
  assert.equal(read({ ...text, time: 11 }, 10).time, 10, 'nothing comes from the future');
  assert.equal(read({ ...text, time: 'soon' }, 10).time, 10);
  assert.deepEqual(read({ kind: 'join', from, name: 'Ada' }, 10), { kind: 'join', from, name: 'Ada' });
  const { id } = text;
  const bad = [{ from: 'me' }, { name: 7 }, { name: ' ' }, { id: '' }, { text: '' }, { text: {} }, { text: 'x'.repeat(MAX_TEXT + 1) }, { kind: 'shout' }];
  for (const fields of bad) assert.equal(read({ ...text, ...fields }, 10), null, JSON.stringify(fields));
  for (const data of [null, undefined, 1, 'text', true, [], [text]]) assert.equal(read(data, 10), null);
  const recall = read({ kind: 'recall', from, name: 'Ada', texts: [null, text, { text: 'nobody' }, { ...text, text: 1 }, { ...text, kind: 'join' }] }, 10);
  assert.deepEqual(recall.texts, [text]);
  assert.deepEqual(read({ kind: 'recall', from, name: 'Ada', texts: 'all', id }, 10).texts, []);
});

test('a program may write without being anybody', () => {
  const message = read({ text: 'hello' }, 10);
  assert.deepEqual({ ...message, id: null }, { kind: 'text', from: null, name: 'Somebody', id: null, text: 'hello', time: 10 });
  assert.equal(read({ text: 'hello', name: 'cron' }, 10).name, 'cron');
});

test('who answers was here before; who joins, or comes back, has arrived', () => {
  const presence = new Presence();
  assert.equal(presence.see({ kind: 'here', from: 'a', name: 'Ada' }, 0), null);
  assert.deepEqual(presence.see({ kind: 'join', from: 'b', name: 'Bob' }, 0), { arrived: 'Bob' });
  assert.deepEqual(presence.see({ kind: 'here', from: 'b', name: 'Robert' }, 0), { renamed: ['Bob', 'Robert'] });
  assert.deepEqual(presence.people().map(({ name }) => name), ['Ada', 'Robert']);
  presence.leave('b', 100);
  assert.deepEqual(presence.sweep(100 + GRACE), ['Robert']);
  assert.deepEqual(presence.see({ kind: 'here', from: 'b', name: 'Robert' }, 9000), { arrived: 'Robert' });
});

test('who leaves and is back at once has not left', () => {
  const presence = new Presence();
  presence.see({ kind: 'here', from: 'a', name: 'Ada' }, 0);
  presence.leave('a', 10);
  assert.deepEqual(presence.sweep(9 + GRACE), []);
  assert.equal(presence.see({ kind: 'join', from: 'a', name: 'Ada' }, 9 + GRACE), null);
  assert.deepEqual(presence.sweep(100 + GRACE), []);
});

test('who vanishes is missed after a while, but not for a break of our own', () => {
  const presence = new Presence();
  presence.see({ kind: 'here', from: 'a', name: 'Ada' }, 0);
  assert.deepEqual(presence.sweep(EXPIRY - 1), []);
  presence.resume(EXPIRY);
  assert.deepEqual(presence.sweep(2 * EXPIRY - 1), []);
  assert.deepEqual(presence.sweep(2 * EXPIRY), ['Ada']);
});

test('invented people do not fill the memory', () => {
  const presence = new Presence();
  for (let at = 0; at < 2000; at += 1) presence.see({ kind: 'join', from: `${at}`, name: 'Eve' }, 0);
  assert.equal(presence.people().length, 500);
});

test('what was said is remembered once, by time, and not without end', () => {
  const memory = new Memory();
  const message = (id, time, text = 'x') => ({ id, time, text });
  assert.ok(memory.remember(message('b', 2)));
  assert.ok(memory.remember(message('a', 1)));
  assert.ok(!memory.remember(message('b', 2)));
  assert.deepEqual(memory.latest().map(({ id }) => id), ['a', 'b']);
  for (let at = 0; at < 2000; at += 1) memory.remember(message(`${at}`, at + 10));
  assert.equal(memory.latest().length, 50);
  assert.equal(memory.latest().at(-1).id, '1999');
  for (let at = 0; at < 50; at += 1) memory.remember(message(`long ${at}`, at + 3000, 'x'.repeat(MAX_TEXT)));
  assert.equal(memory.latest().length, 7, 'what one message may carry');
});

test('a text waits for the connection, is sent again when it was lost, and is told when it was refused', async () => {
  const [first, second] = [{ id: '1' }, { id: '2' }];
  const log = [];
  const outcomes = ['lost', 'refused', 'taken'];
  let saved;
  const outbox = new Outbox({
    send: async (message) => (log.push(`send ${message.id}`), outcomes.shift()),
    changed: (message, state) => log.push(`${message.id} ${state}`),
    store: { load: () => [first], save: (messages) => (saved = messages) },
  });
  assert.deepEqual(outbox.restore(), [first]);
  assert.deepEqual(log, []);
  outbox.open();
  await new Promise(setImmediate);
  assert.deepEqual(log.splice(0), ['send 1']);
  outbox.close();
  outbox.add(second);
  assert.deepEqual(saved, [first, second]);
  outbox.arrived('1'); // it had come through after all
  outbox.open();
  await new Promise(setImmediate);
  assert.deepEqual(log.splice(0), ['1 sent', 'send 2', '2 failed']);
  outbox.retry('2');
  await new Promise(setImmediate);
  assert.deepEqual(log, ['2 pending', 'send 2', '2 sent']);
  assert.deepEqual(saved, []);
});

test('only web addresses become links, without the punctuation around them', () => {
  const links = (text) => withLinks(text).filter(({ href }) => href).map(({ text }) => text);
  assert.deepEqual(links('see https://a.example/b?c=d#e, and (http://b.example/x_(y)).'), ['https://a.example/b?c=d#e', 'http://b.example/x_(y)']);
  assert.deepEqual(links('javascript:alert(1) data:text/html,x ftp://a.example http:// https://'), []);
  assert.deepEqual(links('https://a.example/<b>"c"'), ['https://a.example/']);
  for (const text of ['', 'plain', 'https://a.example!', 'x https://a.example y https://b.example z'])
    assert.equal(withLinks(text).map(({ text }) => text).join(''), text);
});

// The parts of the chat that need no browser: room names, messages, people, links.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from '../../public/js/chat/markdown.js';
import { Memory } from '../../public/js/chat/memory.js';
import { MAX_NAME, MAX_TEXT, read, tidyName } from '../../public/js/chat/messages.js';
import { Outbox } from '../../public/js/chat/outbox.js';
import { GRACE, People } from '../../public/js/chat/people.js';
import { presenceChannel, roomAt, roomChannel, roomName, roomPath } from '../../public/js/chat/rooms.js';
import { newId } from '../../public/js/ids.js';

const ROOMS = ['lobby', 'café ☕', 'a/b', '100% (really)', '(', '(28)', '~', '.x', 'e\u0301', '日本語', '👩‍👩‍👧‍👦', '\ud800', 'x'.repeat(99), '🦊'.repeat(99)];

test('every room has an address that leads back to it', () => {
  for (const room of ROOMS.map(roomName)) {
    assert.equal(roomAt(new URL(roomPath(room), 'http://localhost').pathname), room);
    assert.equal(roomName(room), room);
  }
});

test('every room has a channel of its own, that the server accepts', () => {
  const channels = ROOMS.map(roomName).map(roomChannel);
  assert.equal(new Set(channels).size, new Set(ROOMS.map(roomName)).size);
  for (const channel of channels) {
    assert.match(channel, /^\/chat\/[A-Za-z0-9\-_!~()$@]+$/);
    assert.ok(presenceChannel(channel).length <= 512, channel);
  }
});

test('room names ignore case and blanks, and an empty name is the lobby', () => {
  assert.equal(roomName('  Tea \n Time '), 'tea time');
  for (const typed of ['', '  ', '.', '..', '\u0000']) assert.equal(roomName(typed), 'lobby');
  assert.equal(roomAt('/chat/'), 'lobby');
  assert.equal(roomAt('/chat/%E0%A4'), '%e0%a4');
});

test('a name is one visible line and does not change the direction of the text around it', () => {
  assert.equal(tidyName(' Ada\n Lovelace '), 'Ada Lovelace');
  assert.equal(tidyName('\u202eadA'), 'adA');
  for (const typed of ['', ' \t ', '\u200b\u200d', '\u202e\u2066']) assert.equal(tidyName(typed), '');
  assert.equal([...tidyName('🦊'.repeat(200))].length, MAX_NAME);
});

test('only messages of the known shapes are read', () => {
  const from = newId();
  const data = { kind: 'text', from, name: 'Ada', id: newId(), text: 'hello' };
  const kept = { createdDate: '2026-03-29T19:05:28.334Z', replayId: 7 };
  const { kind, ...text } = data;
  assert.deepEqual(read({ ...data, time: 5, more: 1 }, 10), { ...text, time: 10, number: undefined }, 'it was written now');
  assert.deepEqual(read(data, 10, kept), { ...text, time: Date.parse(kept.createdDate), number: 7 }, 'the room says when');
  const bad = [{ from: 'me' }, { name: 7 }, { name: ' ' }, { id: '' }, { text: '' }, { text: {} }, { text: 'x'.repeat(MAX_TEXT + 1) }, { kind: 'shout' }];
  for (const fields of bad) assert.equal(read({ ...data, ...fields }, 10), null, JSON.stringify(fields));
  for (const data of [null, undefined, 1, 'text', true, [], [text]]) assert.equal(read(data, 10), null);
});

test('a message without a sender and a name is shown as Somebody’s', () => {
  const message = read({ text: 'hello' }, 10);
  assert.deepEqual({ ...message, id: null }, { from: null, name: 'Somebody', id: null, text: 'hello', time: 10, number: undefined });
  assert.equal(read({ text: 'hello', name: 'cron' }, 10).name, 'cron');
});

const [ADA, BOB] = ['a'.repeat(24), 'b'.repeat(24)];
const users = (...people) => Object.fromEntries(people.map(([session, from, name]) => [`session:${session}`, [{ session, info: { from, name } }]]));
const names = (people) => people.but('nobody').map(({ name }) => name);

test('people who are there when we join were here before us; later ones have arrived', () => {
  const people = new People();
  assert.deepEqual(people.told({ count: 1, members: users(['1', ADA, 'Ada']) }, 0), []);
  assert.deepEqual(people.told({ count: 2, joins: users(['2', BOB, 'Bob']), leaves: {} }, 0), [{ joined: 'Bob' }]);
  assert.deepEqual(people.told({ count: 2, joins: users(['2', BOB, 'Robert']), leaves: {} }, 0), [{ renamed: ['Bob', 'Robert'] }]);
  assert.deepEqual(names(people), ['Ada', 'Robert']);
  assert.deepEqual(people.but(ADA).map(({ name }) => name), ['Robert']);
  people.told({ count: 1, joins: {}, leaves: users(['2', BOB, 'Robert']) }, 100);
  assert.deepEqual(people.sweep(99 + GRACE), []);
  assert.deepEqual(people.sweep(100 + GRACE), ['Robert']);
  assert.deepEqual(names(people), ['Ada']);
});

test('a person who joined before us was here, even if reported with us; one who joined after us has arrived', () => {
  const me = 'c'.repeat(24);
  const people = new People(me);
  people.told({ count: 0, members: {} }, 0);
  const joins = users(['17', ADA, 'Ada'], ['3.19', BOB, 'Bob'], ['18', me, 'Me']);
  assert.deepEqual(people.told({ count: 3, joins, leaves: {} }, 0), [{ joined: 'Bob' }]);
  assert.deepEqual(people.told({ count: 3, joins: users(['18', me, 'Myself']), leaves: {} }, 0), []);
});

test('a person who reloads the page has not left, in one presence message or in two', () => {
  const people = new People();
  people.told({ count: 1, members: users(['1', ADA, 'Ada']) }, 0);
  assert.deepEqual(people.told({ count: 1, joins: users(['2', ADA, 'Ada']), leaves: users(['1', ADA, 'Ada']) }, 0), []);
  people.told({ count: 0, joins: {}, leaves: users(['2', ADA, 'Ada']) }, 10);
  assert.deepEqual(people.told({ count: 1, joins: users(['3', ADA, 'Ada']), leaves: {} }, 20), []);
  assert.deepEqual(people.sweep(10 + GRACE), []);
});

test('after a break the full list comes again: people who are not in it have left', () => {
  const people = new People();
  people.told({ count: 2, members: users(['1', ADA, 'Ada'], ['2', BOB, 'Bob']) }, 0);
  assert.deepEqual(people.told({ count: 1, members: users(['3', ADA, 'Ada']) }, 10), []);
  assert.deepEqual(people.sweep(10 + GRACE), ['Bob']);
});

test('a crowd is counted, and members without a name are Somebody', () => {
  const people = new People();
  people.told({ count: 1, members: { cron: [{ session: '9' }] } }, 0);
  assert.deepEqual([names(people), people.count], [['Somebody'], null]);
  people.told({ count: 2000 }, 0);
  assert.deepEqual([names(people), people.count], [[], 2000]);
});

test('a text is shown once, and the list of known texts is bounded', () => {
  const memory = new Memory();
  assert.ok(memory.remember({ id: 'a' }));
  assert.ok(!memory.remember({ id: 'a' }));
  for (let at = 0; at < 2000; at += 1) memory.remember({ id: `${at}` });
  assert.ok(memory.remember({ id: 'a' }));
});

test('a text waits for the connection, is sent again if it was lost, and its refusal is reported', async () => {
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

/** What of a text is read: parts without what tells them apart. */
const plain = (parts) => parts.map((part) => (typeof part === 'string' ? part : (part.text ?? part.code ?? part.block ?? plain(part.strong ?? part.em)))).join('');

test('only web addresses become links, without the punctuation around them', () => {
  const links = (text) => parse(text).filter(({ href }) => href).map(({ text }) => text);
  assert.deepEqual(links('see https://a.example/b?c=d#e, and (http://b.example/x_(y)).'), ['https://a.example/b?c=d#e', 'http://b.example/x_(y)']);
  assert.deepEqual(links('javascript:alert(1) data:text/html,x ftp://a.example http:// https://'), []);
  assert.deepEqual(links('https://a.example/<b>"c"'), ['https://a.example/']);
  for (const text of ['', 'plain', 'https://a.example!', 'x https://a.example y https://b.example z']) assert.equal(plain(parse(text)), text);
});

test('code, emphasis and links with words are read', () => {
  assert.deepEqual(parse('so `a * b` is *not* what **we _do_**'), [
    'so ', { code: 'a * b' }, ' is ', { em: ['not'] }, ' what ', { strong: ['we ', { em: ['do'] }] },
  ]);
  assert.deepEqual(parse('one\n```js\nif (a) *b* = `c`;\n\n```\ntwo'), ['one', { block: 'if (a) *b* = `c`;\n' }, 'two']);
  assert.deepEqual(parse('[the docs](https://a.example/x) and *[here](http://b.example)*'), [
    { href: 'https://a.example/x', text: 'the docs', host: 'a.example' }, ' and ',
    { em: [{ href: 'http://b.example/', text: 'here', host: 'b.example' }] },
  ]);
  assert.deepEqual(parse('*`a*b`*'), [{ em: [{ code: 'a*b' }] }]);
});

test('text that only looks like Markdown stays as it was written', () => {
  const texts = ['2 * 3 * 4', 'snake_case_name', 'a*b*c', '**', '* one\n* two', '`', '``', '```', '```\nopen', '_ a _', '*a\nb*', '[a](javascript:alert(1))', '[a](b)', '[](https://a)'];
  for (const text of texts.slice(0, -1)) assert.deepEqual(parse(text), [text], text);
  assert.deepEqual(plain(parse(texts.at(-1))), texts.at(-1));
});

test('a link with words shows where it leads', () => {
  const [link] = parse('[https://bank.example](https://evil.example/login)');
  assert.deepEqual(link, { href: 'https://evil.example/login', text: 'https://bank.example', host: 'evil.example' });
});

test('a hostile text is read in one pass', () => {
  const pieces = ['*', '**', '_', '`', '```\n', '[', '[a](http://', '*a ', '**a `', '_`', 'http://', '(http://a)', '**_*`', ')'];
  // Twenty times as long as a message may be: what takes time by the square of the length would take minutes.
  for (const piece of pieces) {
    const text = piece.repeat(Math.ceil((20 * MAX_TEXT) / piece.length));
    assert.ok(plain(parse(text)).length <= text.length, piece);
  }
});

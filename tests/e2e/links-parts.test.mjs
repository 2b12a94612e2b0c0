// The parts of the Worker's end of links that need no server: held requests, and the list of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Book } from '../../src/cloudflare/worker/links/book.js';
import { Held } from '../../src/cloudflare/worker/links/held.js';
import { Link } from '../../src/cloudflare/worker/links/link.js';
import { encode, OPEN, Stream } from '../../src/cloudflare/worker/links/stream.js';

const connect = (clientId) => [{ channel: '/meta/connect', connectionType: 'long-polling', clientId }];

const hold = (messages, more = null) =>
  new Held(new Request('http://127.0.0.1/cometd', { method: 'POST' }), JSON.stringify(messages), more);

const SETTINGS = { retry: 'retry\n', beat: ':\n', mark: 10, most: 30 };

/** A stream in a book, after its request has been sent. */
function listen(book, left = () => {}) {
  const stream = new Stream(new Request('http://127.0.0.1/cometd/abc'), 'abc', { stream: true }, SETTINGS, left);
  book.add(stream);
  book.take();
  return stream;
}

/** The entries of all frames. */
const taken = (book) => book.take().flatMap((frame) => JSON.parse(frame));

test('an answer is not lost if it arrives before its request knows that it must open the next link', async () => {
  const held = hold(connect('a'));
  const answer = { status: 200, text: '[]' };
  held.tell('open the next link');
  held.tell(answer);
  assert.equal(await held.told, 'open the next link');
  held.listen();
  assert.equal(await held.told, answer);
});

test('a request that has opened a link gets its answer', async () => {
  const held = hold(connect('a'));
  held.tell('open the next link');
  assert.equal(await held.told, 'open the next link');
  held.listen();
  held.tell('answer');
  assert.equal(await held.told, 'answer');
});

test('each request is asked once to open a link before any is asked again', () => {
  const book = new Book();
  const all = ['a', 'b', 'c'].map((id) => hold(connect(id)));
  for (const held of all) book.add(held);
  assert.deepEqual(new Set([book.heir(), book.heir(), book.heir()]), new Set(all));
  assert.ok(all.includes(book.heir()));
});

test('a connect or a stream is asked to open a link before a message that is answered at once', () => {
  const book = new Book();
  const held = hold(connect('a'));
  book.add(held);
  for (const id of ['b', 'c']) book.add(hold([{ channel: '/chat', data: 1, clientId: id }]));
  assert.equal(book.heir(), held);
  assert.notEqual(book.heir(), held);
});

test('each entry is sent once, with a number of its own', () => {
  const book = new Book();
  for (const id of ['a', 'b']) book.add(hold(connect(id)));
  book.push([7]);
  assert.deepEqual(taken(book).map(([number]) => number), [1, 2, 7]);
  assert.deepEqual(book.take(), []);
});

test('an object that has slept is asked for connects again, and learns of the others only that they wait', () => {
  const book = new Book();
  book.add(hold(connect('a')));
  book.add(hold([{ channel: '/chat', data: 1, clientId: 'b' }]));
  book.take();
  book.add(hold(connect('c')));
  book.repeat();
  const [fresh, first, second, end] = taken(book);
  assert.deepEqual([fresh[0], fresh[3]], [3, null]);
  assert.deepEqual([first[0], first[3]], [1, { again: true, held: true }]);
  assert.deepEqual([second[0], second[1]], [2, null]);
  assert.deepEqual(end, []);
});

test('a long list of waiting requests is sent in frames of about a megabyte', () => {
  const book = new Book();
  const long = 'x'.repeat(400_000);
  for (let count = 0; count < 6; count += 1) book.add(hold([{ channel: '/chat', data: long }]));
  const frames = book.take();
  assert.equal(frames.length, 3);
  for (const frame of frames) assert.ok(frame.length <= 1 << 20);
});

test('a stream begins with the first event of its home, and carries the next ones', async () => {
  const stream = listen(new Book());
  stream.write(encode(''));
  assert.equal(await stream.told, OPEN);
  stream.listen();
  stream.write(encode('a\n'));
  stream.end({ status: 200, text: 'b\n' });
  assert.deepEqual(await stream.told, { status: 200, text: 'b\n' });
  assert.equal(await new Response(stream.body).text(), 'retry\na\nb\n');
});

test('a stream that is refused does not begin', async () => {
  const stream = listen(new Book());
  stream.end({ status: 404, text: '[]' });
  assert.equal((await stream.told).status, 404);
});

test('a home is told once that a client does not read, and once that it has caught up', async () => {
  const book = new Book();
  const stream = listen(book);
  const reader = stream.body.getReader();
  for (const text of ['', '12345', '67890']) stream.write(encode(text));
  assert.deepEqual(taken(book), [[1, true]]);
  for (let read = 0; read < 3; read += 1) await reader.read();
  assert.deepEqual(taken(book), [[1, false]]);
});

test('a stream is closed if far more is sent than its client reads', async () => {
  const book = new Book();
  const stream = listen(book);
  for (let times = 0; times < 4; times += 1) stream.write(encode('12345678'));
  assert.deepEqual(taken(book), [[1, true], [1]]);
  assert.equal(book.waiting.size, 0);
  await assert.rejects(new Response(stream.body).text());
});

test('an idle stream gets a comment, a busy one none', async () => {
  const stream = listen(new Book());
  stream.write(encode(''));
  const beat = () => stream.beat(Infinity);
  for (let times = 0; times < 3; times += 1) beat();
  stream.write(encode('a'));
  beat();
  stream.end({ status: 200 });
  assert.equal(await new Response(stream.body).text(), 'retry\n:\n:\na');
});

test('a stream that has begun says so when it is repeated', () => {
  const book = new Book();
  const stream = listen(book);
  stream.write(encode(''));
  book.repeat();
  assert.deepEqual(taken(book), [[1, 'abc', null, { stream: true, again: true, held: true, open: true }], []]);
  const next = new Book();
  next.add(stream.before());
  assert.deepEqual(taken(next), [[1, 'abc', null, { stream: true, held: true, open: true }]]);
});

test('events for streams on a new link wait until the old link has ended', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const sockets = Array.from({ length: 3 }, () => new EventTarget());
  const heard = [];
  const links = [];
  for (const socket of sockets) links.push(new Link(socket, links.at(-1) ?? null, () => {}));
  links.forEach((link, at) => link.inOrder(() => heard.push(at), 1));
  assert.deepEqual(heard, [0]);
  sockets[1].dispatchEvent(new Event('close'));
  assert.deepEqual(heard, [0]);
  sockets[0].dispatchEvent(new Event('close'));
  assert.deepEqual(heard, [0, 1, 2]);
  const next = new Link(new EventTarget(), links[2], () => {});
  next.inOrder(() => heard.push(3), 1);
  t.mock.timers.tick(5000);
  assert.deepEqual(heard, [0, 1, 2, 3], 'a link that never tells its end delays nothing for long');
});

test('only streams with too much waiting for the end of the old link are closed', async () => {
  const book = new Book();
  const [busy, quiet] = [listen(book), listen(book)];
  for (const { number } of [busy, quiet]) book.hear({ inOrder: (work) => work() }, JSON.stringify([[[number], '']]));
  const old = new EventTarget();
  const link = new Link(new EventTarget(), new Link(old, null, () => {}), () => {});
  const word = JSON.stringify([[[busy.number], 'x'.repeat(1 << 20)]]);
  for (let times = 0; times < 3; times += 1) book.hear(link, word);
  assert.equal(book.waiting.size, 2);
  for (let times = 0; times < 2; times += 1) book.hear(link, word);
  assert.deepEqual(book.entries(), [quiet]);
  assert.deepEqual(taken(book), [[busy.number]], 'its home keeps what comes from now on');
  await assert.rejects(new Response(busy.body).text(), 'its client opens it again');
  book.hear(link, JSON.stringify([[[quiet.number], 'b\n']]));
  book.hear({ inOrder: (work) => work() }, JSON.stringify([[[quiet.number], 'a\n']]));
  old.dispatchEvent(new Event('close'));
  quiet.end({ status: 200 });
  assert.equal(await new Response(quiet.body).text(), 'retry\na\nb\n');
});

test('a link is closed when the object has answered on the next one, and not before', async () => {
  const socket = () => Object.assign(new EventTarget(), { closed: false, send: () => {}, close() { this.closed = true; } });
  const sockets = [socket(), socket()];
  const first = new Link(sockets[0], null, () => {});
  const book = new Book();
  first.run(book, () => true);
  const next = new Link(sockets[1], first, () => {});
  next.run(book, () => true);
  await new Promise(setImmediate);
  assert.equal(sockets[0].closed, false);
  sockets[1].dispatchEvent(Object.assign(new Event('message'), { data: '[]' }));
  await new Promise(setImmediate);
  assert.deepEqual(sockets.map(({ closed }) => closed), [true, false]);
});

test('a list of waiting requests is lost if nobody opens its link for some seconds, or its owner does nothing', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1 });
  const book = new Book();
  book.opening = Date.now();
  assert.ok(!book.isLost());
  t.mock.timers.tick(5001);
  assert.ok(!book.isLost(), 'the isolate may have stood still');
  t.mock.timers.tick(5001);
  assert.ok(book.isLost());
  [book.opening, book.link] = [0, { kick: () => {} }];
  book.take();
  assert.ok(!book.isLost());
  t.mock.timers.tick(20_000);
  assert.ok(book.isLost());
  book.link.kick = () => book.take();
  book.take();
  for (let looks = 0; looks < 3; looks += 1) {
    t.mock.timers.tick(20_000);
    assert.ok(!book.isLost(), 'its owner is there');
  }
});

// The parts of the Worker's end of links that need no server: held requests, and the list of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode, EventStream, OPEN } from '../../src/cloudflare/worker/links/event_stream.js';
import { HeldRequest } from '../../src/cloudflare/worker/links/held_request.js';
import { Link } from '../../src/cloudflare/worker/links/link.js';
import { PendingRequests } from '../../src/cloudflare/worker/links/pending.js';

const connect = (clientId) => [{ channel: '/meta/connect', connectionType: 'long-polling', clientId }];

const hold = (messages, more = null) =>
  new HeldRequest(new Request('http://127.0.0.1/cometd', { method: 'POST' }), JSON.stringify(messages), more);

const SETTINGS = { retry: 'retry\n', beat: ':\n', mark: 10, most: 30 };

/** A stream among pending requests, after its request has been sent. */
function listen(pending, left = () => {}) {
  const stream = new EventStream(new Request('http://127.0.0.1/cometd/abc'), 'abc', { stream: true }, SETTINGS, left);
  pending.add(stream);
  pending.take();
  return stream;
}

/** The entries of all frames. */
const taken = (pending) => pending.take().flatMap((frame) => JSON.parse(frame));

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
  const pending = new PendingRequests();
  const all = ['a', 'b', 'c'].map((id) => hold(connect(id)));
  for (const held of all) pending.add(held);
  assert.deepEqual(new Set([pending.heir(), pending.heir(), pending.heir()]), new Set(all));
  assert.ok(all.includes(pending.heir()));
});

test('a connect or a stream is asked to open a link before a message that is answered at once', () => {
  const pending = new PendingRequests();
  const held = hold(connect('a'));
  pending.add(held);
  for (const id of ['b', 'c']) pending.add(hold([{ channel: '/chat', data: 1, clientId: id }]));
  assert.equal(pending.heir(), held);
  assert.notEqual(pending.heir(), held);
});

test('each entry is sent once, with a number of its own', () => {
  const pending = new PendingRequests();
  for (const id of ['a', 'b']) pending.add(hold(connect(id)));
  pending.push([7]);
  assert.deepEqual(taken(pending).map(([number]) => number), [1, 2, 7]);
  assert.deepEqual(pending.take(), []);
});

test('an object that has slept is asked for connects again, and learns of the others only that they wait', () => {
  const pending = new PendingRequests();
  pending.add(hold(connect('a')));
  pending.add(hold([{ channel: '/chat', data: 1, clientId: 'b' }]));
  pending.take();
  pending.add(hold(connect('c')));
  pending.repeat();
  const [fresh, first, second, end] = taken(pending);
  assert.deepEqual([fresh[0], fresh[3]], [3, null]);
  assert.deepEqual([first[0], first[3]], [1, { again: true, held: true }]);
  assert.deepEqual([second[0], second[1]], [2, null]);
  assert.deepEqual(end, []);
});

test('a long list of waiting requests is sent in frames of about a megabyte', () => {
  const pending = new PendingRequests();
  const long = 'x'.repeat(400_000);
  for (let count = 0; count < 6; count += 1) pending.add(hold([{ channel: '/chat', data: long }]));
  const frames = pending.take();
  assert.equal(frames.length, 3);
  for (const frame of frames) assert.ok(frame.length <= 1 << 20);
});

test('a stream begins with the first event of its home, and carries the next ones', async () => {
  const stream = listen(new PendingRequests());
  stream.write(encode(''));
  assert.equal(await stream.told, OPEN);
  stream.listen();
  stream.write(encode('a\n'));
  stream.end({ status: 200, text: 'b\n' });
  assert.deepEqual(await stream.told, { status: 200, text: 'b\n' });
  assert.equal(await new Response(stream.body).text(), 'retry\na\nb\n');
});

test('a stream that is refused does not begin', async () => {
  const stream = listen(new PendingRequests());
  stream.end({ status: 404, text: '[]' });
  assert.equal((await stream.told).status, 404);
});

test('a home is told once that a client does not read, and once that it has caught up', async () => {
  const pending = new PendingRequests();
  const stream = listen(pending);
  const reader = stream.body.getReader();
  for (const text of ['', '12345', '67890']) stream.write(encode(text));
  assert.deepEqual(taken(pending), [[1, true]]);
  for (let read = 0; read < 3; read += 1) await reader.read();
  assert.deepEqual(taken(pending), [[1, false]]);
});

test('a stream is closed if far more is sent than its client reads', async () => {
  const pending = new PendingRequests();
  const stream = listen(pending);
  for (let times = 0; times < 4; times += 1) stream.write(encode('12345678'));
  assert.deepEqual(taken(pending), [[1, true], [1]]);
  assert.equal(pending.waiting.size, 0);
  await assert.rejects(new Response(stream.body).text());
});

test('an idle stream gets a comment, a busy one none', async () => {
  const stream = listen(new PendingRequests());
  stream.write(encode(''));
  const beat = () => stream.beat(Infinity);
  for (let times = 0; times < 3; times += 1) beat();
  stream.write(encode('a'));
  beat();
  stream.end({ status: 200 });
  assert.equal(await new Response(stream.body).text(), 'retry\n:\n:\na');
});

test('a stream that has begun says so when it is repeated', () => {
  const pending = new PendingRequests();
  const stream = listen(pending);
  stream.write(encode(''));
  pending.repeat();
  assert.deepEqual(taken(pending), [[1, 'abc', null, { stream: true, again: true, held: true, open: true }], []]);
  const next = new PendingRequests();
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
  const pending = new PendingRequests();
  const [busy, quiet] = [listen(pending), listen(pending)];
  for (const { number } of [busy, quiet]) pending.hear({ inOrder: (work) => work() }, JSON.stringify([[[number], '']]));
  const old = new EventTarget();
  const link = new Link(new EventTarget(), new Link(old, null, () => {}), () => {});
  const word = JSON.stringify([[[busy.number], 'x'.repeat(1 << 20)]]);
  for (let times = 0; times < 3; times += 1) pending.hear(link, word);
  assert.equal(pending.waiting.size, 2);
  for (let times = 0; times < 2; times += 1) pending.hear(link, word);
  assert.deepEqual(pending.entries(), [quiet]);
  assert.deepEqual(taken(pending), [[busy.number]], 'its home keeps what comes from now on');
  await assert.rejects(new Response(busy.body).text(), 'its client opens it again');
  pending.hear(link, JSON.stringify([[[quiet.number], 'b\n']]));
  pending.hear({ inOrder: (work) => work() }, JSON.stringify([[[quiet.number], 'a\n']]));
  old.dispatchEvent(new Event('close'));
  quiet.end({ status: 200 });
  assert.equal(await new Response(quiet.body).text(), 'retry\na\nb\n');
});

test('a link is closed when the object has answered on the next one, and not before', async () => {
  const socket = () => Object.assign(new EventTarget(), { closed: false, send: () => {}, close() { this.closed = true; } });
  const sockets = [socket(), socket()];
  const first = new Link(sockets[0], null, () => {});
  const pending = new PendingRequests();
  first.run(pending, () => true);
  const next = new Link(sockets[1], first, () => {});
  next.run(pending, () => true);
  await new Promise(setImmediate);
  assert.equal(sockets[0].closed, false);
  sockets[1].dispatchEvent(Object.assign(new Event('message'), { data: '[]' }));
  await new Promise(setImmediate);
  assert.deepEqual(sockets.map(({ closed }) => closed), [true, false]);
});

test('a list of waiting requests is lost if nobody opens its link for some seconds, or its owner does nothing', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1 });
  const pending = new PendingRequests();
  pending.opening = Date.now();
  assert.ok(!pending.isLost());
  t.mock.timers.tick(5001);
  assert.ok(!pending.isLost(), 'the isolate may have stood still');
  t.mock.timers.tick(5001);
  assert.ok(pending.isLost());
  [pending.opening, pending.link] = [0, { kick: () => {} }];
  pending.take();
  assert.ok(!pending.isLost());
  t.mock.timers.tick(20_000);
  assert.ok(pending.isLost());
  pending.link.kick = () => pending.take();
  pending.take();
  for (let looks = 0; looks < 3; looks += 1) {
    t.mock.timers.tick(20_000);
    assert.ok(!pending.isLost(), 'its owner is there');
  }
});

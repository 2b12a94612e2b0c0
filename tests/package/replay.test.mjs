// The replay extension for cometd.js and Faye, without a server: what it requests, and what it remembers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kept, Replay } from '../../public/js/replay.js';

const subscribe = (subscription) => ({ channel: '/meta/subscribe', subscription });
const event = (channel, replayId) => ({ channel, data: 'x', ext: { replay: { createdDate: '2026-03-29T19:05:28.334Z', replayId } } });
const sent = (message) => JSON.parse(JSON.stringify(message));
const asks = (replay, subscription) => sent(replay.outgoing(subscribe(subscription))).ext.replay;
const connect = { channel: '/meta/connect' };
const connects = (replay) => sent(replay.outgoing(connect)).ext.replay;

function subscribed(replay, subscription, cursors = {}) {
  replay.incoming({ ...subscribe(subscription), successful: true, ext: { replay: cursors } });
}

test('a handshake requests the numbers in ext, and keeps other fields of ext', () => {
  const replay = new Replay();
  assert.deepEqual(replay.outgoing({ channel: '/meta/handshake', ext: { ack: true } }).ext, { ack: true, replay: 'ext' });
});

test('a subscription first asks as configured, then for events after the last one', () => {
  const replay = new Replay({ from: 'all' });
  assert.deepEqual(asks(replay, ['/a', '/b/*']), { '/a': -2, '/b/*': -2 });
  subscribed(replay, ['/a', '/b/*'], { '/a': 128, '/b/*': 0 });
  replay.incoming(event('/b/x', 256));
  replay.incoming(event('/b/x/y', 384));
  replay.incoming({ channel: '/a', data: 'not kept' });
  assert.deepEqual(asks(replay, ['/a', '/b/*']), { '/a': 128, '/b/*': 256 });
  assert.deepEqual(asks(new Replay(), '/a'), { '/a': -1 });
  assert.deepEqual(asks(new Replay({ from: 5 }), '/a'), { '/a': 5 });
});

test('events that are not kept any more are reported, and then all kept ones are requested', () => {
  const missed = [];
  const replay = new Replay({ onMissed: (name) => missed.push(name) });
  subscribed(replay, '/a', { '/a': 128 });
  subscribed(replay, '/b', { '/b': 256 });
  replay.incoming({ ...subscribe(['/a', '/b']), successful: false, error: '400:/a,128:replay_id_not_kept' });
  assert.deepEqual(missed, ['/a']);
  assert.deepEqual(asks(replay, ['/a', '/b']), { '/a': -2, '/b': 256 });
  replay.incoming({ ...subscribe('/b'), successful: false, error: '403::subscription_invalid' });
  assert.deepEqual(missed, ['/a']);
});

test('the last number is kept in a storage, and a storage that fails does no harm', () => {
  const storage = new Map();
  const local = { getItem: (name) => storage.get(name) ?? null, setItem: (name, value) => storage.set(name, value) };
  const replay = new Replay({ store: kept(local, 'heard') });
  subscribed(replay, '/a', { '/a': 128 });
  replay.incoming(event('/a', 512));
  assert.deepEqual(asks(new Replay({ store: kept(local, 'heard') }), '/a'), { '/a': 512 });
  storage.set('heard', '{');
  assert.deepEqual(asks(new Replay({ store: kept(local, 'heard') }), '/a'), { '/a': -1 });
  const refusing = { getItem() { throw new Error('private'); }, setItem() { throw new Error('full'); } };
  subscribed(new Replay({ store: kept(refusing) }), '/a', { '/a': 1 });
});

test('for Faye messages are passed on by a callback', () => {
  const replay = new Replay();
  let passed;
  replay.outgoing(subscribe('/a'), (message) => (passed = message));
  assert.deepEqual(sent(passed).ext.replay, { '/a': -1 });
  replay.incoming(event('/a', 1), (message) => (passed = message));
  assert.equal(passed.channel, '/a');
});

test('a connect after an unanswered one has the last number of each subscription', () => {
  const replay = new Replay();
  subscribed(replay, ['/a', '/b/*', '/none'], { '/a': 128, '/b/*': 256, '/none': -1 });
  assert.equal(connects(replay), undefined);
  replay.incoming({ ...connect, successful: true });
  assert.equal(connects(replay), undefined);
  replay.incoming(event('/b/x', 384));
  assert.deepEqual(connects(replay), { '/a': 128, '/b/*': 384 });
  replay.incoming({ ...connect, successful: false, error: '503::pending_exceeded' });
  assert.deepEqual(connects(replay), { '/a': 128, '/b/*': 384 });
  replay.incoming({ ...connect, successful: true });
  assert.equal(connects(replay), undefined);
});

test('after a connect with a number that is not kept any more the next one asks for all kept events', () => {
  const missed = [];
  const replay = new Replay({ onMissed: (name) => missed.push(name) });
  subscribed(replay, '/a', { '/a': 128 });
  connects(replay);
  connects(replay);
  replay.incoming({ ...connect, successful: false, error: '400:/a,128:replay_id_not_kept' });
  assert.deepEqual([missed, connects(replay)], [['/a'], { '/a': -2 }]);
});

test('if Faye repeats a lost message, its numbers are those of the time of sending', () => {
  const replay = new Replay({ from: 'all' });
  let down;
  replay.added({ on: (name, told) => name === 'transport:down' && (down = told) });
  const subscribes = replay.outgoing(subscribe('/a'));
  const lost = replay.outgoing(connect);
  assert.equal(sent(lost).ext.replay, undefined);
  replay.incoming(event('/a', 128));
  down();
  assert.deepEqual([sent(lost).ext.replay, sent(subscribes).ext.replay], [{ '/a': 128 }, { '/a': 128 }]);
});

test('an event is delivered once', () => {
  const replay = new Replay();
  subscribed(replay, '/a', { '/a': 128 });
  const hears = (number) => replay.incoming(event('/a', number)) !== null;
  assert.deepEqual([128, 256, 256, 128, 384].map(hears), [false, true, false, false, true]);
  // A second subscription may not have heard it yet.
  subscribed(replay, '/**', { '/**': 0 });
  assert.deepEqual([hears(256), hears(256), asks(replay, '/a')], [true, false, { '/a': 384 }]);
});

test('the numbers of a pattern that spans trees are not compared', () => {
  const replay = new Replay();
  subscribed(replay, '/**');
  assert.notEqual(replay.incoming(event('/a', 256)), null);
  assert.notEqual(replay.incoming(event('/b', 128)), null);
  assert.deepEqual(asks(replay, '/**'), { '/**': -1 });
});

// Channel names in JavaScript, like src/bayeux/wire/channel.rs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { covers, isChannel, isPattern, overlaps, params } from '../../packages/bayeux-edge/channels.js';

const NAMES = ['/a', '/a/b', '/a/b/c', '/b', '/a/*', '/a/**', '/a/b/*', '/a/b/**', '/*', '/**', '/b/**'];
const CHANNELS = ['/a', '/a/b', '/a/c', '/a/b/c', '/a/b/x', '/a/b/c/d', '/a/x/y', '/b', '/b/x', '/b/x/y', '/c', '/x/y'];

/** By the definition: `*` is one segment, `**` one or more. */
const matches = (pattern, channel) => new RegExp(`^${pattern.replace(/\/\*\*$/, '(/[^/]+)+').replace(/\/\*$/, '/[^/]+')}$`).test(channel);

test('covers: every channel of the second pattern matches the first', () => {
  for (const wide of NAMES)
    for (const narrow of NAMES) {
      const all = CHANNELS.filter((channel) => matches(narrow, channel)).every((channel) => matches(wide, channel));
      assert.equal(covers(wide, narrow), all, `${wide} covers ${narrow}`);
    }
  assert.ok(covers('/chat/**', '/chat/demo/') && covers('/a/', '/a') && !covers('/chat/**', '/chat') && !covers('/chat/**', '/chatter/x'));
});

test('overlaps: some channel matches both patterns', () => {
  for (const a of NAMES)
    for (const b of NAMES) {
      const some = CHANNELS.some((channel) => matches(a, channel) && matches(b, channel));
      assert.equal(overlaps(a, b), some, `${a} overlaps ${b}`);
    }
});

test('an invalid name is covered by nothing', () => {
  for (const name of ['', '/', 'a', '//', '/a//b', '/a/*/b', '/a%', '/é', '/a//', null, undefined, 7, `/${'a'.repeat(512)}`])
    assert.ok(!isChannel(name) && !isPattern(name) && !covers('/**', name) && !overlaps('/**', name), String(name));
  assert.ok(isPattern('/**') && !isChannel('/**') && isChannel('/a b#+{}'));
});

test('params: the values of the segments of a template', () => {
  assert.deepEqual(params('/rooms/{room}/{what}', '/rooms/blue/chat'), { room: 'blue', what: 'chat' });
  assert.equal(params('/rooms/{room}', '/rooms/blue/chat'), null);
  assert.equal(params('/rooms/{room}', '/houses/blue'), null);
  assert.equal(params('/rooms/{room}', '/rooms/*'), null);
});

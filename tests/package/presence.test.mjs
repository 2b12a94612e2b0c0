// The members of a channel, from the server's presence messages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Presence, Roster } from '../../packages/bayeux-edge/client/presence.js';

function watch(roster, options = {}) {
  const changes = [];
  const listener = (_, change) => changes.push(change);
  const presence = new Presence(roster, { listener, ...options }, Promise.resolve(), (left) => roster.leave(left));
  roster.join(presence);
  return { presence, changes };
}

const one = (session, info) => [info ? { session, info } : { session }];

test('at first all members are given, then users join and leave with their sessions', () => {
  const roster = new Roster('/a');
  const { presence, changes } = watch(roster);
  assert.deepEqual([presence.count, presence.members], [null, null]);
  roster.told({ count: 1, members: { alice: one('1') } });
  roster.told({ count: 2, joins: { bob: one('2', { hat: true }), alice: one('3') }, leaves: {} });
  const [alice, bob] = presence.members;
  assert.deepEqual(alice, { user: 'alice', sessions: [{ session: '1' }, { session: '3' }] });
  assert.deepEqual(bob, { user: 'bob', sessions: [{ session: '2', info: { hat: true } }] });
  roster.told({ count: 1, joins: {}, leaves: { alice: one('1'), bob: one('2') } });
  assert.deepEqual(presence.members, [{ user: 'alice', sessions: [{ session: '3' }] }]);
  assert.deepEqual(changes, [{ joined: ['alice'], left: [] }, { joined: ['bob'], left: [] }, { joined: [], left: ['bob'] }]);
});

test('a page that is reloaded neither joins nor leaves', () => {
  const roster = new Roster('/a');
  const { changes } = watch(roster);
  roster.told({ count: 1, members: { alice: one('1') } });
  roster.told({ count: 1, joins: { alice: one('2') }, leaves: { alice: one('1') } });
  assert.deepEqual(changes.at(-1), { joined: [], left: [] });
});

test('after a break a new list of all members replaces the old one', () => {
  const roster = new Roster('/a');
  const { presence, changes } = watch(roster);
  roster.told({ count: 2, members: { alice: one('1'), bob: one('2') } });
  roster.told({ count: 2, members: { alice: one('1'), carol: one('3') } });
  assert.deepEqual(presence.members.map(({ user }) => user), ['alice', 'carol']);
  assert.deepEqual(changes.at(-1), { joined: ['carol'], left: ['bob'] });
});

test('with too many members only the count is given, until all are named again', () => {
  const roster = new Roster('/a');
  const { presence } = watch(roster);
  roster.told({ count: 1, members: { alice: one('1') } });
  roster.told({ count: 5000 });
  assert.deepEqual([presence.count, presence.members], [5000, null]);
  roster.told({ count: 5001, joins: { bob: one('2') }, leaves: {} });
  assert.deepEqual([presence.count, presence.members], [5001, null]);
  roster.told({ count: 1, members: { bob: one('2') } });
  assert.deepEqual(presence.members.map(({ user }) => user), ['bob']);
});

test('a later listener gets the current members at once, and an ended one gets nothing', async () => {
  const roster = new Roster('/a');
  const first = watch(roster);
  roster.told({ count: 1, members: { alice: one('1') } });
  const second = watch(roster);
  await second.presence.ready;
  assert.deepEqual(second.changes, [{ joined: ['alice'], left: [] }]);
  first.presence.cancel();
  roster.told({ count: 0, joins: {}, leaves: { alice: one('1') } });
  assert.deepEqual([first.changes.length, second.changes.length, first.presence.state], [1, 2, 'ended']);
});

test('an aborted signal ends the presence subscription', async () => {
  const roster = new Roster('/a');
  const aborted = AbortSignal.abort();
  const { presence } = watch(roster, { signal: aborted });
  await Promise.resolve();
  assert.equal(presence.state, 'ended');
});

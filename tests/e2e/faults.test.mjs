// The fault test, short; `npm run faults` is the long one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faults } from '../faults/faults.mjs';

for (const links of ['never', 'auto', 'always']) test(`clients get each event once and keep their sessions, though server, object, connections and requests break, LINKS=${links}`, async () => {
  const { problems, replaying, faults: happened, counts } = await faults({ kills: 4, clients: 40, seed: 20261123, links });
  assert.deepEqual(problems, []);
  assert.equal(happened.kills, 4);
  assert.equal(replaying, 12, 'some clients replay without ack');
  assert.ok(Math.min(happened.evictions, happened.resets, happened.closes, counts.panics) > 0, JSON.stringify({ happened, counts }));
  assert.ok(counts.sure > 50, JSON.stringify(counts));
});

// What one anonymous client can cost, short; `npm run attacks` is the long one.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { attacks, carryOut } from '../attacks/attacks.mjs';

describe('a server as shipped', () => {
  for (const row of ['1', '2a', '3a', '5', '7', '12'])
    test(`holds against attack ${row} of docs/LIMITS.md`, async () => {
      const [attack] = await attacks([row]);
      const { cost, holds } = await carryOut(attack, { short: true });
      assert.ok(holds, `${attack.input}: ${cost}; ${attack.holds}`);
    });
});

// Servers for tests, and what they log.
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from '../../../scripts/lib/server.mjs';

/** The fixture on a free port, for all tests of a file. */
export async function fixture(vars = {}) {
  const server = await startServer({ fixture: true, vars });
  after(() => server.stop());
  return server;
}

/** The fixture with other options, for the length of `work`. */
export async function withFixture(vars, work) {
  const server = await startServer({ fixture: true, vars });
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

/** Resolves as soon as `condition` gives something true, and with that. A complaint may be a function that words it. */
export async function until(condition, complaint, patience = 30_000) {
  for (const deadline = Date.now() + patience; Date.now() < deadline; await sleep(20)) {
    const outcome = await condition();
    if (outcome) return outcome;
  }
  assert.fail(typeof complaint === 'function' ? complaint() : complaint);
}

/** The log lines of an event, parsed. Each line must be one line of JSON. */
export const logged = ({ logs }, event) => logs.map(({ message }) => JSON.parse(message)).filter((line) => line.event === event);

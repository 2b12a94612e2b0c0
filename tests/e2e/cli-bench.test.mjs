// `bayeux bench`, as a program of its own, against workerd: its figures are those of the server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from './support/bayeux.mjs';
import { ended, ran } from './support/cli.mjs';
import { fixture } from './support/server.mjs';

const server = await fixture();
const url = `${server.url}/cometd`;

for (const transport of ['websocket', 'long-polling']) {
  test(`bench counts what each client received, and how long it took (${transport})`, async () => {
    const bench = await ran(['bench', url, '/bench/a', '--clients', '3', '--rate', '20', '--seconds', '0.5', '--json', '--transport', transport]);
    ended(bench, 0);
    const figures = JSON.parse(bench.stdout);
    const { p50, p95, p99, max, ...counts } = figures;
    assert.deepEqual(counts, { clients: 3, transport, published: 10, refused: 0, received: 30, missing: 0 });
    assert.ok(0 < p50 && p50 <= p95 && p95 <= p99 && p99 <= max, bench.stdout);
  });
}

test('messages of other publishers are not counted, and each figure has a line', async () => {
  const other = await join(url);
  const noise = setInterval(() => other.publish('/bench/b', { number: 0 }), 20);
  try {
    const bench = await ran(['bench', url, '/bench/b', '--clients', '1', '--rate', '10', '--seconds', '0.5', '--bytes', '2000']);
    ended(bench, 0);
    assert.match(bench.stdout, /^published +5$/m);
    assert.match(bench.stdout, /^received +5$/m);
  } finally {
    clearInterval(noise);
  }
});

test('a refused channel and an impossible load are reported', async () => {
  const few = ['--clients', '1', '--seconds', '0.1'];
  ended(await ran(['bench', url, '/den/a', ...few]), 1, /403:nope/);
  ended(await ran(['bench', url, '/sub/a', ...few]), 1, /403:denied_by_security_policy:publish_denied/);
  ended(await ran(['bench', url, '/bench/c', '--clients', '501']), 2, /--clients takes 500 at most/);
  ended(await ran(['bench', url]), 2, /channel to publish on is missing/);
});

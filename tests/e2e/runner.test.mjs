// The test runner itself: it ends, whatever its tests do.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { capture } from '../../scripts/lib/run.mjs';
import { startServer } from '../../scripts/lib/server.mjs';

test('a test file whose process is blocked and ignores SIGTERM fails, and the runner ends', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'bayeux-edge-runner-'));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, 'blocked.test.mjs');
  await writeFile(
    file,
    `import { test } from 'node:test';
    process.on('SIGTERM', () => {});
    test('blocked', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));`,
  );
  // In a process of its own: Node lets no test runner start another.
  const script = `
    import { nodeTests } from ${JSON.stringify(new URL('../../scripts/lib/node-tests.mjs', import.meta.url))};
    await nodeTests([${JSON.stringify(file)}], { hung: 1000, farewell: 1000 });
    console.log('the runner has ended');`;
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const { stdout } = await capture(process.execPath, ['--input-type=module', '--eval', script], { env });
  assert.match(stdout, /^ℹ cancelled 1$/m);
  assert.match(stdout, /^the runner has ended$/m);
});

test('an eviction does not block Node, which has to read the log meanwhile', async (t) => {
  const server = await startServer({ fixture: true });
  t.after(() => server.stop());
  const handshake = [{ channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'] }];
  const headers = { 'content-type': 'application/json' };
  await fetch(`${server.url}/cometd`, { method: 'POST', headers, body: JSON.stringify(handshake) });
  t.mock.method(Atomics, 'wait', () => assert.fail('Node is blocked'));
  await server.evict('/', 'hibernate');
  await assert.rejects(server.evict('/nobody', 'close'), /not currently running/);
});

// The examples, each run as in its README, if its language is installed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { connect } from '../../packages/bayeux-edge/client/node.js';
import { node22 } from '../../scripts/lib/npm.mjs';
import { inRoot } from '../../scripts/lib/project.mjs';
import { startServer } from '../../scripts/lib/server.mjs';
import { command, project } from './support.mjs';

const KEY = 'a key of sixteen characters or more'.replaceAll(' ', '-');
const SECRET = 'a secret of thirty-two bytes or more';

const server = await startServer({ vars: { TREES: '/**', API_KEYS: KEY, TOKEN_KEYS: SECRET } });
const clients = [];
after(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server.stop();
});

const python = spawnSync('python3', ['--version']).status === 0;

const PROGRAMS = {
  node: { skip: false, run: [node22()], publish: 'backend-node/publish.mjs', issue: 'tokens/issue.mjs' },
  python: { skip: !python && 'no Python here', run: ['python3'], publish: 'backend-python/publish.py', issue: 'tokens/issue.py' },
};

async function run([name, ...given], program, ...args) {
  const env = { BAYEUX_URL: `${server.url}/cometd`, BAYEUX_KEY: KEY, TOKEN_SECRET: SECRET };
  return command(inRoot('examples'), env, name, ...given, program, ...args);
}

for (const [language, { skip, run: how, publish, issue }] of Object.entries(PROGRAMS))
  test(`in ${language}: a token that opens a session, and a backend that publishes to it`, { skip }, async () => {
    const { code, output } = await run(how, issue, 'alice', '{"subscribe":["/news/**"]}');
    assert.equal(code, 0, output);
    const alice = connect(`${server.url}/cometd`, { token: output.trim() });
    clients.push(alice);
    await assert.rejects(alice.subscribe('/elsewhere').ready, { code: 403 });
    const news = alice.subscribe('/news/**');
    await news.ready;
    const published = await run(how, publish, '/news/today', '{"headline":"It works"}');
    assert.equal(published.code, 0, published.output);
    for await (const { channel, data } of news) {
      assert.deepEqual([channel, data], ['/news/today', { headline: 'It works' }]);
      break;
    }
    const refused = await run(how, publish, '/meta/x', '1');
    assert.notEqual(refused.code, 0);
    assert.match(refused.output, /403::meta_channel_unknown/);
  });

test('hooks: its types compile', async () => {
  const { code, output } = await command(await project('examples/hooks'), {}, 'npm', 'run', '--silent', 'check');
  assert.equal(code, 0, output);
});

// Each template, copied, with the package from its tarball: it starts, two different clients talk, its own tests pass,
// and the files to deploy are complete.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import faye from 'faye';
import { inRoot, readJson } from '../../scripts/lib/project.mjs';
import { command, project, started } from './support.mjs';

for (const name of ['minimal', 'chat'])
  describe(name, async () => {
    const place = await project(`templates/${name}`);
    const ok = async (...args) => {
      const { code, output } = await command(place, {}, ...args);
      assert.equal(code, 0, output);
      return output;
    };

    test('two clients talk', async () => {
      const { url } = await started(place);
      const { connect } = await import(join(place, 'node_modules/bayeux-edge/client/node.js'));
      const [alice, bob] = [connect(`${url}/cometd`), new faye.Client(`${url}/cometd`)];
      const heard = Promise.withResolvers();
      await bob.subscribe('/chat/demo', (data) => heard.resolve(data));
      await alice.publish('/chat/demo', { name: 'Alice', text: 'hello' });
      const { name: who, text } = await heard.promise;
      assert.deepEqual([who, text], ['Alice', 'hello']);
      await Promise.all([alice.close(), bob.disconnect()]);
    });

    test('its types compile and its own tests pass, with a login in .dev.vars too', async () => {
      await writeFile(join(place, '.dev.vars'), `TOKEN_KEYS=${'a secret of somebody'.repeat(2)}\nUSERS="ada:a-long-password"\n`);
      await ok('npm', 'run', '--silent', 'check');
      assert.match(await ok('npm', 'test', '--silent'), /^(# |ℹ )pass [1-9]/m);
    });

    test('its own tests pass with the access rules of the guide', { skip: name !== 'chat' && 'the guide is about the chat' }, async () => {
      const [, vars] = /```jsonc\n([\s\S]*?)\n```/.exec(await readFile(inRoot('docs', 'CHAT.md'), 'utf8'));
      const config = join(place, 'wrangler.jsonc');
      await writeFile(config, (await readFile(config, 'utf8')).replace('"vars": {', `"vars": {\n${vars},`));
      assert.match(await ok('npm', 'test', '--silent'), /^(# |ℹ )pass [1-9]/m);
    });

    test('the files to deploy are complete', async () => {
      const output = await ok('npx', 'wrangler', 'deploy', '--dry-run', '--outdir', 'deployed');
      assert.match(output, /CHANNEL_TREE/);
      assert.ok(existsSync(join(place, 'deployed')));
    });

    test('it is ready for the deploy button: described, and without questions', async () => {
      const { cloudflare } = await readJson(inRoot('templates', name, 'package.json'));
      assert.ok(cloudflare.label && cloudflare.products.length > 0 && cloudflare.publish);
      const secrets = (await readFile(inRoot('templates', name, '.dev.vars.example'), 'utf8')).split('\n');
      assert.deepEqual(secrets.filter((line) => line && !line.startsWith('#')), [], 'each would be asked for');
    });
  });

// The programs of docs/CLIENTS.md, unchanged, each if its language and client are installed: each publishes hello and
// receives it.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { read } from '../../scripts/lib/markdown.mjs';
import { inRoot } from '../../scripts/lib/project.mjs';
import { startServer } from '../../scripts/lib/server.mjs';

const server = await startServer();
// In this clone, so that the clients are found as in any project that has installed them.
const place = await mkdtemp(inRoot('node_modules', '.snippets-'));
after(() => Promise.all([server.stop(), rm(place, { recursive: true })]));

const { snippets } = read(await readFile(inRoot('docs', 'CLIENTS.md'), 'utf8'));
const snippet = (language, word) => snippets.find(({ language: its, code }) => its === language && code.includes(word)).code;

const has = (program, ...args) => spawnSync(program, args).status === 0;

const PROGRAMS = {
  'cometd.js': { run: [process.execPath], file: 'cometd.mjs', code: snippet('js', 'new CometD'), there: true },
  Faye: { run: [process.execPath], file: 'faye.mjs', code: snippet('js', 'faye.Client'), there: true },
  Python: { run: ['python3'], file: 'talk.py', code: snippet('python', 'aiocometd'), there: has('python3', '-c', 'import aiocometd_noloop') },
  Perl: { run: ['perl'], file: 'talk.pl', code: snippet('perl', 'Bayeux'), there: has('perl', '-MPOE::Component::Client::Bayeux', '-e', '1') },
};

for (const [name, { run: [program, ...args], file, code, there }] of Object.entries(PROGRAMS))
  test(`${name} publishes hello and receives it`, { skip: !there && 'its client is not installed here' }, async () => {
    const { host, port, hostname } = new URL(server.url);
    await writeFile(join(place, file), code.replaceAll('localhost:8787', host).replace("'localhost', Port => 8787", `'${hostname}', Port => ${port}`));
    const child = spawn(program, [...args, join(place, file)], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const heard = new Promise((resolve) => {
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => {
          output += text;
          if (/hello/.test(output)) resolve(true);
        });
      child.once('close', () => resolve(false));
    });
    try {
      assert.ok(await heard, output);
    } finally {
      child.kill();
    }
  });

// The browser's copy of CometD's client, from npm: one file of all its modules, for `import … from '/vendor/cometd.js'`.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { esbuild, inPackage } from './npm.mjs';
import { inRoot, readJson } from './project.mjs';
import { run } from './run.mjs';

export async function vendorCometd() {
  const vendored = inRoot('public', 'vendor', 'cometd.js');
  const { version } = await readJson(inPackage('cometd', 'package.json'));
  const banner = `// CometD ${version}, Apache License 2.0: cometd.org, the npm package \`cometd\` in one file`;
  if (existsSync(vendored) && (await readFile(vendored, 'utf8')).startsWith(banner)) return;
  const options = [
    '--bundle',
    '--minify',
    '--format=esm',
    '--target=es2022',
    '--legal-comments=eof',
    '--log-level=warning',
  ];
  await run(esbuild(), [
    inPackage('cometd', 'cometd.js'),
    ...options,
    `--banner:js=${banner}`,
    `--outfile=${vendored}`,
  ]);
}

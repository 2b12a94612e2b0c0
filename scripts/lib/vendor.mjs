// What the pages have from npm, each package as one file: `import … from '/vendor/cometd.js'`, and the console's plots.
import { existsSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import { esbuild, inPackage } from './npm.mjs';
import { inRoot, readJson } from './project.mjs';
import { run } from './run.mjs';

const PACKAGES = [
  { name: 'cometd', main: 'cometd.js', told: (version) => `CometD ${version}, Apache License 2.0: cometd.org` },
  { name: 'uplot', main: 'dist/uPlot.esm.js', css: 'dist/uPlot.min.css', told: (version) => `uPlot ${version}, MIT License: github.com/leeoniya/uPlot` },
];

const OPTIONS = ['--bundle', '--minify', '--format=esm', '--target=es2022', '--legal-comments=eof', '--log-level=warning'];

/** Those that are missing, or of another version than is installed. */
export async function vendor() {
  for (const { name, main, css, told } of PACKAGES) {
    const vendored = inRoot('public', 'vendor', `${name}.js`);
    const { version } = await readJson(inPackage(name, 'package.json'));
    const banner = `// ${told(version)}, the npm package \`${name}\` in one file`;
    if (existsSync(vendored) && (await readFile(vendored, 'utf8')).startsWith(banner)) continue;
    // The style comes first: where it is missing, so is what says that all is there.
    if (css) await copyFile(inPackage(name, css), inRoot('public', 'vendor', `${name}.css`));
    await run(esbuild(), [inPackage(name, main), ...OPTIONS, `--banner:js=${banner}`, `--outfile=${vendored}`]);
  }
}

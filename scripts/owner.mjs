// node scripts/owner.mjs NAME: writes the repository's owner on GitHub into every link that has the placeholder OWNER.
import { readFile, writeFile } from 'node:fs/promises';
import { inRoot } from './lib/project.mjs';
import { capture, main, Problem } from './lib/run.mjs';

const PLACEHOLDER = 'github.com/OWNER/';

await main(async () => {
  const [name] = process.argv.slice(2);
  if (!/^[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}$/.test(name ?? '')) throw new Problem('usage: node scripts/owner.mjs NAME, the owner on GitHub');
  const { stdout } = await capture('git', ['grep', '-lF', PLACEHOLDER, '--', ':!scripts/owner.mjs', ':!CONTRIBUTING.md', ':!.github']);
  const files = stdout.trim().split('\n').filter(Boolean);
  for (const file of files) {
    const text = await readFile(inRoot(file), 'utf8');
    await writeFile(inRoot(file), text.replaceAll(PLACEHOLDER, `github.com/${name}/`));
    console.log(file);
  }
  console.log(`${files.length} files name ${name} now`);
});

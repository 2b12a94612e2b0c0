// npm run docs:reference: writes the pages of the documentation that come from the code: the tables of docs/OPTIONS.md
// from src/bayeux/options/table/, docs/API-REFERENCE.md from src/bayeux/api/openapi.json. scripts/check-docs.mjs and
// tests/reference.rs fail while a page differs.
import { writeFile } from 'node:fs/promises';
import { apiReference } from './lib/api-reference.mjs';
import { inRoot } from './lib/project.mjs';
import { main, run } from './lib/run.mjs';

await main(async () => {
  await writeFile(inRoot('docs', 'API-REFERENCE.md'), await apiReference());
  await run('cargo', ['test', '--quiet', '--locked', '--test', 'reference'], { env: { ...process.env, REFERENCE: 'write' } });
});

// node scripts/check-docs.mjs: checks that each link of the documentation leads to a file and a heading, that each
// snippet parses in its language, that the reference of the server API is the one of its OpenAPI document, and that the
// tables list all errors and log lines of the code (tests/reference.rs: all options). It needs no network.
import { transform } from 'esbuild';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { apiReference } from './lib/api-reference.mjs';
import { read, repository } from './lib/markdown.mjs';
import { inRoot } from './lib/project.mjs';
import { capture, main, Problem } from './lib/run.mjs';

const JAVASCRIPT = { js: 'js', ts: 'ts', tsx: 'tsx' };

/** The files that define the names, and their patterns. */
const ERRORS = [
  ['src/bayeux/wire/error.rs', /"\d{3}:[^:"]*:(\w+)"/g],
  ['src/bayeux/wire/token_error.rs', /=> "(\w+)",/g],
  ['src/bayeux/wire/refusal.rs', /=> "(\w+)",/g],
  ['src/bayeux/wire/request.rs', /=> "(\w+)",/g],
];

await main(async () => {
  const { stdout } = await capture('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md']);
  const names = stdout.trim().split('\n').filter((name) => existsSync(inRoot(name)));
  const pages = new Map();
  for (const name of names) pages.set(name, read(await readFile(inRoot(name), 'utf8')));

  const wrong = [];
  let [links, snippets] = [0, 0];
  for (const [name, page] of pages) {
    for (const { target, line } of page.links) {
      const problem = leadsNowhere(pages, name, target);
      if (problem) wrong.push(`${name}:${line}: ${target}: ${problem}`);
      links++;
    }
    for (const { language, code, line } of page.snippets) {
      const problem = await cannotBeRead(language, code);
      if (problem) wrong.push(`${name}:${line}: ${problem}`);
      snippets++;
    }
  }
  const listed = new Set(pages.get('README.md').links.map(({ target }) => target.split('#')[0]));
  for (const name of names)
    if (/^docs\/[A-Z0-9-]+\.md$/.test(name) && !listed.has(name)) wrong.push(`README.md: its index does not list ${name}`);
  for (const [page, missing] of [await unlisted('docs/ERRORS.md', ERRORS), await unlisted('docs/LOGS.md', await logLines())])
    for (const name of missing) wrong.push(`${page}: ${name} is missing`);
  if ((await readFile(inRoot('docs', 'API-REFERENCE.md'), 'utf8')) !== (await apiReference()))
    wrong.push('docs/API-REFERENCE.md differs from src/bayeux/api/openapi.json: run npm run docs:reference');
  if (wrong.length > 0) throw new Problem(wrong.join('\n  '));
  console.log(`${links} links and ${snippets} snippets of ${names.length} pages are good`);
});

/** The files of the shell that write log lines, each line with a level before its event. */
async function logLines() {
  const { stdout } = await capture('git', ['grep', '-l', 'LogLevel::', '--', 'src/cloudflare']);
  return [
    ...stdout.trim().split('\n').filter((file) => !file.endsWith('config.rs')).map((file) => [file, /LogLevel::\w+,\s*"(\w+)"|level, "(\w+)"/g]),
    ['src/cloudflare/log.rs', /"event": "(\w+)"/g],
  ];
}

/** The names of the code that a page does not list. */
async function unlisted(page, places) {
  const text = await readFile(inRoot(page), 'utf8');
  const missing = new Set();
  for (const [file, pattern] of places) {
    const names = [...(await readFile(inRoot(file), 'utf8')).split('#[cfg(test)]')[0].matchAll(pattern)].map(([, ...names]) => names.find(Boolean));
    if (names.length === 0) throw new Problem(`${file} names nothing any more: see scripts/check-docs.mjs`);
    for (const name of names) if (!new RegExp(`\\b${name}\\b`).test(text)) missing.add(name);
  }
  return [page, missing];
}

function leadsNowhere(pages, from, target) {
  if (target.startsWith(`${repository}/`) || /^(?:https?|mailto):/.test(target)) return null;
  const [path, anchor] = target.split('#');
  const file = path === '' ? from : normalize(join(dirname(from), path)).replace(/\/$/, '');
  if (!existsSync(inRoot(file))) return 'no such file';
  if (anchor === undefined || !pages.has(file)) return null;
  return pages.get(file).anchors.has(anchor) ? null : 'no such heading';
}

async function cannotBeRead(language, code) {
  try {
    if (language in JAVASCRIPT) await transform(code, { loader: JAVASCRIPT[language], logLevel: 'silent' });
    else if (language === 'json') JSON.parse(code);
    else if (language === 'python') {
      const { ok, stderr } = await capture('python3', ['-c', 'import ast, sys; ast.parse(sys.argv[1])', code]);
      if (!ok && stderr.includes('SyntaxError')) return stderr.trim().split('\n').at(-1);
    }
    return null;
  } catch (error) {
    return error.errors?.[0]?.text ?? error.message;
  }
}

// npm run docs [-- --dev]: the documentation as a site with search, static files in build/docs; --dev serves it and
// reloads.
import { parseArgs } from 'node:util';
import { inPackage, node22, withNode22 } from './lib/npm.mjs';
import { main, run } from './lib/run.mjs';

const { dev } = parseArgs({ options: { dev: { type: 'boolean', default: false } } }).values;

await main(() => run(node22(), [inPackage('vitepress', 'bin', 'vitepress.js'), dev ? 'dev' : 'build', 'docs'], { env: withNode22() }));

// node scripts/start.mjs [any option of wrangler dev]: the server at the desk, on http://localhost:8787. wrangler builds
// it, for development, and again at every change in src/.
import { MAIN, outDir } from './lib/build.mjs';
import { DEVELOPMENT } from './lib/development.mjs';
import { inPackage, node22 } from './lib/npm.mjs';
import { exited, main, start } from './lib/run.mjs';

await main(async () => {
  const args = process.argv.slice(2);
  // A caller that names configurations also names what they start.
  const own = !args.some((arg) => /^(-c|--config)\b/.test(arg));
  const env = {
    WRANGLER_SEND_METRICS: 'false',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    ...process.env,
    [DEVELOPMENT]: String(own),
  };
  const script = own ? [`${outDir(false, true)}/${MAIN}`] : [];
  const wrangler = start(node22(), [inPackage('wrangler', 'bin', 'wrangler.js'), 'dev', ...script, ...args], {
    env,
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => wrangler.kill(signal));
  const { code } = await exited(wrangler);
  process.exitCode = code ?? 1;
});

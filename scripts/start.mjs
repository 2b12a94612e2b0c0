// node scripts/start.mjs [any option of wrangler dev]: the server at the desk, on http://localhost:8787. wrangler builds
// it, and again at every change in src/.
import { inPackage, node22 } from './lib/npm.mjs';
import { exited, main, start } from './lib/run.mjs';

await main(async () => {
  const env = { WRANGLER_SEND_METRICS: 'false', CLOUDFLARE_CF_FETCH_ENABLED: 'false', ...process.env };
  const wrangler = start(node22(), [inPackage('wrangler', 'bin', 'wrangler.js'), 'dev', ...process.argv.slice(2)], {
    env,
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => wrangler.kill(signal));
  const { code } = await exited(wrangler);
  process.exitCode = code ?? 1;
});

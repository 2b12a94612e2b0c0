// node scripts/serve.mjs [--fixture] [--port N] [--persist-to DIR] [--var NAME:VALUE]… [--detached] The release build
// on workerd itself, until a signal, or until the process that started it has gone. Detached it outlives that one, and
// the terminal: for `nohup npm run serve -- --detached &`.
import { parseArgs } from 'node:util';
import { buildWorker } from './lib/build.mjs';
import { node22 } from './lib/npm.mjs';
import { main, Problem } from './lib/run.mjs';
import { whenStarterEnds } from './lib/starter.mjs';
import { vendor } from './lib/vendor.mjs';

const { values } = parseArgs({
  options: {
    fixture: { type: 'boolean', default: false },
    port: { type: 'string' },
    'persist-to': { type: 'string' },
    var: { type: 'string', multiple: true, default: [] },
    detached: { type: 'boolean', default: false },
  },
});

await main(async () => {
  if (node22() !== process.execPath)
    throw new Problem('This needs Node.js 22.12 or newer; `npm run serve` and `npm run fixture` bring one.');
  const stopped = Promise.withResolvers();
  const { fixture, detached } = values;
  if (!detached) await whenStarterEnds(() => stopped.resolve());

  await vendor();
  await buildWorker({ fixture });
  const takeSignals = () => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
      process.removeAllListeners(signal).on(signal, () => (detached && signal === 'SIGHUP') || stopped.resolve());
  };
  takeSignals();
  // Takes a moment to load: not before the build has said what it does.
  const { startServer } = await import('./lib/server.mjs');
  const server = await startServer({
    evictable: false,
    fixture,
    port: port(values.port ?? (fixture ? '0' : '8787')),
    persistTo: values['persist-to'],
    vars: Object.fromEntries(values.var.map(nameAndValue)),
    log: ({ level, message }) => (level === 'error' || level === 'warn' ? console.error : console.log)(message),
  });
  takeSignals(); // again: miniflare's own handlers would exit with a signal's status in the middle of it
  console.log(`Ready on ${server.url}`);
  const crashed = await Promise.race([stopped.promise, server.ended.then(() => true)]);
  if (crashed) throw new Problem('workerd ended by itself');
  await server.stop();
});

function port(text) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65535)
    throw new Problem(`--port ${text}: a number from 0 (any free port) to 65535`);
  return number;
}

function nameAndValue(text) {
  const colon = text.indexOf(':');
  if (colon < 1) throw new Problem(`--var ${text}: NAME:VALUE`);
  return [text.slice(0, colon), text.slice(colon + 1)];
}

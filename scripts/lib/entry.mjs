// The module that stands before the built Worker when it runs without Cloudflare's asset routing: in the Worker's own
// isolate, so that it costs no hop.

/** The entry point's name: not the default one, before which miniflare would put its routing Workers. */
export const ENTRYPOINT = 'Served';

/**
 * Sends to the Worker what `run_worker_first` names (`true`, or patterns, those with a `!` for exceptions), and the
 * rest to the static files.
 */
export const entryModule = ({ binding, run_worker_first: workerFirst }) => {
  const patterns = workerFirst === true ? ['/*'] : workerFirst;
  const names = (all) => `{ exact: new Set(${JSON.stringify(all.filter((name) => !name.endsWith('*')))}), prefixes: ${JSON.stringify(all.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1)))} }`;
  return `
import Worker from './main.js';
export * from './main.js';
export { default } from './main.js';

const first = ${names(patterns.filter((pattern) => !pattern.startsWith('!')))};
const exceptions = ${names(patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1)))};
const among = ({ exact, prefixes }, path) => exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix));

export const ${ENTRYPOINT} = {
  fetch(request, env, ctx) {
    const { url } = request;
    const path = url.slice(url.indexOf('/', 8)).split('?', 1)[0];
    if (among(first, path) && !among(exceptions, path)) return Worker.fetch(request, env, ctx);
    return env.${binding}.fetch(request);
  },
};
`;
};

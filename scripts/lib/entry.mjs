// The module that stands before the built Worker when it runs without Cloudflare's asset routing: in the Worker's own
// isolate, so that it costs no hop.

/** The entry point's name: not the default one, before which miniflare would put its routing Workers. */
export const ENTRYPOINT = 'Served';

/** Sends to the Worker what `run_worker_first` names, and the rest to the static files. */
export const entryModule = ({ binding, run_worker_first: workerFirst }) => `
import Worker from './index.js';
export * from './index.js';
export { default } from './index.js';

const exact = new Set(${JSON.stringify(workerFirst.filter((pattern) => !pattern.endsWith('*')))});
const prefixes = ${JSON.stringify(workerFirst.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1)))};

export class ${ENTRYPOINT} extends Worker {
  fetch(request) {
    const { url } = request;
    const path = url.slice(url.indexOf('/', 8)).split('?', 1)[0];
    if (exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix))) return super.fetch(request);
    return this.env.${binding}.fetch(request);
  }
}
`;

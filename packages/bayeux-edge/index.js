// The Worker and its Durable Object, to be exported from a Worker of one's own.
import Worker, { ChannelTree as Tree } from './worker/index.js';

export * from './application.js';
export * from './channels.js';

/** Where the server in the wasm is. */
const PATH = '/cometd';

/** The services of the project's own pages, echo and math, are no part of an application of yours. */
const SETTINGS = { EXAMPLES: 'false' };

const { fetch } = Worker.prototype;

export function bayeux({ path = PATH, fetch: others = asset } = {}) {
  if (!/^(\/[\w.~-]+)+$/.test(path)) throw new TypeError(`bayeux({ path: ${JSON.stringify(path)} }): a path like /cometd`);
  return {
    fetch(request, env, ctx) {
      const below = pathBelow(path, request.url);
      if (below === null) return others(request, env, ctx);
      if (!env.CHANNEL_TREE) return unbound();
      return fetch.call({ env, ctx }, path === PATH ? request : new Request(below, request));
    },
  };
}

export class ChannelTree extends Tree {
  constructor(ctx, env) {
    // Better no server than one that does not ask the application.
    if (!ctx.exports) throw new Error('bayeux-edge: ctx.exports is missing: set a newer compatibility_date, or the flag enable_ctx_exports.');
    super(ctx, { ...env, ...SETTINGS, BAYEUX_APPLICATION: ctx.exports.Application });
  }
}

/** The URL that the server knows for one at or below `path`; null for any other. */
function pathBelow(path, url) {
  const start = url.indexOf('/', url.indexOf('//') + 2);
  if (!url.startsWith(path, start)) return null;
  const rest = url.slice(start + path.length);
  return rest === '' || /^[/?#]/.test(rest) ? url.slice(0, start) + PATH + rest : null;
}

const asset = (request, env) => env.ASSETS?.fetch(request) ?? new Response('Not found', { status: 404 });

function unbound() {
  const text = 'bayeux-edge: bind the class ChannelTree as CHANNEL_TREE in wrangler.jsonc (durable_objects, migrations), and export it.';
  console.error(text);
  return new Response(text, { status: 500 });
}

// The Worker and its Durable Object, for export from your own Worker.
import server, { ChannelTree as Tree } from './worker/main.js';

export * from './application.js';
export * from './channels.js';

/** The path of the server inside the wasm. */
const PATH = '/cometd';

/** The services of this project's pages, echo and math, do not belong to your application. */
const SETTINGS = { EXAMPLES: 'false' };

export function bayeux({ path = PATH, fetch: others = asset } = {}) {
  if (!/^(\/[\w.~-]+)+$/.test(path)) throw new TypeError(`bayeux({ path: ${JSON.stringify(path)} }): a path like /cometd`);
  return {
    fetch(request, env, ctx) {
      const below = pathBelow(path, request.url);
      if (below === null) return others(request, env, ctx);
      if (!env.CHANNEL_TREE) return unbound();
      return server.fetch(path === PATH ? request : new Request(below, request), env, ctx);
    },
  };
}

export class ChannelTree extends Tree {
  constructor(ctx, env) {
    // Without the application's decisions the server must not run.
    if (!ctx.exports) throw new Error('bayeux-edge: ctx.exports is missing: set a newer compatibility_date, or the flag enable_ctx_exports.');
    super(ctx, { ...env, ...SETTINGS, BAYEUX_APPLICATION: ctx.exports.Application });
  }
}

/** Maps a URL at or below `path` to the server's own URL; null for any other URL. */
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

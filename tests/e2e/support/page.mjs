// Pages of an origin of their own, with a client in them.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after } from 'node:test';
import { build } from 'esbuild';
import { inRoot } from '../../../scripts/lib/project.mjs';

/** A script that puts the classes of a module into `window.clients`. */
export async function script(module) {
  const bundled = await build({
    entryPoints: [inRoot('tests', 'e2e', 'support', module)],
    bundle: true,
    format: 'iife',
    globalName: 'clients',
    write: false,
  });
  return bundled.outputFiles[0].text;
}

/** The address of a page that has the classes of a module in `window.clients`, for all tests of a file. */
export async function pageWith(module) {
  const text = await script(module);
  // An icon, or the browser would ask for one.
  const page = `<!doctype html><meta charset="utf-8"><title>client</title><link rel="icon" href="data:,"><script src="/client.js"></script>`;
  const site = createServer(({ url }, response) => {
    const [type, body] = url === '/client.js' ? ['text/javascript', text] : ['text/html', page];
    response.setHeader('content-type', type).end(body);
  });
  await once(site.listen(0, '127.0.0.1'), 'listening');
  after(() => {
    site.closeAllConnections();
    site.close();
  });
  return `http://127.0.0.1:${site.address().port}`;
}

/** A client in a page, spoken to as if it were here: each method's arguments and its result go as JSON. */
export async function clientIn(page, name, options) {
  const handle = await page.evaluateHandle(([name, options]) => new window.clients[name](options), [name, options]);
  const call = (method, ...given) => handle.evaluate((client, [method, given]) => client[method](...given), [method, given]);
  // A promise that resolves with it must not take it for one more promise.
  return new Proxy({}, { get: (_, method) => (method === 'then' ? undefined : (...given) => call(method, ...given)) });
}

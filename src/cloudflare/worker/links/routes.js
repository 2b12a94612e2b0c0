// Which requests may use a link, and the homes that they are for.

/** How many paths are kept with the home that they lead to. */
const PATHS = 1000;

/** Which requests may use a link. */
export class Routes {
  #edge;
  #settings;
  #paths = new Map(); // a path's home, by path

  constructor(edge, settings) {
    [this.#edge, this.#settings] = [edge, settings];
  }

  /** What the request is, and its home's name; none where the object must answer it itself. */
  find(request, env) {
    const kind = this.#kind(request, env);
    if (!kind) return null;
    if (kind === 'stream') {
      const stream = JSON.parse(this.#edge.linkStream(request, env) ?? 'null');
      return stream && { kind, name: stream.home, client: stream.client, browser: stream.browser };
    }
    const name = this.#nameOf(request, env);
    return name ? { kind, name } : null;
  }

  /** What carries messages, a body that tells its length or a query; and what asks for an event stream. */
  #kind(request, env) {
    const { method, headers, url } = request;
    if (method === 'POST') {
      const length = headers.get('content-length');
      return length !== null && Number(length) <= this.#settings.most && !headers.has('content-encoding') ? 'body' : null;
    }
    if (method !== 'GET' || headers.has('upgrade')) return null;
    if (headers.get('accept')?.toLowerCase().includes('event-stream')) return this.#settings.stream ? 'stream' : null;
    return this.#settings.callback && url.includes('?') && this.#edge.linkCallback(request, env) ? 'query' : null;
  }

  #nameOf(request, env) {
    if (!this.#settings.fixed) return this.#edge.linkHome(request, env);
    const { url } = request;
    const path = url.slice(url.indexOf('/', 8)).split(/[?#]/, 1)[0];
    let name = this.#paths.get(path);
    if (name === undefined) {
      name = this.#edge.linkHome(request, env);
      if (this.#paths.size === PATHS) this.#paths.clear();
      if (name) this.#paths.set(path, name);
    }
    return name;
  }
}

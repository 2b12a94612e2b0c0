// The server API, for commands of an operator.
import { NoConnection, Refused, WrongUsage } from './failure.js';

/** Entries of a page: as many as the API gives. */
const PAGE = 1000;

export class Api {
  #url;
  #key;
  #patience;

  /** `url` is the server's, like http://localhost:8787/cometd. */
  constructor(url, { key = process.env.BAYEUX_KEY, patience }) {
    if (!key) throw new WrongUsage('the key of the API is missing: --key, or BAYEUX_KEY in the environment');
    this.#url = url.replace(/\/+$/, '');
    this.#key = key;
    this.#patience = patience;
  }

  /** What a call is answered; none where there is nothing to say. */
  async call(method, path, query = {}) {
    const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined));
    const where = `${this.#url}/api${path}`;
    let response, text;
    try {
      response = await fetch(`${where}${search.size > 0 ? `?${search}` : ''}`, {
        method,
        headers: { authorization: `Bearer ${this.#key}` },
        signal: AbortSignal.timeout(this.#patience),
      });
      text = await response.text();
    } catch (error) {
      if (error.name === 'TimeoutError') throw new NoConnection(`no answer from ${this.#url} within ${this.#patience / 1000} s`);
      throw new NoConnection(`no connection to ${this.#url} (${error.cause?.code ?? error.message})`);
    }
    const answer = parsed(text);
    if (!response.ok) throw new Refused(`${method} ${where}: ${told(answer) ?? `HTTP ${response.status}${text ? `: ${text.slice(0, 200)}` : ''}`}`);
    return answer;
  }

  /** Each entry of a list, page by page. */
  async *list(name, query) {
    for (let after; ;) {
      const page = await this.call('GET', `/${name}`, { ...query, limit: PAGE, after });
      if (!Array.isArray(page?.[name])) throw new Refused(`${this.#url} is not a server with this API`);
      yield* page[name];
      if (!page.next) return;
      after = page.next;
    }
  }
}

/** The API words an error as a list with one reply. */
const told = (answer) => (Array.isArray(answer) ? answer[0]?.error : undefined);

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// HTTP as it goes over the wire: what fetch() would tidy up (methods, headers, chunks) is left as it is.
import { Agent, request as start } from 'node:http';

// Idle connections are dropped before workerd drops them, 5 s after their last answer.
const agent = new Agent({ keepAlive: true, timeout: 3000 });

/** No answer may take longer: it has hung then. More than any time a connect is held here. */
const PATIENCE = 15_000; // ms

/**
 * Sends a request and resolves with `{ status, headers, text, json }`; `json` is undefined where the body is none.
 *
 * `body` is text or bytes, sent with a Content-Length, or an array of them, sent in chunks without one.
 */
export function request(url, { method = 'POST', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    // Node itself announces no length with a DELETE, and its body would be taken for the next request.
    const length = body === undefined || Array.isArray(body) ? {} : { 'content-length': Buffer.byteLength(body) };
    const outgoing = start(url, { agent, method, headers: { ...length, ...headers }, signal: AbortSignal.timeout(PATIENCE) });
    outgoing.once('response', (incoming) => resolve(read(incoming)));
    // A server that refuses an upload half-way closes the connection: what counts is the response before that.
    outgoing.once('error', (error) => reject(new Error(`${method} ${url}: ${error.message}`, { cause: error })));
    if (Array.isArray(body)) for (const chunk of body) outgoing.write(chunk);
    outgoing.end(Array.isArray(body) ? undefined : body);
  });
}

async function read(incoming) {
  let text = '';
  for await (const piece of incoming.setEncoding('utf8')) text += piece;
  return { status: incoming.statusCode, headers: incoming.headers, text, json: parsed(text) };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

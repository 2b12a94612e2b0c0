// A WebSocket (Node's own) that does only what the test tells it, and its opening handshake as plain HTTP.
import { once } from 'node:events';
import { request } from 'node:http';

/** No frame may take longer: it has hung then. */
const PATIENCE = 15_000; // ms

export class Socket {
  #frames = [];
  #waiting = [];

  static async open(url, options) {
    const socket = new Socket(new WebSocket(url.replace(/^http/, 'ws'), options));
    // Where it never opens, Node's own tells of an error, and not of a close.
    await Promise.race(['open', 'error'].map((event) => once(socket.raw, event)));
    if (socket.raw.readyState !== WebSocket.OPEN) throw new Error(`${url} opens no WebSocket`);
    return socket;
  }

  constructor(raw) {
    this.raw = raw;
    /** Resolves with the code that the server closes with. */
    this.closed = new Promise((resolve) =>
      raw.addEventListener('close', ({ code, reason }) => {
        this.reason = reason;
        resolve(code);
      }),
    );
    raw.addEventListener('message', ({ data }) => (this.#waiting.shift() ?? ((frame) => this.#frames.push(frame)))(data));
  }

  /** Sends text or bytes as they are, and anything else as JSON. */
  send(frame) {
    this.raw.send(typeof frame === 'string' || frame instanceof Uint8Array ? frame : JSON.stringify(frame));
  }

  /** The messages of the next frame. */
  async next() {
    const frame =
      this.#frames.shift() ??
      (await new Promise((resolve, reject) => {
        const timer = setTimeout(reject, PATIENCE, new Error('no frame came'));
        this.#waiting.push((text) => {
          clearTimeout(timer);
          resolve(text);
        });
      }));
    return JSON.parse(frame);
  }

  async ask(...messages) {
    this.send(messages);
    return this.next();
  }

  /** Closes this end, and resolves with the code that the other one answers. */
  close(code) {
    this.raw.close(code);
    return this.closed;
  }

  /** Shakes hands and makes the first connect. The clientId. */
  async join(fields) {
    const [{ clientId }] = await this.ask({ channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['websocket'], ...fields });
    await this.ask({ channel: '/meta/connect', clientId, connectionType: 'websocket' });
    return clientId;
  }
}

/** Asks for a WebSocket, and resolves with the status, without ever speaking over it. */
export function opening(url, headers = {}) {
  return new Promise((resolve, reject) => {
    const asked = upgrade(url, headers);
    asked.once('upgrade', (response, socket) => resolve([response.statusCode, '', socket.destroy()].slice(0, 2)));
    asked.once('response', async (response) => resolve([response.statusCode, (await response.setEncoding('utf8').toArray()).join('')]));
    asked.once('error', reject);
  });
}

/**
 * Opens a WebSocket, sends one frame's bytes and resolves with those that come back. No client's API sends what this
 * may.
 */
export function answerTo(url, frame) {
  return new Promise((resolve, reject) => {
    const asked = upgrade(url, {});
    asked.once('upgrade', (_, socket) => {
      socket.once('data', (bytes) => {
        socket.destroy();
        resolve(bytes);
      });
      socket.once('error', reject);
      socket.write(frame);
    });
    asked.once('error', reject);
  });
}

function upgrade(url, headers) {
  const asked = request(url, {
    headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', ...headers },
    signal: AbortSignal.timeout(PATIENCE),
  });
  asked.end();
  return asked;
}

// A WebSocket that notices a silently dead connection: a network out of reach, or a laptop that slept. Servers answer
// pings automatically (RFC 6455, section 5.5.2); a Durable Object does not see them while it hibernates. So this client
// also sends `[]` if the server's upgrade response says that it answers `[]`. Then the server knows that the client is
// there.
import { WebSocket } from 'ws';

/** Less than the minute after which common proxies and NAT routers drop an idle connection. */
const INTERVAL = 30_000; // ms

/** No messages: what Faye's clients send, and its server and ours answer. */
const BEAT = '[]';

export const heartbeat = (interval = INTERVAL) =>
  class extends WebSocket {
    #beat = false;

    constructor(...args) {
      super(...args);
      this.once('upgrade', ({ headers }) => (this.#beat = headers['bayeux-heartbeat'] === BEAT));
      this.once('open', () => this.#watch());
    }

    #watch() {
      let answered = true;
      this.on('pong', () => (answered = true));
      const timer = setInterval(() => {
        if (!answered) return this.terminate();
        answered = false;
        this.ping();
        if (this.#beat) this.send(BEAT);
      }, interval);
      this.once('close', () => clearInterval(timer));
    }
  };

// A WebSocket that notices when the other side has gone without a word: a network that is out of reach, a laptop that slept.
// Servers answer pings by themselves (RFC 6455, section 5.5.2); a Durable Object sleeps on meanwhile.
import { WebSocket } from 'ws';

/** Below the minute after which common proxies and address translators forget an idle connection. */
const INTERVAL = 30_000; // ms

export const heartbeat = (interval = INTERVAL) =>
  class extends WebSocket {
    constructor(...args) {
      super(...args);
      this.once('open', () => this.#watch());
    }

    #watch() {
      let answered = true;
      this.on('pong', () => (answered = true));
      const timer = setInterval(() => {
        if (!answered) return this.terminate();
        answered = false;
        this.ping();
      }, interval);
      this.once('close', () => clearInterval(timer));
    }
  };

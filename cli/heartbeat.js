// A WebSocket that notices when the other side has gone without a word: a network that is out of reach, a laptop that
// slept. Servers answer pings by themselves (RFC 6455, section 5.5.2); a Durable Object sleeps on meanwhile, and never
// hears of them. So a server that says in its upgrade that it answers `[]` is sent that too: by it the server knows
// that we are still here.
import { WebSocket } from 'ws';

/** Below the minute after which common proxies and address translators forget an idle connection. */
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

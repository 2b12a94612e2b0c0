// A WebSocket that says now and then that its client is still there, and closes where nobody answers: a network that
// has gone without a word tells neither side. The platform answers `[]` while the server's object sleeps on.

/** Below the minute after which common proxies and address translators forget an idle connection. */
const INTERVAL = 30_000; // ms

const BEAT = '[]';

/** The same WebSocket with a heartbeat. */
export const heartbeat = (WebSocket, interval = INTERVAL) =>
  class extends WebSocket {
    constructor(...args) {
      super(...args);
      this.addEventListener('open', () => this.#watch());
    }

    #watch() {
      let heard = true;
      this.addEventListener('message', () => (heard = true));
      const timer = setInterval(() => {
        if (!heard) return this.close();
        heard = false;
        this.send(BEAT);
      }, interval);
      this.addEventListener('close', () => clearInterval(timer));
    }
  };

// A WebSocket that sends heartbeats and closes if the server does not answer: neither side notices a silently dead
// network by itself. The platform answers `[]` without waking the server's object.

/** Less than the minute after which common proxies and NAT routers drop an idle connection. */
const INTERVAL = 30_000; // ms

const BEAT = '[]';

/** The same WebSocket with a heartbeat. */
export const heartbeat = (WebSocket, interval = INTERVAL) =>
  class extends WebSocket {
    constructor(...args) {
      super(...args);
      this.addEventListener('open', () => this.#watch());
    }

    /** A closing socket discards what is sent, as any does; a browser would report that on its console as an error. */
    send(data) {
      if (this.readyState < this.CLOSING) super.send(data);
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

// A page's connection to the server, and what becomes of it. cometd.js takes a WebSocket, polls where none gets
// through, retries and shakes hands again by itself; what it leaves to us is to subscribe again after each handshake,
// and to know when all of that is done.
import { AckExtension, CometD } from '/vendor/cometd.js';
import { heartbeat } from './heartbeat.js';

const PATH = '/cometd';

/** The longest wait between two attempts: people look at the page and wait for it. */
const MAX_BACKOFF = 8_000; // ms

/** A WebSocket that has not opened by then gets through nowhere: there are proxies that leave it unanswered. */
const MAX_OPENING = 5_000; // ms

/**
 * Of one message, in UTF-16 units: above all that a page sends, where cometd.js' 8,192 are too few to tell what was
 * missed.
 */
const MAX_MESSAGE = 1_000_000;

/** A WebSocket is closed with it where a message is too large for the server: "Message Too Big" (RFC 6455, 7.4.1). */
const TOO_BIG = 1009;

window.WebSocket = heartbeat(window.WebSocket);

export class Connection {
  #cometd = new CometD();
  #channels;
  #onState;
  #farewell;
  #greeting;
  #state = 'connecting';
  #subscribed = false;
  #subscribing = false;
  #taken = new Set(); // channels of this session
  #anew = false;

  /**
   * `channels` maps each channel to what gets its data and the whole message, `services` each service to what gets its
   * answers, and `extensions` names to those of cometd.js. `onState(state, { anew })` is told 'connected' (`anew`: by a
   * session that knows nothing of before), 'reconnecting' and 'closed', which is for good. `farewell()` gives the
   * `{ channel, data }` to be published last, when the page goes away, and `greeting()` those that go before the
   * subscribes of a new session.
   */
  constructor({ channels = new Map(), services = new Map(), extensions = new Map(), onState, farewell = () => [], greeting = () => [] }) {
    this.#channels = channels;
    this.#onState = onState;
    this.#farewell = farewell;
    this.#greeting = greeting;
    const cometd = this.#cometd;
    // Events of an answer that was lost on its way are sent again.
    cometd.registerExtension('ack', new AckExtension());
    for (const [name, extension] of extensions) cometd.registerExtension(name, extension);
    for (const [service, listener] of services) cometd.addListener(service, ({ data }) => listener(data));
    cometd.configure({
      url: new URL(PATH, location.origin).href,
      maxBackoff: MAX_BACKOFF,
      connectTimeout: MAX_OPENING,
      maxSendBayeuxMessageSize: MAX_MESSAGE,
      logLevel: 'warn',
      useWorkerScheduler: false, // its worker comes from a blob, which the Content-Security-Policy refuses
    });
    cometd.addListener('/meta/handshake', (reply) => this.#shaken(reply));
    cometd.addListener('/meta/connect', (reply) => this.#polled(reply));
    // A held request or a socket may take long to notice that the network has gone: the browser knows at once.
    addEventListener('offline', () => {
      this.#to('reconnecting');
      cometd.getTransport()?.abort();
    });
    addEventListener('pagehide', () => this.#leave());
    // The browser kept the page while it was left, but the server has let it go.
    addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
  }

  start() {
    this.#cometd.handshake();
  }

  /**
   * Resolves with what became of it: 'taken', 'lost' when it may help to send it again, or 'refused', with the `error`.
   * Whoever sends it again gives it the same `key` each time: the server delivers it once, though only its answer was
   * lost.
   */
  publish(channel, data, { key } = {}) {
    if (this.#cometd.isDisconnected()) return Promise.resolve({ outcome: 'lost' });
    const more = key === undefined ? {} : { ext: { idempotencyKey: key } };
    return new Promise((resolve) => this.#cometd.publish(channel, data, more, (reply) => resolve(outcome(reply))));
  }

  #shaken(reply) {
    this.#subscribed = false;
    this.#taken.clear();
    if (!reply.successful) return this.#lost(reply);
    this.#anew = true;
    this.#subscribe();
  }

  #polled(reply) {
    if (!reply.successful) this.#lost(reply);
    else if (this.#subscribed) this.#to('connected');
    else if (!this.#subscribing) this.#subscribe(); // an earlier attempt was lost
  }

  async #subscribe() {
    this.#subscribing = true;
    const replies = [];
    this.#cometd.batch(() => {
      for (const { channel, data } of this.#greeting()) this.#cometd.publish(channel, data);
      for (const [channel, listener] of this.#channels) if (!this.#taken.has(channel)) replies.push(this.#subscribeTo(channel, listener));
    });
    const answers = await Promise.all(replies);
    this.#subscribed = answers.every(({ successful }) => successful);
    this.#subscribing = false;
    if (this.#subscribed) this.#to('connected');
    // What came since is not all kept any more: now the extension asks for all that is.
    else if (answers.some(({ error }) => error?.endsWith(':replay_id_not_kept'))) this.#subscribe();
  }

  #subscribeTo(channel, listener) {
    return new Promise((resolve) => {
      const handle = this.#cometd.subscribe(channel, (message) => listener(message.data, message), (reply) => {
        // It would not be sent again for what has a listener.
        if (reply.successful) this.#taken.add(channel);
        else this.#cometd.removeListener(handle);
        resolve(reply);
      });
    });
  }

  /** Says goodbye while the page is going away, by a request that outlives it. */
  #leave() {
    const clientId = this.#cometd.getClientId();
    if (clientId === null) return;
    const last = this.#farewell().map((event) => ({ ...event, clientId }));
    fetch(PATH, {
      method: 'POST',
      keepalive: true,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([...last, { channel: '/meta/disconnect', clientId }]),
    }).catch(() => {}); // there is nobody left to tell
  }

  #lost(reply) {
    this.#to(reply.advice?.reconnect === 'none' ? 'closed' : 'reconnecting');
  }

  #to(state) {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    if (state !== 'connected') return this.#onState(state, {});
    const anew = this.#anew;
    this.#anew = false;
    // After the events that came in the same answer: they are what was missed.
    setTimeout(() => this.#state === 'connected' && this.#onState(state, { anew }));
  }
}

function outcome({ successful, failure, error }) {
  if (successful) return { outcome: 'taken' };
  // A status of 4xx is about the request itself; anything else on the way, and an unknown session (402), pass. Of the
  // messages that were on their way over a socket nobody tells which one was too big: sent again, it would only be
  // closed again.
  const refused = failure
    ? failure.websocketCode === TOO_BIG || (failure.httpCode >= 400 && failure.httpCode < 500)
    : !error?.startsWith('402');
  return refused ? { outcome: 'refused', error } : { outcome: 'lost' };
}

// A page's connection to the server and its state. cometd.js uses a WebSocket, polls if WebSockets are blocked, retries
// and handshakes again by itself. This class subscribes again after each handshake, and knows when all subscribes are
// done.
import { AckExtension, CometD } from '/vendor/cometd.js';
import { heartbeat } from './heartbeat.js';

const PATH = '/cometd';

/** The longest wait between two attempts: people look at the page and wait for it. */
const MAX_BACKOFF = 8_000; // ms

/** A WebSocket that has not opened by then is blocked: some proxies never answer the upgrade request. */
const MAX_OPENING = 5_000; // ms

/**
 * The size of one message, in UTF-16 units: more than any page sends. cometd.js' 8,192 are too few for the numbers of
 * missed events.
 */
const MAX_MESSAGE = 1_000_000;

/** The server closes a WebSocket with this code after a too large message: "Message Too Big" (RFC 6455, 7.4.1). */
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
   * `channels` maps each channel to a function of its data and the whole message, `services` each service to a function
   * of its answers, and `extensions` names to cometd.js extensions. `onState(state, { anew })` gets 'connected'
   * (`anew`: with a new session), 'reconnecting' and 'closed', which is final. `farewell()` returns the
   * `{ channel, data }` to publish last, when the user leaves the page. `greeting()` returns those to publish before
   * the subscribes of a new session.
   */
  constructor({ channels = new Map(), services = new Map(), extensions = new Map(), onState, farewell = () => [], greeting = () => [] }) {
    this.#channels = channels;
    this.#onState = onState;
    this.#farewell = farewell;
    this.#greeting = greeting;
    const cometd = this.#cometd;
    // The server sends events of a lost response again.
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
    // A held request or a socket may notice a lost network late; the browser notices at once.
    addEventListener('offline', () => {
      this.#to('reconnecting');
      cometd.getTransport()?.abort();
    });
    addEventListener('pagehide', () => this.#leave());
    // The browser kept the page in its cache, but the server has ended the session.
    addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
  }

  start() {
    this.#cometd.handshake();
  }

  /**
   * Resolves with the outcome: 'taken', 'lost' (a retry may help), or 'refused' with the `error`. A caller that retries
   * passes the same `key` each time: the server then delivers the message once, even if only the reply was lost.
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
    // Some later events are no longer kept: now the extension asks for all kept events.
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

  /** Disconnects while the user leaves the page, with a request that outlives the page. */
  #leave() {
    const clientId = this.#cometd.getClientId();
    if (clientId === null) return;
    const last = this.#farewell().map((event) => ({ ...event, clientId }));
    fetch(PATH, {
      method: 'POST',
      keepalive: true,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([...last, { channel: '/meta/disconnect', clientId }]),
    }).catch(() => {}); // the page is gone: nothing can show an error
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
    // After the events of the same response: these are the missed events.
    setTimeout(() => this.#state === 'connected' && this.#onState(state, { anew }));
  }
}

function outcome({ successful, failure, error }) {
  if (successful) return { outcome: 'taken' };
  // A 4xx status is about the request itself; other failures, and an unknown session (402), are temporary. After a
  // close with "too big" it is unknown which message was too big: a retry would only close the socket again.
  const refused = failure
    ? failure.websocketCode === TOO_BIG || (failure.httpCode >= 400 && failure.httpCode < 500)
    : !error?.startsWith('402');
  return refused ? { outcome: 'refused', error } : { outcome: 'lost' };
}

// A session with a Bayeux server. cometd.js sends, retries and handshakes again by itself. This class subscribes again
// after each handshake, and knows when all subscribes are done.
import { AckExtension, CometD, LongPollingTransport, WebSocketTransport } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { NoConnection, Refused, within } from './failure.js';
import { Replay } from '../public/js/replay.js';
import { heartbeat } from './heartbeat.js';

const TRANSPORTS = { websocket: WebSocketTransport, 'long-polling': LongPollingTransport };

/** The names of all transports, the best first. */
export const TRANSPORT_NAMES = Object.keys(TRANSPORTS);

/** The longest wait between two attempts: somebody may look at the terminal and wait for it. */
const MAX_BACKOFF = 8_000; // ms

/** The wait before a lost message is sent again. */
const RETRY = 500; // ms

/** The longest wait for the reply to the disconnect. */
const GOODBYE = 2_000; // ms

adapt(); // gives cometd.js the XMLHttpRequest and the WebSocket of a browser
window.WebSocket = heartbeat();
window.console = { debug() {}, info() {}, warn() {} }; // it would write on standard output

export class Connection {
  #cometd = new CometD();
  #url;
  #options;
  #patterns = [];
  #subscribed = false;
  #subscribing = false;
  #anew = false;
  #open = false;
  #lost = false;
  #over = false;
  #opened;
  #fail;

  /** Rejects with the error that finally ends the session. */
  failed = new Promise((_, reject) => (this.#fail = reject));

  /** Gets each event, unchanged. */
  onEvent = () => {};

  /** Gets 'lost' with a reason, and 'back' with whether the session is new. */
  onState = () => {};

  /** `[channel, data]` to publish before the subscribes of each new session. */
  greeting = null;

  /** `[channel, data]` to publish last, together with the disconnect. */
  farewell = null;

  /**
   * `ext` is that of the handshake. `trace(arrow, message)` gets every message, with secrets masked. Without
   * `reconnect` the first break is the end. `since`: subscriptions begin with what was kept, 'all' or after a number,
   * and after a break they go on where they were.
   */
  constructor(url, { transports = TRANSPORT_NAMES, ext = {}, ack = true, reconnect = true, since, trace } = {}) {
    this.#url = url;
    this.#options = { transports, ext, reconnect, since };
    this.failed.catch(() => {}); // callers that wait get the error
    const cometd = this.#cometd;
    cometd.unregisterTransports();
    for (const name of transports) cometd.registerTransport(name, new TRANSPORTS[name]());
    // The first extension is the nearest to the wire.
    cometd.registerExtension('wire', {
      outgoing: (message) => trace?.('→', masked(message)),
      incoming: (message) => {
        trace?.('←', masked(message));
        // The reply to a disconnect repeats unacknowledged events.
        if (isEvent(message) && !this.#over) this.onEvent(message);
      },
    });
    if (ack) cometd.registerExtension('ack', new AckExtension());
    if (since !== undefined) cometd.registerExtension('replay', new Replay({ from: since, onMissed: (name) => this.#missed(name) }));
    cometd.configure({ url, maxBackoff: MAX_BACKOFF, logLevel: 'warn', maxSendBayeuxMessageSize: Infinity });
    // Errors in our own code, which cometd.js would only log.
    cometd.onExtensionException = cometd.onListenerException = cometd.onCallbackException = (error) => this.#end(error);
    cometd.addListener('/meta/handshake', (reply) => this.#shaken(reply));
    cometd.addListener('/meta/connect', (reply) => this.#connected(reply));
    cometd.addListener('/meta/disconnect', (reply) => this.#ended(reply));
  }

  /** The name of the transport in use. */
  get transport() {
    return this.#cometd.getTransport()?.type;
  }

  /**
   * Shakes hands and subscribes to all patterns; resolves once the server has taken that, and rejects after `patience`
   * (ms).
   */
  async open(patience, patterns = []) {
    this.#patterns = [...new Set(patterns)]; // cometd.js answers only once for each
    const opened = new Promise((resolve) => (this.#opened = resolve));
    this.#cometd.handshake({ ext: { ...this.#options.ext } });
    await within(patience, opened, `no answer from ${this.#url} within ${patience / 1000} s`);
  }

  /**
   * Publishes all of `data` on one channel at the same time, once. Resolves with the replies, in order. What has one of
   * the `keys` may be sent again with it: the server delivers it once.
   */
  async send(channel, data, keys = []) {
    if (this.#cometd.isDisconnected()) return data.map(() => ({ successful: false, failure: {} }));
    const replies = [];
    this.#cometd.batch(() => {
      for (const [at, item] of data.entries()) {
        const more = keys[at] === undefined ? {} : { ext: { idempotencyKey: keys[at] } };
        replies.push(new Promise((resolve) => this.#cometd.publish(channel, item, more, resolve)));
      }
    });
    return Promise.all(replies);
  }

  /** The same, and sends lost messages again. Rejects with NoConnection after `patience` (ms). */
  async publish(patience, channel, data) {
    const replies = [];
    await within(patience, this.#publish(channel, data, replies), `no reply to the publish within ${patience / 1000} s`);
    return replies;
  }

  async #publish(channel, data, replies) {
    const keys = data.map(() => randomUUID());
    for (let waiting = [...data.keys()]; ; await sleep(RETRY)) {
      const answers = await this.send(channel, waiting.map((index) => data[index]), waiting.map((index) => keys[index]));
      for (const [place, index] of waiting.entries()) replies[index] = answers[place];
      waiting = waiting.filter((index) => outcome(replies[index]) === 'lost');
      if (waiting.length === 0) return;
      if (!this.#options.reconnect) throw new NoConnection('the connection was lost');
    }
  }

  /** Disconnects, if there is a session. */
  async close() {
    this.#over = true;
    const cometd = this.#cometd;
    if (cometd.isDisconnected() || cometd.getClientId() === null) return;
    if (this.farewell) cometd.publish(...this.farewell);
    const gone = new Promise((resolve) => cometd.disconnect(resolve));
    await within(GOODBYE, gone, '').catch(() => {});
  }

  #shaken(reply) {
    if (this.#over) return;
    this.#subscribed = false;
    if (!reply.successful) return this.#notShaken(reply);
    this.#anew = true;
    this.#subscribe();
  }

  #notShaken(reply) {
    const { failure } = reply;
    const advised = reply.advice !== undefined && reply.advice.reconnect !== 'none';
    if (!this.#open) {
      // If a WebSocket cannot be opened, cometd.js continues with polls.
      const another = failure?.connectionType === 'websocket' && this.#options.transports.includes('long-polling');
      if (!another) this.#end(outcome(reply) === 'refused' ? new Refused(this.why(reply)) : new NoConnection(this.why(reply)));
    } else if (failure || advised) this.#break(reply);
    else this.#end(new Refused(this.why(reply)));
  }

  #connected(reply) {
    if (this.#over) return;
    if (reply.advice?.reconnect === 'none') this.#ended(reply);
    else if (!reply.successful) this.#break(reply);
    else if (this.#subscribed) this.#ready();
    else if (!this.#subscribing) this.#subscribe(); // an earlier attempt was lost
  }

  async #subscribe() {
    this.#subscribing = true;
    const replies = [];
    this.#cometd.batch(() => {
      if (this.greeting) this.#cometd.publish(...this.greeting);
      for (const pattern of this.#patterns) replies.push(this.#subscribeTo(pattern));
    });
    const answers = await Promise.all(replies);
    const refused = answers.find((reply) => outcome(reply) === 'refused' && !(this.#open && reply.error?.endsWith(':replay_id_not_kept')));
    if (refused) return this.#end(new Refused(`${refused.subscription}: ${this.why(refused)}`));
    this.#subscribed = answers.every(({ successful }) => successful);
    this.#subscribing = false;
    if (this.#subscribed) this.#ready();
    // Some later events are no longer kept: now the extension asks for all kept events.
    else if (answers.some(({ error }) => error?.endsWith(':replay_id_not_kept'))) this.#subscribe();
  }

  #subscribeTo(pattern) {
    // Events are read from the incoming messages: a listener here would get an event once for each matching pattern.
    return new Promise((resolve) => {
      const handle = this.#cometd.subscribe(pattern, () => {}, (reply) => {
        // It would not be sent again for what has a listener.
        if (!reply.successful) this.#cometd.removeListener(handle);
        resolve(reply);
      });
    });
  }

  /**
   * What came during a break is not all kept: the next subscribe brings all that is. Without one, what was asked is
   * refused.
   */
  #missed(name) {
    if (this.#open) this.onState('missed', { reason: name });
  }

  #ready() {
    if (!this.#open) {
      this.#open = true;
      this.#opened();
    } else if (this.#lost) this.onState('back', { anew: this.#anew, replayed: this.#options.since !== undefined });
    this.#lost = false;
    this.#anew = false;
  }

  #break(reply) {
    if (this.#lost || !this.#open) return;
    if (!this.#options.reconnect) return this.#end(new NoConnection(this.why(reply)));
    this.#lost = true;
    this.onState('lost', { reason: this.why(reply) });
  }

  /** The server has ended this session. */
  #ended({ error }) {
    this.#end(new Refused(error ?? 'the server has ended the session'));
  }

  #end(failure) {
    if (this.#over) return;
    this.#over = true;
    this.#fail(failure);
  }

  /** Why a message was refused or lost, by its reply. */
  why({ error, failure, supportedConnectionTypes }) {
    if (error) return error;
    if (failure?.httpCode === 200) return `${this.#url} is not a Bayeux server`;
    if (failure?.httpCode > 0) return `${this.#url} answered with HTTP ${failure.httpCode}`;
    if (failure?.websocketCode === TOO_BIG) return 'the message is too big';
    if (failure) return `no connection to ${this.#url}${failure.reason && failure.reason !== 'Error' ? ` (${failure.reason})` : ''}`;
    return supportedConnectionTypes ? `the server offers only other transports: ${supportedConnectionTypes.join(', ')}` : 'the server refused without an error';
  }
}

/** RFC 6455, section 7.4.1. */
const TOO_BIG = 1009;

/** A message's outcome, from its reply: 'taken', 'refused', or 'lost' (a retry may help). */
export function outcome({ successful, failure, error }) {
  if (successful) return 'taken';
  // A 4xx status is about the request itself; other failures, and an unknown session (402), are temporary.
  if (failure) return (failure.httpCode >= 400 && failure.httpCode < 500) || failure.websocketCode === TOO_BIG ? 'refused' : 'lost';
  return error?.startsWith('402') ? 'lost' : 'refused';
}

const isEvent = ({ channel, data }) => data !== undefined && !channel.startsWith('/meta/');

/** The clientId is the session's secret, and a token the person's. */
function masked(message) {
  const copy = { ...message };
  if (copy.clientId) copy.clientId = '…';
  if (message.channel.startsWith('/meta/') && message.ext) copy.ext = Object.fromEntries(Object.entries(message.ext).map(mask));
  return copy;
}

const mask = ([name, value]) => [name, name === 'ack' ? value : '…'];

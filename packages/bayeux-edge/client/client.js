// A session with a Bayeux server, for pages and programs. cometd.js talks, retries and shakes hands again by itself;
// what it leaves to whoever uses it is here: subscribing again after each handshake, tokens that end, and telling what
// state the connection is in.
import { AckExtension, CometD } from 'cometd';
import { Failed, Lost, Refused, refusal } from './errors.js';
import { Presence, presenceChannel, Roster } from './presence.js';
import { Subscription } from './subscription.js';
import { Topic } from './topic.js';
import { Tokens } from './tokens.js';

/** The longest wait between two attempts: people look at the page and wait for it. */
const MAX_BACKOFF = 8_000; // ms

/** A WebSocket that has not opened by then gets through nowhere: there are proxies that leave it unanswered. */
const MAX_OPENING = 5_000; // ms

/** For a publish that waits for a connection, and for a service's answer. */
const PATIENCE = 30_000; // ms

export class Client {
  #cometd = new CometD();
  #topics = new Map();
  #listeners = new Set();
  #requests = new Map();
  #rosters = new Map();
  #state = 'connecting';
  #tokens;
  #ext;
  #session = null;
  #anew = false;
  #error = null;
  #ready = Promise.withResolvers();

  constructor(url, { token, ext = {}, transports, configure = {}, extensions = {} } = {}) {
    this.#tokens = new Tokens(token);
    this.#ext = ext;
    this.#ready.promise.catch(() => {}); // whoever waits is told
    const cometd = this.#cometd;
    if (transports) keepTransports(cometd, transports);
    // Events of an answer that was lost on its way are sent again.
    cometd.registerExtension('ack', new AckExtension());
    for (const [name, extension] of Object.entries(extensions)) cometd.registerExtension(name, extension);
    cometd.registerExtension('bayeux-edge', { outgoing: (message) => this.#outgoing(message) });
    cometd.configure({
      url,
      maxBackoff: MAX_BACKOFF,
      connectTimeout: MAX_OPENING,
      maxSendBayeuxMessageSize: Infinity,
      logLevel: 'warn',
      useWorkerScheduler: false, // its worker comes from a blob, which strict Content-Security-Policies refuse
      ...configure,
    });
    // A mistake in a listener is its author's to see.
    cometd.onListenerException = cometd.onExtensionException = cometd.onCallbackException = (error) => queueMicrotask(() => { throw error; });
    cometd.addListener('/meta/handshake', (reply) => this.#shaken(reply));
    cometd.addListener('/meta/connect', (reply) => this.#connected(reply));
    cometd.addListener('/meta/disconnect', (reply) => this.#dismissed(reply));
    this.#open();
  }

  /** 'connecting', 'connected', 'reconnecting' or 'closed', which is for good. */
  get state() {
    return this.#state;
  }

  /** Why it is closed, or null. */
  get error() {
    return this.#error;
  }

  /** Resolves when it is connected for the first time, and rejects if it never will be. */
  get ready() {
    return this.#ready.promise;
  }

  /** The name of the transport in use. */
  get transport() {
    return this.#cometd.getTransport()?.type ?? null;
  }

  /** cometd.js itself, for what is not here. */
  get cometd() {
    return this.#cometd;
  }

  /** `listener(state, { anew })`: `anew` is a session that knows nothing of before. Returns what ends it. */
  onState(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Messages of a channel or a pattern from now on, through breaks: to `listener`, or else to whoever loops over it.
   */
  subscribe(pattern, listener, options) {
    const given = typeof listener === 'function' ? { ...options, listener } : (listener ?? {});
    const subscription = new Subscription(pattern, given, (left) => this.#leave(left));
    if (this.#state === 'closed') {
      subscription.end(this.#error ?? new Lost('the connection is closed'));
      return subscription;
    }
    if (!this.#topics.has(pattern)) this.#topics.set(pattern, new Topic(pattern, given));
    this.#topics.get(pattern).join(subscription);
    if (this.#session !== null) this.#flush();
    return subscription;
  }

  /** Who is in a channel, through breaks: `listener(presence, { joined, left })` is told each change. */
  presence(channel, listener, options) {
    const given = typeof listener === 'function' ? { ...options, listener } : (listener ?? {});
    const watched = this.#rosters.get(channel) ?? this.#watch(channel);
    const { roster, subscription } = watched;
    const presence = new Presence(roster, given, subscription.ready, (left) => {
      if (!roster.leave(left)) return;
      subscription.cancel();
      if (this.#rosters.get(channel) === watched) this.#rosters.delete(channel);
    });
    roster.join(presence);
    return presence;
  }

  /**
   * Resolves when the server has taken it; rejects with Refused, or with Lost where nobody knows whether it arrived.
   */
  async publish(channel, data = null, { ext, timeout = PATIENCE } = {}) {
    await this.#whenConnected(timeout);
    const reply = await new Promise((resolve) => this.#cometd.publish(channel, data, ext ? { ext } : {}, resolve));
    if (!reply.successful) throw refusal(reply, `${channel}: `);
    return reply;
  }

  /**
   * What a remote call comes to, `call('divide', [6, 2])`; rejects with Failed, with what the service says, where it
   * fails.
   */
  async call(name, data = null, { timeout = PATIENCE } = {}) {
    await this.#whenConnected(timeout);
    const reply = await new Promise((resolve) => this.#cometd.remoteCall(name, data, timeout, resolve));
    if (reply.successful) return reply.data;
    throw reply.error || reply.failure ? refusal(reply, `${name}: `) : new Failed(name, reply.data);
  }

  /**
   * What a service answers, `request('greet', 'Ada')`. One request a service is under way; the others wait for their
   * turn.
   */
  request(service, data = null, { timeout = PATIENCE } = {}) {
    const before = this.#requests.get(service) ?? Promise.resolve();
    const request = before.then(() => this.#request(`/service/${service}`, data, timeout));
    this.#requests.set(service, request.catch(() => {}));
    return request;
  }

  /** Says goodbye. */
  async close() {
    if (this.#state === 'closed') return;
    const cometd = this.#cometd;
    const known = cometd.getClientId() !== null && !cometd.isDisconnected();
    this.#end(null);
    if (known) await new Promise((resolve) => cometd.disconnect(resolve));
  }

  /** In a page that goes away: by a request that outlives it. */
  abandon() {
    const clientId = this.#cometd.getClientId();
    if (clientId === null || this.#state === 'closed') return;
    fetch(this.#cometd.getURL(), {
      method: 'POST',
      keepalive: true,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ channel: '/meta/disconnect', clientId }]),
    }).catch(() => {}); // there is nobody left to tell
  }

  /** The network is known to have gone: a held request may take long to notice. */
  interrupt() {
    this.#to('reconnecting');
    this.#cometd.getTransport()?.abort();
  }

  async #open() {
    try {
      await this.#tokens.fresh();
    } catch (error) {
      return this.#end(error);
    }
    if (this.#state !== 'closed') this.#cometd.handshake();
  }

  #outgoing(message) {
    if (message.channel !== '/meta/handshake') return message;
    const { current } = this.#tokens;
    // The numbers of events that are kept come in their `ext`, and `data` as it was published.
    return { ...message, ext: { replay: 'ext', ...message.ext, ...this.#ext, ...(current !== null && { token: current }) } };
  }

  #shaken(reply) {
    this.#session = null;
    for (const topic of this.#topics.values()) topic.reset();
    if (this.#state === 'closed') return;
    if (reply.successful) {
      this.#session = reply.clientId;
      this.#anew = true;
      this.#tokens.accepted();
      this.#flush();
    } else if (isOver(reply)) this.#refused(reply);
    else this.#to('reconnecting');
  }

  /** A token that has ended meanwhile is no reason to give up, as long as another one can be had. */
  #refused(reply) {
    if (!this.#tokens.mayRenew(reply.error)) return this.#end(refusal(reply));
    this.#to('reconnecting');
    this.#tokens.renew();
    this.#open();
  }

  #connected(reply) {
    if (this.#state === 'closed') return;
    if (isOver(reply)) return this.#end(refusal(reply));
    if (reply.successful) this.#flush();
    else this.#to('reconnecting');
  }

  #dismissed(reply) {
    this.#end(reply.error ? refusal(reply) : new Refused('the server has ended the session'));
  }

  /**
   * Subscribes to what this session has not asked for yet, all at once; it is connected when all of that has been
   * answered.
   */
  async #flush() {
    const session = this.#session;
    const answers = [];
    this.#cometd.batch(() => {
      for (const topic of this.#topics.values()) if (topic.state === 'unsent') answers.push(this.#subscribe(topic));
    });
    await Promise.all(answers);
    if (this.#session !== session || this.#state === 'closed') return;
    if ([...this.#topics.values()].every(({ state }) => state === 'subscribed')) this.#to('connected');
  }

  async #subscribe(topic) {
    const reply = await topic.subscribe(this.#cometd);
    if (reply === null || reply.successful) return;
    const error = refusal(reply, `${topic.pattern}: `);
    if (error instanceof Lost) return topic.reset(); // the next connect that is answered tries again
    this.#topics.delete(topic.pattern);
    topic.end(error);
  }

  #leave(subscription) {
    const topic = this.#topics.get(subscription.pattern);
    if (!topic?.leave(subscription)) return;
    this.#topics.delete(subscription.pattern);
    topic.unsubscribe(this.#cometd);
  }

  #watch(channel) {
    const roster = new Roster(channel);
    const watched = { roster, subscription: this.subscribe(presenceChannel(channel), ({ data }) => roster.told(data)) };
    this.#rosters.set(channel, watched);
    // Whoever asks again after a refusal asks the server.
    watched.subscription.ready.catch(() => this.#rosters.get(channel) === watched && this.#rosters.delete(channel));
    return watched;
  }

  async #request(channel, data, timeout) {
    const answer = Promise.withResolvers();
    const listener = this.#cometd.addListener(channel, (message) => message.data !== undefined && message.successful === undefined && answer.resolve(message.data));
    const late = setTimeout(() => answer.reject(new Lost(`${channel}: no answer within ${timeout / 1000} s`)), timeout);
    try {
      await Promise.race([this.publish(channel, data, { timeout }), answer.promise]);
      return await answer.promise;
    } finally {
      answer.promise.catch(() => {});
      clearTimeout(late);
      this.#cometd.removeListener(listener);
    }
  }

  async #whenConnected(timeout) {
    if (this.#state === 'connected') return;
    if (this.#state === 'closed') throw this.#error ?? new Lost('the connection is closed');
    const { promise, resolve, reject } = Promise.withResolvers();
    const late = setTimeout(() => reject(new Lost(`no connection within ${timeout / 1000} s`)), timeout);
    const off = this.onState((state) => {
      if (state === 'connected') resolve();
      else if (state === 'closed') reject(this.#error ?? new Lost('the connection is closed'));
    });
    try {
      await promise;
    } finally {
      clearTimeout(late);
      off();
    }
  }

  #end(error) {
    if (this.#state === 'closed') return;
    this.#error = error;
    this.#tokens.stop();
    for (const topic of this.#topics.values()) topic.end(error);
    this.#topics.clear();
    this.#to('closed');
    this.#ready.reject(error ?? new Lost('closed before it was connected'));
  }

  #to(state) {
    if (this.#state === state || this.#state === 'closed' || (state === 'reconnecting' && this.#state === 'connecting')) return;
    this.#state = state;
    const anew = state === 'connected' && this.#anew;
    if (state === 'connected') {
      this.#anew = false;
      this.#ready.resolve();
    }
    for (const listener of this.#listeners) listener(state, { anew });
  }
}

/** Only these, in this order. */
function keepTransports(cometd, names) {
  const known = new Map(names.map((name) => [name, cometd.findTransport(name)]));
  cometd.unregisterTransports();
  for (const [name, transport] of known) if (transport) cometd.registerTransport(name, transport);
}

/** The server wants no more of this client: what failed on its way has no advice. */
const isOver = ({ successful, failure, advice, error }) => !successful && !failure && (advice?.reconnect === 'none' || error === undefined);

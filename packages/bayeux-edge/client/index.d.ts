import type { CometD, Extension } from 'cometd';

export type State = 'connecting' | 'connected' | 'reconnecting' | 'closed';

export interface Message<Data = any> {
  channel: string;
  data: Data;
  ext?: Record<string, unknown>;
  /** Of a channel that keeps its events: `replay: cursor` is what was said after this one. */
  cursor?: number;
}

export interface ConnectOptions {
  /**
   * What handshakes show as `ext.token`. A function is asked again before a JSON Web Token ends, and once where a
   * handshake is refused because of it.
   */
  token?: string | null | (() => string | null | Promise<string | null>);
  /** More of the handshake's `ext`. */
  ext?: Record<string, unknown>;
  /** Those to try, the best first; all of them without it: `websocket`, `long-polling`, `callback-polling`. */
  transports?: string[];
  /** Extensions of cometd.js, by name. The ack extension is there. */
  extensions?: Record<string, Extension>;
  /** Other options of cometd.js. */
  configure?: Record<string, unknown>;
}

export interface SubscribeOptions {
  /**
   * From where to hear a channel that keeps its events: all that is kept, what is new, or what came after the event
   * with this `cursor`. After a break the client goes on where it was, without it too. Of several subscriptions to one
   * pattern that of the first counts.
   */
  replay?: 'all' | 'new' | number;
  /** Ends the subscription. */
  signal?: AbortSignal;
  /** Goes with the subscribe. */
  ext?: Record<string, unknown>;
}

export interface PublishOptions {
  ext?: Record<string, unknown>;
  /** ms to wait for a connection: 30,000. */
  timeout?: number;
}

/** One user of a channel, with all sessions: two tabs are one user. */
export interface Member<Info = any> {
  /** From the token or the application, else `session:` and a number. */
  user: string;
  sessions: { session: string; info?: Info }[];
}

export interface PresenceChange {
  /** Users that were not there before; everybody, at first. */
  joined: string[];
  left: string[];
}

/** Opens a connection. It comes back by itself after breaks, and subscribes again. */
export declare function connect(url: string, options?: ConnectOptions): Client;

export declare class Client {
  private constructor();
  /** `closed` is for good: `error` says why. */
  readonly state: State;
  readonly error: Error | null;
  /** Resolves when it is connected for the first time. */
  readonly ready: Promise<void>;
  /** The name of the transport in use. */
  readonly transport: string | null;
  /** cometd.js itself, for what is not here. */
  readonly cometd: CometD;
  /**
   * Told each change. `anew`: the session knows nothing of before, and messages may be missing. Returns what ends it.
   */
  onState(listener: (state: State, news: { anew: boolean }) => void): () => void;
  /**
   * Messages of a channel or a pattern: to `listener`, or else to
   * `for await (const message of client.subscribe('/news'))`.
   */
  subscribe<Data = any>(pattern: string, options?: SubscribeOptions): Subscription<Data>;
  subscribe<Data = any>(pattern: string, listener: (message: Message<Data>) => void, options?: SubscribeOptions): Subscription<Data>;
  /**
   * Who is in a channel that tells it (the option `PRESENCE`), through breaks. Only a subscription to the channel's
   * very name makes this client a member.
   */
  presence<Info = any>(channel: string, options?: { signal?: AbortSignal }): Presence<Info>;
  presence<Info = any>(
    channel: string,
    listener: (presence: Presence<Info>, change: PresenceChange) => void,
    options?: { signal?: AbortSignal },
  ): Presence<Info>;
  /**
   * Resolves when the server has taken it; rejects with `Refused`, or with `Lost` where nobody knows whether it
   * arrived.
   */
  publish(channel: string, data: unknown, options?: PublishOptions): Promise<void>;
  /**
   * What a remote call comes to: `call('divide', [6, 2])`. Rejects with `Failed` where the service says that it failed.
   */
  call<Result = any>(name: string, data?: unknown, options?: { timeout?: number }): Promise<Result>;
  /** What a service answers that is no remote call: `request('greet', 'Ada')`. */
  request<Answer = any>(service: string, data?: unknown, options?: { timeout?: number }): Promise<Answer>;
  /** Says goodbye. */
  close(): Promise<void>;
}

export declare class Subscription<Data = any> implements AsyncIterable<Message<Data>> {
  private constructor();
  readonly pattern: string;
  readonly state: 'pending' | 'subscribed' | 'ended';
  /** Messages that a loop was too slow for: it has 10,000 waiting at most. */
  readonly dropped: number;
  /** How often events were not kept long enough to be heard after a break. */
  readonly gaps: number;
  /** Resolves when the server has taken it; rejects with `Refused`. */
  readonly ready: Promise<void>;
  cancel(): void;
  [Symbol.asyncIterator](): AsyncIterator<Message<Data>>;
}

export declare class Presence<Info = any> {
  private constructor();
  readonly channel: string;
  readonly state: 'pending' | 'watching' | 'ended';
  /** How many users are there; null until the server has told. */
  readonly count: number | null;
  /** Null where there are too many to be named, and until the server has told. */
  readonly members: Member<Info>[] | null;
  /** Resolves when the server has taken it; rejects with `Refused`. */
  readonly ready: Promise<void>;
  cancel(): void;
}

/** The server said no: `error` is what it said, `403::members_only`, and `code` its number. */
export declare class Refused extends Error {
  private constructor();
  readonly error: string;
  readonly code: number;
}

/** Nobody knows whether it arrived: it may help to send it again. */
export declare class Lost extends Error {
  private constructor();
}

/** A remote call came to nothing: `data` is what the service says about it. */
export declare class Failed extends Error {
  private constructor();
  readonly data: unknown;
}

import { WorkerEntrypoint } from 'cloudflare:workers';
import type { Call, Client, Decision as DecisionAnswer } from './contract.js';

type CallOf<Hook extends Call['hook']> = Extract<Call, { hook: Hook }> & {
  /** The object that asks: `/`, `/chat` … */
  home: string;
};

export type HandshakeCall = CallOf<'handshake'> & { ext: Record<string, unknown> | undefined };
export type SubscribeCall = CallOf<'subscribe'> & { ext: Record<string, unknown> | undefined };
export type PublishCall<Data = any> = CallOf<'publish'> & { data: Data; ext: Record<string, unknown> | undefined };
export type ServiceCall<Data = any> = CallOf<'service'> & {
  /** Of the service: what follows `/service/`. */
  name: string;
  data: Data;
  ext: Record<string, unknown> | undefined;
};
export type ServerEvent = CallOf<'event'>;

type Awaitable<T> = T | Promise<T>;

/** `true` and `false`, or `allow()` and `deny()`, which can say more. */
export type Verdict = boolean | Decision | DecisionAnswer;

export type Service = (call: ServiceCall) => unknown;

/**
 * Your application: export a class of this name and extend this one.
 *
 *     export class Application extends BayeuxApplication<Env> {
 *       async handshake({ ext }: HandshakeCall) { … }
 *       service = { greet: ({ data }: ServiceCall) => `Hello, ${data}!` };
 *     }
 *
 * The server finds it by itself and asks it what it has methods for, each call once, many at a time. A method that
 * throws or returns nothing allows nothing: its sender reads `503::hooks_unavailable`, and the log says why.
 */
export declare class BayeuxApplication<Env = Cloudflare.Env> extends WorkerEntrypoint<Env> {
  /** Who may open a session, and what is noted of it. */
  handshake?(call: HandshakeCall): Awaitable<Verdict>;
  /** To all of the channels, or to none. */
  subscribe?(call: SubscribeCall): Awaitable<Verdict>;
  /** To any channel but a service's: may change the message, or veto it. */
  publish?(call: PublishCall): Awaitable<Verdict>;
  /**
   * By name. What one returns is replied to the sender alone; `undefined` is no reply. `'*'` has the services without a
   * name of their own.
   */
  service?: Record<string, Service>;
  /**
   * Remote calls (`remoteCall` of CometD's clients, `call` of `bayeux-edge/client`), by name. What one returns is the
   * call's result.
   */
  remote?: Record<string, Service>;
  /** Told after the fact. */
  on?(event: ServerEvent): Awaitable<Actions | void>;
  fetch(request: Request): Promise<Response>;
}

/** What is to follow, done in this order. `client` is a session's name, as in `call.client.client`. */
export declare class Actions {
  private constructor();
  /** To the sender of a service's message. */
  reply(data: unknown): this;
  /** To a remote call: what it comes to. */
  answer(data: unknown): this;
  publish(channel: string, data: unknown): this;
  push(client: string, channel: string, data: unknown): this;
  /** Noted of the sender's session. */
  setAttribute(name: string, value: unknown): this;
  /** Ends a session: the sender's, where none is named. */
  disconnect(client?: string): this;
}

/** A yes or a no; what is to follow a yes can be added: `allow().publish('/log', 1)`. */
export declare class Decision extends Actions {}

export declare class Failure {
  private constructor();
}

/** `attributes` are noted of a new session; `data` and `ext` go to the subscribers in place of what was published. */
export declare function allow(change?: { attributes?: Record<string, unknown>; data?: unknown; ext?: Record<string, unknown> | null }): Decision;

/** `error` is a whole Bayeux error, `403::members_only`. */
export declare function deny(error?: string, more?: { advice?: DecisionAnswer['advice']; ext?: Record<string, unknown> }): Decision;

/** What a service answers: `reply(1).reply(2).publish('/counted', 2)`. */
export declare function reply(data: unknown): Actions;

/** What a remote call comes to, with what is to follow: `answer(3).publish('/log', 'divided')`. */
export declare function answer(data: unknown): Actions;

export declare function publish(channel: string, data: unknown): Actions;

/** Nothing yet. */
export declare function actions(): Actions;

/**
 * What a service's sender reads in place of a reply, a whole Bayeux error: `404::service_unknown`. To a remote call:
 * any JSON.
 */
export declare function fail(what: unknown): Failure;

export type { Client };

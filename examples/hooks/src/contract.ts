// What bayeux-edge asks a hooks Worker, and what that may answer: docs/HOOKS.md in types.

export interface HooksRequest {
  version: 1;
  /** The object that asks: `/`, `/chat` … */
  home: string;
  calls: Call[];
}

export interface HooksResponse {
  /** As many as calls, in their order. */
  answers: Answer[];
  /** Of an application in the same Worker: what it wants to be asked. From a Worker that is bound it says nothing. */
  hooks?: Call['hook'][];
}

export type Call =
  | { hook: 'handshake'; client: Client; message: Message }
  | { hook: 'subscribe'; client: Client; channels: string[]; creates?: string[]; message: Message }
  | { hook: 'publish'; client: Client; channel: string; creates?: string[]; message: Message }
  | { hook: 'service'; client: Client; channel: string; message: Message }
  | { hook: 'event'; event: string; client: Client; why?: string; channel?: string; channels?: string[]; message?: Message; data?: unknown };

export interface Client {
  /** The name of its session, for actions and the server API. */
  client?: string;
  /** What was noted of the session. */
  attributes?: Record<string, unknown>;
  address?: string;
  local?: string;
  byApi?: boolean;
}

/** As the client sent it, without its clientId. */
export interface Message {
  channel: string;
  data?: unknown;
  ext?: Record<string, unknown>;
  [field: string]: unknown;
}

export type Answer = Decision | ServiceAnswer | { actions?: Action[] };

export interface Decision {
  allow: boolean;
  /** What the client reads of a denial: `403::members_only`. */
  error?: string;
  advice?: { reconnect: 'handshake' | 'none'; interval?: number };
  /** Of a denial: the reply's. Of a publish: in place of the message's. */
  ext?: Record<string, unknown> | null;
  /** Of a handshake: what is noted of the session. */
  attributes?: Record<string, unknown>;
  /** Of a publish: in place of what was sent. */
  data?: unknown;
  actions?: Action[];
}

export interface ServiceAnswer {
  replies?: unknown[];
  /** Of a remote call: what it comes to, or what a failed one says. Not both. */
  result?: unknown;
  failure?: unknown;
  error?: string;
  actions?: Action[];
}

export type Action =
  | { do: 'publish'; channel: string; data: unknown }
  | { do: 'push'; client: string; channel: string; data: unknown }
  | { do: 'set_attribute'; name: string; value: unknown }
  | { do: 'disconnect'; client?: string };

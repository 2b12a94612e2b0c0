import type { ReactElement, ReactNode } from 'react';
import type { Client, Member, Message, State, SubscribeOptions } from '../client/index.js';

type HookOptions = Omit<SubscribeOptions, 'signal'>;

/** Gives a client to all components below: `<BayeuxProvider client={client}>`. */
export declare function BayeuxProvider(props: { client: Client; children?: ReactNode }): ReactElement;

/** The client of the nearest provider. */
export declare function useClient(): Client;

export declare function useConnectionState(): State;

/**
 * Calls `listener` with each message of a channel or a pattern, while the component is there; `null` subscribes to
 * nothing. Returns the error, if the server refuses.
 */
export declare function useSubscription<Data = any>(pattern: string | null, listener: (message: Message<Data>) => void, options?: HookOptions): Error | null;

/** The latest messages of a channel or a pattern, the newest last: 100 without a `limit`. */
export declare function useMessages<Data = any>(pattern: string | null, options?: HookOptions & { limit?: number }): { messages: Message<Data>[]; error: Error | null };

/**
 * Who is in a channel that tells it, while the component is there; `null` watches nothing. `members` is null where
 * there are too many to be named, and until the server has told.
 */
export declare function usePresence<Info = any>(
  channel: string | null,
): { members: Member<Info>[] | null; count: number | null; error: Error | null };

// bayeux-edge/client for React: a client belongs to whoever made it; the hooks subscribe while their component is
// there.
import { createContext, createElement, useContext, useEffect, useRef, useState, useSyncExternalStore } from 'react';

const Context = createContext(null);

/** Gives a client to all components below. */
export const BayeuxProvider = ({ client, children }) => createElement(Context.Provider, { value: client }, children);

export function useClient() {
  const client = useContext(Context);
  if (client === null) throw new Error('a <BayeuxProvider client={…}> is missing above this component');
  return client;
}

/** 'connecting', 'connected', 'reconnecting' or 'closed'. */
export function useConnectionState() {
  const client = useClient();
  const state = () => client.state;
  return useSyncExternalStore((changed) => client.onState(changed), state, () => 'connecting');
}

/** Calls `listener` with each message of a channel or a pattern. Returns the error, if the server refuses. */
export function useSubscription(pattern, listener, options = {}) {
  const client = useClient();
  const [error, setError] = useState(null);
  const current = useRef(listener);
  useEffect(() => void (current.current = listener));
  const given = JSON.stringify(options);
  useEffect(() => {
    if (pattern === null) return undefined;
    let there = true;
    setError(null);
    const subscription = client.subscribe(pattern, (message) => current.current(message), JSON.parse(given));
    subscription.ready.catch((refused) => there && setError(refused));
    return () => {
      there = false;
      subscription.cancel();
    };
  }, [client, pattern, given]);
  return error;
}

/** The latest messages of a channel or a pattern, the newest last. */
export function useMessages(pattern, { limit = 100, ...options } = {}) {
  const [messages, setMessages] = useState([]);
  useEffect(() => setMessages([]), [pattern]);
  const error = useSubscription(pattern, (message) => setMessages((before) => [...before, message].slice(-limit)), options);
  return { messages, error };
}

const NOBODY = { members: null, count: null, error: null };

/** Who is in a channel, as `{ members, count, error }`. */
export function usePresence(channel) {
  const client = useClient();
  const [presence, setPresence] = useState(NOBODY);
  useEffect(() => {
    setPresence(NOBODY);
    if (channel === null) return undefined;
    let there = true;
    const watched = client.presence(channel, ({ members, count }) => setPresence({ members, count, error: null }));
    watched.ready.catch((error) => there && setPresence({ ...NOBODY, error }));
    return () => {
      there = false;
      watched.cancel();
    };
  }, [client, channel]);
  return presence;
}

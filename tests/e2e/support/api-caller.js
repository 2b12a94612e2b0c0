// A Worker that uses the server API through a service binding, as docs/API.md shows it. It passes on what it is asked.
export default {
  async fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    return env.BAYEUX.fetch(`https://bayeux/cometd/api${pathname}${search}`, {
      method: request.method,
      headers: { authorization: `Bearer ${env.BAYEUX_KEY}` },
      body: request.body,
    });
  },
};

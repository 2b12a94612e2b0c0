// A Worker beside the server that puts objects out of memory, as the platform may at any time.
//
// miniflare has a method for it, which blocks Node until the object is gone. workerd writes its log to Node meanwhile,
// and waits once the pipe is full: then each waits for the other for ever.
import unsafe from 'workerd:unsafe';

export default {
  /** `{ home, webSockets }`: the object's name, and whether its sockets `hibernate` or `close`. */
  async fetch(request, { TREES }) {
    const { home, webSockets } = await request.json();
    try {
      await unsafe.evict(TREES.get(TREES.idFromName(home)), { webSockets });
      return new Response(null, { status: 204 });
    } catch ({ message }) {
      return new Response(message, { status: 500 });
    }
  },
};

// partyserver as its documentation sets up a room whose sockets hibernate.
import { routePartykitRequest, Server } from 'partyserver';

export default {
  async fetch(request, env) {
    return (await routePartykitRequest(request, env)) ?? new Response('not found', { status: 404 });
  },
};

export class Room extends Server {
  static options = { hibernate: true };

  onMessage(connection, message) {
    this.broadcast(message);
  }
}

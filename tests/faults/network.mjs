// The network between clients and server: it forwards bytes, and breaks connections as it is told.
import { once } from 'node:events';
import net from 'node:net';
import { reset } from '../e2e/support/reset.mjs';

export class Network {
  #server;
  #target;
  #wires = new Set();

  static async open() {
    const network = new Network();
    network.#server = net.createServer({ noDelay: true }, (near) => network.#connect(near));
    network.#server.listen(0, '127.0.0.1');
    await once(network.#server, 'listening');
    network.url = `http://127.0.0.1:${network.#server.address().port}`;
    return network;
  }

  /** Connections from now on lead to this port; null: nobody is there. */
  leadTo(port) {
    this.#target = port;
  }

  /** The connections there are; `isSocket` tells a WebSocket's. */
  get wires() {
    return [...this.#wires];
  }

  /**
   * Cuts a connection at both ends, and what is on its way is lost: with a `reset` (RST), or as if it were `closed` in
   * order (FIN), after which the server may still write.
   */
  cut({ near, far }, how) {
    for (const end of [near, far]) {
      if (how === 'reset') reset(end);
      else end.destroy();
    }
  }

  /** For so many ms nobody reads what the server sends on a connection: buffers fill up. */
  stall({ near, far }, ms) {
    far.unpipe(near);
    setTimeout(() => far.pipe(near), ms).unref();
  }

  /**
   * Puts an object out of memory, as a deploy does. workerd waits for all that the object has in hand: so requests
   * break off here, but for those that the Worker holds and that `stay`, and nothing that clients send arrives
   * meanwhile. WebSockets `hibernate` and stay open, or `close`.
   */
  async evict(server, home, webSockets, { stay = false } = {}) {
    this.leadTo(null);
    if (!stay) for (const wire of this.wires) if (!wire.isSocket) this.cut(wire, 'reset');
    const held = this.wires;
    for (const { near, far } of held) near.unpipe(far);
    try {
      await server.evict(home, webSockets);
    } finally {
      for (const { near, far } of held) near.pipe(far);
      this.leadTo(server.port);
    }
  }

  close() {
    for (const { near, far } of this.#wires) [near, far].forEach((end) => end.destroy());
    this.#server.close();
  }

  #connect(near) {
    if (!this.#target) return near.destroy();
    const far = net.connect({ host: '127.0.0.1', port: this.#target, noDelay: true });
    const wire = { near, far, isSocket: false };
    this.#wires.add(wire);
    near.once('data', (bytes) => (wire.isSocket = /^upgrade: websocket/im.test(bytes.latin1Slice())));
    for (const [end, other] of [[near, far], [far, near]]) {
      end.pipe(other);
      end.on('error', () => {});
      end.on('close', () => {
        this.#wires.delete(wire);
        other.destroy();
      });
    }
  }
}

// Clients of servers that send what a frame brings to everyone in the room, without a protocol.
import { WebSocketClient } from '../websocket.mjs';

class PlainWebSocket {
  #load;
  #socket;

  constructor(load, path, role) {
    const { account, options } = load;
    this.#load = load;
    this.#socket = new WebSocketClient(options, path, {
      onText: role === 'sub' ? (bytes) => this.#receive(bytes) : () => {}, // partyserver's publishers are sent it, too
      onLost: (why) => account.fail(`ws ${why}`),
    });
  }

  open() {
    return this.#socket.connect();
  }

  async subscribe() {} // it is, by its role

  /** Nobody confirms it. */
  publish(done) {
    this.#socket.send(JSON.stringify(this.#load.account.message()));
    queueMicrotask(done);
  }

  async leave() {
    this.#socket.close();
  }

  #receive(bytes) {
    this.#load.account.answers += 1;
    this.#load.account.scan(bytes);
  }
}

const roomOf = ({ account, options }) => options.room || `bench${account.run}`;

/** The bare object's, bench/servers/bare. */
export class BareWebSocket extends PlainWebSocket {
  constructor(load, number, role) {
    super(load, `/ws?${new URLSearchParams({ room: roomOf(load), role })}`, role);
  }
}

/** partyserver's, bench/servers/partyserver. */
export class PartyWebSocket extends PlainWebSocket {
  constructor(load, number, role) {
    super(load, `/parties/room/${roomOf(load)}`, role);
  }
}

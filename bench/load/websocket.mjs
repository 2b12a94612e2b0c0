// A lean WebSocket client (RFC 6455): whole text frames over a bare socket. The protocol's own libraries and node's
// `WebSocket` cost several times as much CPU for a frame, and that would be taken from the server that is measured.
import { randomBytes } from 'node:crypto';
import { dial } from './dial.mjs';

const [CLOSE, PING, PONG, TEXT] = [8, 9, 10, 1];

export class WebSocketClient {
  #socket;
  #received = null; // the part of a frame, or of the opening's answer, that has come
  #open = null; // whoever waits for the opening
  #left = false;

  /**
   * `onText(bytes)` gets each frame's text, `onLost()` is told when the server, or the network, ends the connection.
   */
  constructor({ url, header }, path, { onText, onLost }) {
    this.url = url;
    this.header = header;
    this.path = path;
    this.onText = onText;
    this.onLost = onLost;
  }

  connect() {
    const opening = (this.#open = Promise.withResolvers());
    const socket = (this.#socket = dial(this.url));
    socket.on('connect', () => socket.write(this.#request()));
    socket.on('data', (bytes) => this.#receive(this.#received ? Buffer.concat([this.#received, bytes]) : bytes));
    socket.on('error', (error) => this.#lost(`socket ${error.code}`));
    socket.on('close', () => this.#lost('socket closed'));
    return opening.promise;
  }

  send(text) {
    this.#socket.write(frame(TEXT, text));
  }

  close() {
    this.#left = true;
    this.#socket?.destroy();
  }

  #request() {
    const key = randomBytes(16).toString('base64');
    const header = this.header ? `${this.header}\r\n` : '';
    return `GET ${this.path} HTTP/1.1\r\nHost: ${this.url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${header}\r\n`;
  }

  #receive(bytes) {
    const rest = this.#open ? this.#opened(bytes) : this.#frames(bytes);
    this.#received = rest.length > 0 ? rest : null;
  }

  /** Returns what is not read yet. */
  #opened(bytes) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return bytes;
    const status = bytes.latin1Slice(9, 12);
    if (status !== '101') {
      this.#lost(`upgrade http ${status}`);
      this.close();
      return bytes.subarray(bytes.length);
    }
    this.#open.resolve();
    this.#open = null;
    return this.#frames(bytes.subarray(end + 4));
  }

  #frames(bytes) {
    let at = 0;
    while (bytes.length - at >= 2 && !this.#left) {
      const short = bytes[at + 1]; // servers do not mask
      const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
      if (bytes.length < start) break;
      const end = start + (short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2)));
      if (bytes.length < end) break;
      this.#take(bytes[at] & 15, bytes.subarray(start, end));
      at = end;
    }
    return bytes.subarray(at);
  }

  #take(opcode, payload) {
    if (opcode === TEXT) this.onText(payload);
    else if (opcode === PING) this.#socket.write(frame(PONG, payload));
    else if (opcode === CLOSE) this.#lost(`close ${payload.length >= 2 ? payload.readUInt16BE(0) : ''}`);
  }

  #lost(why) {
    if (this.#left) return;
    this.#left = true;
    this.#socket.destroy();
    if (this.#open) this.#open.reject(new Error(why));
    else this.onLost(why);
  }
}

/** Masked, as a client's must be, with a key of zeros: the payload goes as it is. */
function frame(opcode, payload) {
  const length = Buffer.byteLength(payload);
  if (length >= 65536) throw new Error(`a frame of ${length} bytes: this client's are below 65,536`);
  const head = length < 126 ? 6 : 8;
  const bytes = Buffer.alloc(head + length);
  bytes[0] = 0x80 | opcode;
  bytes[1] = 0x80 | (length < 126 ? length : 126);
  if (length >= 126) bytes.writeUInt16BE(length, 2);
  if (typeof payload === 'string') bytes.write(payload, head);
  else payload.copy(bytes, head);
  return bytes;
}

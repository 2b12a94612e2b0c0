// A lean HTTP/1.1 client: one kept-alive socket, one request at a time. node:http costs several times as much CPU for
// an answer, and on a small machine that would be taken from the server that is measured.
import { dial } from './dial.mjs';

export class HttpClient {
  #socket;
  #received = null; // the part of an answer that has come
  #done = null; // whoever waits for it
  #head;

  /** `header`: one more for every request. */
  constructor({ url, header }) {
    this.url = url;
    this.#head = `HTTP/1.1\r\nHost: ${url.host}\r\n${header ? `${header}\r\n` : ''}`;
  }

  connect() {
    const { promise, resolve, reject } = Promise.withResolvers();
    const socket = dial(this.url);
    this.#socket = socket;
    socket.on('connect', resolve);
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.on('error', (error) => {
      reject(error);
      this.#lost(socket, `socket ${error.code}`);
    });
    socket.on('close', () => this.#lost(socket, 'socket closed'));
    return promise;
  }

  /** A request as bytes, to be sent any number of times. */
  get(path) {
    return Buffer.from(`GET ${path} ${this.#head}\r\n`);
  }

  post(path, json) {
    const body = JSON.stringify(json);
    const lines = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
    return Buffer.from(`POST ${path} ${this.#head}${lines}\r\n${body}`);
  }

  /**
   * Calls `done(status, body)` with the answer; the status is 0 when the socket is gone, and the body says why. A
   * socket that the server closed while nothing was asked (Node does after 5 s) is replaced first.
   */
  exchange(request, done) {
    this.#done = done;
    if (this.#socket.destroyed) this.connect().catch(() => {}); // a failure is told to `done`
    this.#socket.write(request);
  }

  request(request) {
    return new Promise((resolve) => this.exchange(request, (status, body) => resolve({ status, body })));
  }

  /** A pending exchange is not called back any more. */
  close() {
    this.#done = null;
    this.#socket?.destroy();
  }

  #receive(bytes) {
    const all = this.#received ? Buffer.concat([this.#received, bytes]) : bytes;
    const answer = parse(all);
    this.#received = answer ? null : all;
    if (answer) this.#answer(answer.status, answer.body);
  }

  #lost(socket, why) {
    if (socket !== this.#socket) return; // replaced already
    this.#received = null;
    this.#answer(0, Buffer.from(why));
  }

  #answer(status, body) {
    const done = this.#done;
    this.#done = null;
    done?.(status, body);
  }
}

/** The status and body of a complete answer, else null. */
function parse(bytes) {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const head = bytes.latin1Slice(0, end);
  const body = read(head, bytes, end + 4);
  return body && { status: Number(head.slice(9, 12)), body };
}

function read(head, bytes, start) {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length) {
    const end = start + Number(length[1]);
    return bytes.length < end ? null : bytes.subarray(start, end);
  }
  return /\r\ntransfer-encoding: *chunked/i.test(head) ? unchunk(bytes, start) : bytes.subarray(start);
}

function unchunk(bytes, start) {
  const chunks = [];
  for (let at = start; ; ) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return null;
    const length = parseInt(bytes.latin1Slice(at, line), 16);
    const end = line + 2 + length;
    if (bytes.length < end + 2) return null;
    if (length === 0) return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    chunks.push(bytes.subarray(line + 2, end));
    at = end + 2;
  }
}

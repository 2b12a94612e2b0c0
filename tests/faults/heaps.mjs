// The memory of a server in use after a garbage collection.
import { memory } from '../e2e/support/heap.mjs';

/** Bytes in use by all objects together: `wasm`, our own allocations, and `javaScript`. */
export async function heaps(server) {
  const { allocated } = await memory(server);
  const inspector = await V8.of(server);
  await inspector.call('HeapProfiler.collectGarbage');
  const { usedSize } = await inspector.call('Runtime.getHeapUsage');
  inspector.close();
  return { wasm: allocated, javaScript: usedSize };
}

/** V8's inspector (Chrome DevTools Protocol). */
class V8 {
  #calls = 0;
  #socket;

  static async of(server) {
    const targets = await (await fetch(new URL('/json', String(await server.inspector()).replace(/^ws/, 'http')))).json();
    const { webSocketDebuggerUrl } = targets.find(({ id }) => id.startsWith('core:user:'));
    const v8 = new V8();
    v8.#socket = new WebSocket(webSocketDebuggerUrl);
    await new Promise((resolve, reject) => Object.assign(v8.#socket, { onopen: resolve, onerror: reject }));
    return v8;
  }

  call(method) {
    const id = (this.#calls += 1);
    this.#socket.send(JSON.stringify({ id, method }));
    return new Promise((resolve, reject) => {
      const answered = ({ data }) => {
        const answer = JSON.parse(data);
        if (answer.id !== id) return;
        this.#socket.removeEventListener('message', answered);
        if (answer.error) reject(new Error(`${method}: ${answer.error.message}`));
        else resolve(answer.result);
      };
      this.#socket.addEventListener('message', answered);
    });
  }

  close = () => this.#socket.close();
}

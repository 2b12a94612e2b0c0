// A network between a client and a server that can be cut: connections break, as cables, phones and proxies make them.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after } from 'node:test';
import { reset } from './reset.mjs';

/**
 * A line to a port of this machine, for all tests of a file. `mishap({ up, bytes })` is asked about each piece that is
 * on its way, `up` to the server or down from it, and may answer with what befalls it: `{ arrives, end }`, the bytes
 * that still arrive, and how the connection ends then: 'reset' (RST), or 'finish' (FIN).
 */
export async function network(port, mishap = () => undefined) {
  const connections = new Set();
  const proxy = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    const ends = [near, far];
    connections.add(ends);
    for (const [from, to] of [ends, [far, near]]) {
      from.setNoDelay(true);
      from.on('error', () => {}); // its 'close' follows
      from.on('close', () => {
        connections.delete(ends);
        to.end();
      });
      from.on('data', (bytes) => {
        const { arrives = bytes.length, end } = mishap({ up: from === near, bytes }) ?? {};
        const finished = () => end && ends.forEach(ENDINGS[end]);
        if (to.writable && arrives > 0) to.write(bytes.subarray(0, arrives), finished);
        else finished();
      });
    }
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const line = {
    url: `http://127.0.0.1:${proxy.address().port}`,
    /** Breaks every connection there is; new ones can be made. How many there were. */
    cut() {
      const { size } = connections;
      for (const ends of connections) ends.forEach(ENDINGS.reset);
      return size;
    },
  };
  after(() => {
    proxy.close();
    line.cut();
  });
  return line;
}

const ENDINGS = {
  reset,
  // What comes from now on is read by nobody.
  finish: (end) => end.removeAllListeners('data').resume().end(),
};

// A plain Faye server from npm, set up as in its documentation.
import { createServer } from 'node:http';
import { after } from 'node:test';
import faye from 'faye';

/** `{ url, adapter, handshakes }`: the handshakes are those that came, as they came. */
export async function fayeServer() {
  const server = createServer();
  const adapter = new faye.NodeAdapter({ mount: '/faye', timeout: 5 });
  const handshakes = [];
  adapter.addExtension({
    incoming(message, callback) {
      if (message.channel === '/meta/handshake') handshakes.push(structuredClone(message));
      callback(message);
    },
  });
  adapter.attach(server);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  after(() => {
    adapter.close();
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}/faye`, adapter, handshakes };
}

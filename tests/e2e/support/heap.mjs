// The wasm heap of a fixture, which all objects share, and connections that are left behind.
import { connect } from 'node:net';
import { join } from './bayeux.mjs';
import { until } from './server.mjs';

/** `{ allocated, pages }`, of all objects together. It takes a session of its own, which ends with it. */
export async function memory({ url }) {
  const client = await join(`${url}/cometd`);
  const figures = await client.call('/service/memory');
  await client.ok(client.send({ channel: '/meta/disconnect' }));
  return figures;
}

/** The figures, once all sessions have expired: the last one to close is then that of the figures themselves. */
export async function settled(server) {
  await until(async () => {
    await memory(server);
    return JSON.parse(server.logs.at(-1).message).sessions === 0;
  }, 'there are sessions long after all must have expired', 30_000);
  return memory(server);
}

/** Sends a request on a connection of its own, and resolves with that. */
export function send({ port }, request) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', reject);
    socket.write(request, () => resolve(socket));
  });
}

/** Leaves: with a reset (RST), or in order (FIN). */
export function vanish(socket, reset) {
  return new Promise((resolve) => {
    socket.removeAllListeners('error').on('error', () => {}).once('close', resolve);
    if (reset) socket.resetAndDestroy();
    else socket.destroy();
  });
}

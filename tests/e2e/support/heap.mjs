// The wasm heap of a fixture, which all objects share, and connections that are left behind.
import { connect } from 'node:net';
import { join, post } from './bayeux.mjs';
import { until } from './server.mjs';

/** `{ allocated, pages }`, of all objects together. It takes a session of its own, which ends with it. */
export async function memory({ url }) {
  const client = await join(`${url}/cometd`);
  const figures = await client.call('/service/memory');
  await client.ok(client.send({ channel: '/meta/disconnect' }));
  return figures;
}

/** What work comes to for each, a hundred at a time: no request waits behind all others. */
export async function inGroups(items, work) {
  const done = [];
  while (done.length < items.length)
    done.push(...(await Promise.all(items.slice(done.length, done.length + 100).map((item, at) => work(item, done.length + at)))));
  return done;
}

/** Ends these sessions. */
export const disconnect = ({ url }, clientIds) =>
  inGroups(clientIds, (clientId) => post(`${url}/cometd`, [{ channel: '/meta/disconnect', clientId }]));

/** The figures, once all sessions have ended: the last one to close is then that of the figures themselves. */
export async function settled(server) {
  await until(async () => {
    await memory(server);
    // workerd itself may have a word in between, of a stream that broke off.
    const last = server.logs.findLast(({ message }) => message.startsWith('{'));
    return JSON.parse(last.message).sessions === 0;
  }, 'there are sessions long after all must have expired', 60_000);
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

// A TCP connection to the server that a URL names.
import net from 'node:net';

export const dial = ({ hostname, port }) =>
  net.connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || 80, noDelay: true });

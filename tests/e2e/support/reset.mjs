/**
 * Breaks a connection (RST). One whose end was announced already just closes: Node loses it where it is reset then, and
 * never comes to its own end (uv_tcp_close_reset refuses a handle that is shutting down).
 */
export function reset(socket) {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

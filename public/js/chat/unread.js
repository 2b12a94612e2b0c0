// The number of messages that came while the page was hidden, in its title.

/** Returns a function to call for each message. */
export function countUnread(room) {
  let unread = 0;
  const show = () => (document.title = `${unread > 0 ? `(${unread}) ` : ''}${room} · bayeux-edge`);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    unread = 0;
    show();
  });
  show();
  return () => {
    if (!document.hidden) return;
    unread += 1;
    show();
  };
}

// The text for each change of a connection.

export const told = ({ kind, reason, anew, replayed }) => {
  if (kind === 'lost') return `connection lost (${reason}); trying again…`;
  if (kind === 'missed') return `${reason}: some of the missed messages are no longer kept`;
  if (replayed) return 'connected again; the missed messages follow';
  return anew ? 'connected again, as a new session: messages in between are lost' : 'connected again; the session continues';
};

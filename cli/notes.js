// What becomes of a connection, in words.

export const told = ({ kind, reason, anew }) => {
  if (kind === 'lost') return `connection lost (${reason}); trying again…`;
  return anew ? 'connected again, as a new session: what came meanwhile is missed' : 'connected again; the session goes on';
};

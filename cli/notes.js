// What becomes of a connection, in words.

export const told = ({ kind, reason, anew, replayed }) => {
  if (kind === 'lost') return `connection lost (${reason}); trying again…`;
  if (kind === 'missed') return `${reason}: not all that came meanwhile is kept any more`;
  if (replayed) return 'connected again; what came meanwhile follows';
  return anew ? 'connected again, as a new session: what came meanwhile is missed' : 'connected again; the session goes on';
};

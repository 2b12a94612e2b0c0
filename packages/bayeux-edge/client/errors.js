/** The server said no: `error` is what it said, `403::members_only`, and `code` its number. */
export class Refused extends Error {
  constructor(error, prefix = '') {
    super(`${prefix}${error}`);
    this.name = 'Refused';
    this.error = error;
    this.code = Number(/^\d{3}(?=:)/.exec(error)?.[0] ?? 0);
  }
}

/** Nobody knows whether it arrived: it may help to send it again. */
export class Lost extends Error {
  name = 'Lost';
}

/** A remote call came to nothing: `data` is what the service says about it. */
export class Failed extends Error {
  constructor(name, data) {
    super(`${name}: ${typeof data === 'string' ? data : JSON.stringify(data)}`);
    this.name = 'Failed';
    this.data = data;
  }
}

/** RFC 6455, section 7.4.1. */
const TOO_BIG = 1009;

/** The error for a reply that is not successful. */
export function refusal({ error, failure }, prefix = '') {
  // A status of 4xx is about the request itself; anything else on the way, and an unknown session (402), pass.
  if (failure?.websocketCode === TOO_BIG) return new Refused('413::message_too_large', prefix);
  if (failure?.httpCode >= 400 && failure.httpCode < 500) return new Refused(`${failure.httpCode}::http`, prefix);
  if (failure) return new Lost(`${prefix}${failure.reason ?? 'no connection'}`);
  return error?.startsWith('402') ? new Lost(`${prefix}${error}`) : new Refused(error ?? 'the server refused without an error', prefix);
}

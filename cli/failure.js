// How a command ends.

/**
 * Exit statuses; `bayeux --help` and docs/CLI.md list them. A signal ends with 128 and its number, as shells have it.
 */
export const EXIT = { ok: 0, refused: 1, usage: 2, noConnection: 3 };

/** An error with a message for the user: printed on standard error without a stack trace. */
class Failure extends Error {
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The server refused. */
export class Refused extends Failure {
  constructor(message) {
    super(message, EXIT.refused);
  }
}

/** The command line is wrong. */
export class WrongUsage extends Failure {
  constructor(message) {
    super(message, EXIT.usage);
  }
}

/** There is no server, or its response did not arrive in time. */
export class NoConnection extends Failure {
  constructor(message) {
    super(message, EXIT.noConnection);
  }
}

/** What `promise` resolves with, unless that takes longer than `patience` (ms): then NoConnection, with `complaint`. */
export async function within(patience, promise, complaint) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new NoConnection(complaint)), Math.max(patience, 0));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

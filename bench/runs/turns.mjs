// Servers take turns, so that what changes on the machine meanwhile changes for all of them.

const BUSY = 0.25; // cores used by what is neither the server nor the generator
const TRIES = 4; // of one run, until the machine is quiet

/**
 * Runs `once(server)` for each server, `runs` rounds: `{ server: [result, …] }`. `hasty`: a busy machine is none of its
 * business.
 */
export async function inTurns(servers, runs, once, hasty = false) {
  const results = Object.fromEntries(servers.map((server) => [server, []]));
  for (let run = 1; run <= runs; run++) {
    for (const server of servers) results[server].push(await quiet(`${server} ${run}/${runs}`, () => once(server), hasty ? 1 : TRIES));
  }
  return results;
}

/** A run that other programs did not disturb; if there is none, the one they disturbed least. */
async function quiet(label, once, most) {
  let best;
  for (let tries = 1; tries <= most; tries++) {
    const result = await once();
    const busy = isBusy(result);
    console.error(`  ${label}: ${JSON.stringify(result)}${busy ? ' thrown away: the machine is busy' : ''}`);
    if (!best || result.otherCpu < best.otherCpu) best = result;
    if (!busy) return result;
  }
  console.error(`  ${label}: the machine stays busy; the least disturbed of ${most} runs counts`);
  return best;
}

/** A mode that does not read the CPU does not suffer from others either. */
export const isBusy = ({ otherCpu = 0 }) => otherCpu > BUSY;

// CPU and memory: of the server's processes, of this generator, and of everything else on the machine. From /proc:
// Linux.
import { readdirSync, readFileSync } from 'node:fs';

const TICKS = 100; // a second, on every Linux that Node runs on (USER_HZ)

export class Processes {
  #roots;
  #ballast;

  /** `ballast`: processes that slow the machine down on purpose. */
  constructor(pids, ballast = []) {
    this.#roots = pids;
    this.#ballast = ballast;
  }

  /** A moment, for `usage`. */
  snapshot() {
    return {
      at: performance.now(),
      server: cpuSeconds(this.#all()),
      machine: machineSeconds() - cpuSeconds(this.#ballast),
      generator: process.cpuUsage(),
      loop: performance.eventLoopUtilization(),
    };
  }

  /**
   * Cores in use between two moments: `srvCpu`, `genCpu`, and `otherCpu` for all else on the machine; `genLoop`: which
   * part of the time this generator's event loop was busy.
   */
  usage(from, to) {
    const seconds = (to.at - from.at) / 1000;
    const server = to.server - from.server;
    const generator = (to.generator.user - from.generator.user + to.generator.system - from.generator.system) / 1e6;
    const other = Math.max(0, to.machine - from.machine - server - generator);
    return {
      srvCpu: round(server / seconds),
      genCpu: round(generator / seconds),
      otherCpu: round(other / seconds),
      genLoop: round(performance.eventLoopUtilization(to.loop, from.loop).utilization),
    };
  }

  /** Resident memory: `{ kb, by }`, the sum and each process's MB under "name:pid". */
  memory() {
    let kb = 0;
    const by = {};
    for (const pid of this.#all()) {
      const status = read(`${pid}/status`) ?? '';
      const resident = Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1] ?? 0);
      kb += resident;
      by[`${/^Name:\s*(\S+)/m.exec(status)?.[1]}:${pid}`] = Number((resident / 1024).toFixed(1));
    }
    return { kb, by };
  }

  /** The given processes and all their descendants. */
  #all() {
    if (this.#roots.length === 0) return [];
    const children = Map.groupBy(
      readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number),
      (pid) => Number(stat(pid)?.[1]),
    );
    const found = [...this.#roots];
    for (const pid of found) found.push(...(children.get(pid) ?? []));
    return found;
  }
}

function cpuSeconds(pids) {
  let ticks = 0;
  for (const pid of pids) {
    const fields = stat(pid);
    if (fields) ticks += Number(fields[11]) + Number(fields[12]); // utime, stime
  }
  return ticks / TICKS;
}

/** /proc/PID/stat from the state on: the name before it may have spaces and brackets. */
function stat(pid) {
  const text = read(`${pid}/stat`);
  return text && text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function machineSeconds() {
  const [user, nice, system, , , interrupts, softInterrupts] = read('stat').split('\n', 1)[0].trim().split(/\s+/).slice(1).map(Number);
  return (user + nice + system + interrupts + softInterrupts) / TICKS;
}

/** A file of /proc, or null when its process has ended. */
function read(path) {
  try {
    return readFileSync(`/proc/${path}`, 'latin1');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return null;
    throw error;
  }
}

const round = (value) => Number(value.toFixed(2));

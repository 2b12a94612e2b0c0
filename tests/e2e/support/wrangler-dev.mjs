// `wrangler dev` as a developer starts it.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { guard } from '../../../scripts/lib/guard.mjs';
import { inPackage, node22, withNode22 } from '../../../scripts/lib/npm.mjs';
import { root } from '../../../scripts/lib/project.mjs';

/** A start takes seconds, and where nothing was built yet some minutes. */
const PATIENCE = 300_000; // ms

/** How long it may take to clean up after itself. */
const GRACE = 15_000; // ms

/**
 * Starts `wrangler dev` on a free port, with Workers as these configurations have them, the first one at the address.
 * What it keeps lands in `folder`, where those of the same folder also find each other's Workers.
 *
 * Resolves once it is ready, with `{ url, output(), stop() }`. Nothing of it is left after `stop`, nor after this
 * process.
 */
export async function wranglerDev(configs, folder) {
  const args = ['dev', ...configs.flatMap((config) => ['-c', config]), '--port', '0', '--inspector-port', '0', '--show-interactive-dev-session=false'];
  const child = spawn(node22(), [inPackage('wrangler', 'bin', 'wrangler.js'), ...args, '--persist-to', `${folder}/state`], {
    cwd: root,
    env: {
      ...withNode22(),
      WRANGLER_SEND_METRICS: 'false',
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      WRANGLER_REGISTRY_PATH: `${folder}/registry`,
      WRANGLER_LOG_PATH: `${folder}/logs`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group, with workerd and all else that it starts
  });
  const callOff = guard(-child.pid);
  let text = '';
  const ended = new Promise((resolve) => child.once('close', resolve));
  const ready = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (more) => {
        text += more;
        const line = /Ready on (http:\S+)/.exec(text);
        if (line) resolve(line[1]);
      });
    ended.then(() => reject(new Error(`wrangler dev ended: ${text}`)));
  });
  const stop = async () => {
    child.kill('SIGINT');
    await Promise.race([ended, sleep(GRACE, undefined, { ref: false })]);
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error; // as it should be: all of them have gone
    }
    await ended;
    callOff();
  };
  const late = sleep(PATIENCE, undefined, { ref: false }).then(() => Promise.reject(new Error(`wrangler dev is not ready: ${text}`)));
  try {
    return { url: await Promise.race([ready, late]), output: () => text, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

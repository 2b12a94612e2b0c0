// Debian's packages, where this is Debian and we may install.
import { capture, run, Problem } from './run.mjs';

let queue = Promise.resolve();

export const hasApt = async () => process.platform === 'linux' && (await capture('apt-get', ['--version'])).ok;

/** Installs packages, one call after the other: apt has one lock. `why` goes into the message if it cannot be. */
export function aptInstall(packages, why) {
  const turn = queue.then(() => install(packages, why));
  queue = turn.catch(() => {}); // the caller hears of it; the next one in the queue has its own try
  return turn;
}

async function install(packages, why) {
  const byHand = `install it by hand: apt-get install --no-install-recommends ${packages.join(' ')}`;
  const asRoot = await rootPrefix();
  if (!asRoot)
    throw new Problem(
      `${why} is missing, and installing it needs root (no password-less sudo here).\n  As root, ${byHand}`,
    );
  const apt = (...args) =>
    run(asRoot[0], [...asRoot.slice(1), ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  try {
    await apt('-qq', 'update');
    await apt(
      '-qq',
      '-o',
      'DPkg::Lock::Timeout=600',
      '-o',
      'Dpkg::Use-Pty=0',
      'install',
      '-y',
      '--no-install-recommends',
      ...packages,
    );
  } catch (error) {
    throw new Problem(
      `${why} is missing, and apt-get could not install it (its messages are above).\n  When that is mended, ${byHand}`,
    );
  }
}

async function rootPrefix() {
  if (process.getuid() === 0) return ['apt-get'];
  return (await capture('sudo', ['-n', 'true'])).ok ? ['sudo', '-n', 'apt-get'] : null;
}

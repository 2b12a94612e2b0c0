// A lock between processes: a file that only one can create, holding the number of the process that did.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export async function withLock(path, work) {
  await acquire(path);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function acquire(path) {
  for (;;) {
    try {
      return await writeFile(path, String(process.pid), { flag: 'wx' });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (await abandoned(path)) await rm(path, { force: true });
    else await sleep(200);
  }
}

/** Whether the holder has died without giving the lock back. */
async function abandoned(path) {
  let holder;
  try {
    holder = Number(await readFile(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return false; // given back meanwhile
    throw error;
  }
  if (!holder) return false; // just being written
  try {
    process.kill(holder, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

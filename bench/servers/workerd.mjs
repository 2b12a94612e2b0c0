// A Worker of a few lines on workerd itself, by a configuration of its own.
import { guard } from '../../scripts/lib/guard.mjs';
import { workerd } from '../../scripts/lib/npm.mjs';
import { exited, Problem, start } from '../../scripts/lib/run.mjs';

/** Starts what a config.capnp tells. `title` is what a Problem calls it. */
export async function startWorkerd(config, title) {
  // The control channel tells which port it got.
  const child = start(workerd(), ['serve', config, '--control-fd=3'], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
  const ended = exited(child);
  const callOff = guard(child.pid);
  const failed = ended.then(({ code, signal }) => {
    throw new Problem(`${title} did not start: workerd ended with ${signal ?? `exit status ${code}`}`);
  });
  const port = await Promise.race([listening(child.stdio[3]), failed]);
  return {
    url: `http://127.0.0.1:${port}/`,
    pid: child.pid,
    ended,
    async stop() {
      child.kill('SIGKILL'); // it keeps nothing, and waits for every held request on a SIGTERM
      await ended;
      callOff();
    },
  };
}

async function listening(control) {
  let text = '';
  for await (const chunk of control.setEncoding('utf8')) {
    text += chunk;
    for (const line of text.split('\n').slice(0, -1)) {
      const { event, port } = JSON.parse(line);
      if (event === 'listen') return port;
    }
  }
}

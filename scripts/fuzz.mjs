// npm run fuzz [-- TARGET…] [-- --seconds 60]: fuzzes what parses or decides, each target for so many seconds
// (libFuzzer, fuzz/).
//
// cargo-fuzz is not needed: these are its flags, without a sanitizer, as there is nothing unsafe in the core. They take
// the machine's own Rust, and a C++ compiler for libFuzzer itself.
import { mkdir, readdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { inRoot } from './lib/project.mjs';
import { capture, main, Problem, run } from './lib/run.mjs';

const FLAGS = [
  '--cfg fuzzing',
  '-Cpasses=sancov-module',
  ...['level=4', 'inline-8bit-counters', 'pc-table', 'trace-compares'].map((what) => `-Cllvm-args=-sanitizer-coverage-${what}`),
  '-Cdebug-assertions',
  '-Coverflow-checks',
];

/** The limits of time and memory for one input. */
const LIMITS = ['-timeout=10', '-rss_limit_mb=2048', '-max_len=4096'];

await main(async () => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { seconds: { type: 'string', default: '60' } } });
  const seconds = Number(values.seconds);
  if (!Number.isInteger(seconds) || seconds < 1) throw new Problem(`--seconds ${values.seconds}: a whole number`);
  const missing = await whatIsMissing();
  if (missing) return console.log(`Fuzzing is skipped: ${missing}.`);
  const all = (await readdir(inRoot('fuzz', 'fuzz_targets'))).map((name) => name.replace(/\.rs$/, '')).sort();
  const unknown = positionals.find((name) => !all.includes(name));
  if (unknown) throw new Problem(`no target ${unknown}: there are ${all.join(', ')}`);
  const host = /^host: (.+)$/m.exec((await capture('rustc', ['-vV'])).stdout)[1];
  const targetDir = inRoot('fuzz', 'target');
  await run('cargo', ['build', '--release', '--manifest-path', inRoot('fuzz', 'Cargo.toml'), '--target', host, '--target-dir', targetDir], {
    env: { ...process.env, RUSTFLAGS: FLAGS.join(' ') },
  });
  const names = positionals.length > 0 ? positionals : all;
  const each = Math.max(1, Math.floor(seconds / names.length));
  let found = 0;
  for (const name of names) {
    const artifacts = inRoot('fuzz', 'artifacts', name);
    const [fresh, kept] = [inRoot('fuzz', 'target', 'corpus', name), inRoot('fuzz', 'corpus', name)];
    for (const folder of [artifacts, fresh, kept]) await mkdir(folder, { recursive: true });
    const args = [...LIMITS, `-max_total_time=${each}`, `-artifact_prefix=${artifacts}/`, '-print_final_stats=1', `-dict=${inRoot('fuzz', 'words.dict')}`, fresh, kept];
    const { ok, stderr } = await capture(inRoot('fuzz', 'target', host, 'release', name), args);
    const executions = /stat::number_of_executed_units: +(\d+)/.exec(stderr)?.[1] ?? '?';
    console.log(`${name}: ${executions} executions in ${each} s${ok ? '' : `, and what it found is in ${artifacts}`}`);
    if (!ok) {
      found += 1;
      console.log(stderr.split('\n').slice(-60).join('\n'));
    }
  }
  if (found > 0) throw new Problem(`${found} of ${names.length} targets found something`);
});

/** What the machine lacks to build the targets, or nothing. */
async function whatIsMissing() {
  for (const tool of ['cargo', 'c++'])
    if (!(await capture(tool, ['--version'])).ok) return `there is no ${tool} here`;
  return undefined;
}

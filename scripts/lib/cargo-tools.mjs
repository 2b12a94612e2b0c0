// worker-build and wasm-bindgen, compiled from crates.io into .tools.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { aptInstall, hasApt } from './apt.mjs';
import { inRoot } from './project.mjs';
import { capture, Problem, run } from './run.mjs';
import { wasmToolchain } from './toolchain.mjs';
import { WASM_BINDGEN, WORKER_BUILD } from './versions.mjs';

const TOOLS = [`worker-build ${WORKER_BUILD}`, `wasm-bindgen-cli ${WASM_BINDGEN}`];

// They run for a second per build: compile them quickly rather than well.
const QUICK = {
  CARGO_PROFILE_RELEASE_OPT_LEVEL: '1',
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS: '16',
  CARGO_PROFILE_RELEASE_LTO: 'off',
  CARGO_PROFILE_RELEASE_DEBUG: '0',
};

/** Installs what `.tools/.crates.toml`, cargo's own record, does not list. */
export async function setUpCargoTools(step) {
  const record = inRoot('.tools', '.crates.toml');
  const installed = existsSync(record) ? await readFile(record, 'utf8') : '';
  const missing = TOOLS.filter((tool) => !installed.includes(`"${tool} `));
  if (missing.length === 0) return;
  await needLinker();
  const { cargo, env } = await wasmToolchain();
  const { RUSTFLAGS, ...forHost } = env;
  await step(`${missing.join(', ')} (no registry has them compiled: seven minutes on two quiet cores)`, () =>
    run(
      cargo,
      ['install', '--locked', '--quiet', '--root', inRoot('.tools'), ...missing.map((tool) => tool.replace(' ', '@'))],
      {
        env: { ...forHost, ...QUICK, CARGO_TARGET_DIR: inRoot('.tools', 'target') },
      },
    ),
  );
}

async function needLinker() {
  const packages = [];
  if (!(await capture('cc', ['--version'])).ok) packages.push('gcc', 'libc6-dev');
  // worker-build links the system's OpenSSL on Linux
  if (process.platform === 'linux' && !(await capture('pkg-config', ['--exists', 'openssl'])).ok)
    packages.push('pkg-config', 'libssl-dev');
  if (packages.length === 0) return;
  if (!(await hasApt()))
    throw new Problem(
      `To compile worker-build this machine needs a C compiler, pkg-config and OpenSSL's headers.\n  Debian calls them: gcc libc6-dev pkg-config libssl-dev`,
    );
  await aptInstall(packages, 'what worker-build is compiled with');
}

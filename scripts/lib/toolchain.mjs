// The Rust that builds for wasm32, with the standard library's source: a panic that unwinds needs a std built that way
// (`-Zbuild-std`, kept in target/). Two ways to have it, the same version either way:
//  1. rustup, where its server can be reached;
//  2. Debian's rustc-web and rust-web-src, where only the packages of a distribution can.
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { aptInstall, hasApt } from './apt.mjs';
import { esbuild, inPackage, withNode22 } from './npm.mjs';
import { inRoot } from './project.mjs';
import { capture, exited, Problem, start } from './run.mjs';
import { RUST } from './versions.mjs';

export const TARGET = 'wasm32-unknown-unknown';

const DEBIAN_PACKAGES = ['rustc-web', 'cargo-web', 'rust-web-src', 'rust-web-llvm', 'rust-web-clippy', 'lld-22'];

// How long rustup may take to say that it is downloading: past that its server counts as out of reach.
const RUSTUP_PATIENCE = 8000;

/** What another script needs to run this Rust: `cargo`, and the `env` to run it in. */
export async function wasmToolchain() {
  const bin = (await rustupBin()) ?? (await debianBin());
  if (!bin)
    throw new Problem(`Rust ${RUST} with the source of its standard library is not installed.\n  Run: npm run setup`);
  return {
    cargo: join(bin, 'cargo'),
    env: {
      ...withNode22(),
      PATH: [bin, inPackage('.bin'), process.env.PATH].join(delimiter),
      RUSTC: join(bin, 'rustc'),
      RUSTDOC: join(bin, 'rustdoc'),
      RUSTC_BOOTSTRAP: '1', // a stable compiler that takes -Z options, in place of a nightly that changes daily
      RUSTFLAGS: '-Cpanic=unwind',
      WASM_BINDGEN_USE_JS_SYS: '1', // as worker-build sets it: what is compiled once serves for both
      CARGO_TERM_PROGRESS_WHEN: 'never',
    },
  };
}

/** Options for cargo to build as worker-build does. */
export const buildStd = (...more) => ['--target', TARGET, `-Zbuild-std=${['std', 'panic_unwind', ...more].join()}`];

/**
 * The same for worker-build: it asks for `+nightly` and for what a nightly has; the shims answer in this Rust's name.
 */
export function forWorkerBuild({ cargo, env }) {
  const { RUSTFLAGS, ...rest } = env; // it sets its own, the same
  return {
    ...rest,
    PATH: [inRoot('scripts', 'shims'), env.PATH].join(delimiter),
    WASM_TOOLCHAIN_BIN: dirname(cargo),
    // What it would otherwise download.
    ESBUILD_BIN: esbuild(),
    WASM_OPT_BIN: inPackage('.bin', 'wasm-opt'),
    WASM_BINDGEN_BIN: inRoot('.tools', 'bin', 'wasm-bindgen'),
  };
}

/** Installs what is missing. */
export async function setUpToolchain(step) {
  if ((await rustupBin()) ?? (await debianBin())) return;
  if (await step(`Rust ${RUST} from rustup`, installFromRustup)) return;
  if (!(await hasApt())) {
    throw new Problem(
      `Rust ${RUST} with rust-src is missing; rustup (https://rustup.rs) could not install it, and this is no Debian.\n` +
        `  Install it where its server can be reached: rustup toolchain install ${RUST} --component rust-src --component clippy`,
    );
  }
  await step(`Rust ${RUST} from Debian (rustc-web)`, () => aptInstall(DEBIAN_PACKAGES, `Rust ${RUST} for wasm32`));
  if (await debianBin()) return;
  const { stdout } = await capture('/usr/bin/rustc', ['--version']);
  throw new Problem(
    `Debian's rustc-web is ${stdout.trim() || 'not to be had'}; this needs ${RUST}.\n  Install rustup from https://rustup.rs`,
  );
}

async function rustupBin() {
  // RUSTUP_AUTO_INSTALL: asking must not start a download
  const { ok, stdout } = await capture('rustup', ['run', RUST, 'rustc', '--print', 'sysroot'], {
    env: { ...process.env, RUSTUP_AUTO_INSTALL: '0' },
  });
  return ok && hasSource(stdout.trim()) ? join(stdout.trim(), 'bin') : null;
}

async function debianBin() {
  const { ok, stdout } = await capture('/usr/bin/rustc', ['--version']);
  const complete =
    ['/usr/bin/cargo', '/usr/bin/rust-lld', '/usr/bin/cargo-clippy'].every(existsSync) && hasSource('/usr');
  return ok && complete && stdout.startsWith(`rustc ${RUST} `) ? '/usr/bin' : null;
}

const hasSource = (sysroot) => existsSync(join(sysroot, 'lib/rustlib/src/rust/library/Cargo.lock'));

/** True when rustup installed it; false, soon and in one line, when there is no rustup or no way to its server. */
async function installFromRustup() {
  const args = [
    'toolchain',
    'install',
    RUST,
    '--profile',
    'minimal',
    '--no-self-update',
    '--component',
    'rust-src',
    '--component',
    'clippy',
  ];
  const child = start('rustup', args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, RUSTUP_MAX_RETRIES: '0' },
  });
  const impatience = setTimeout(() => child.kill(), RUSTUP_PATIENCE);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
    if (said.includes('downloading')) clearTimeout(impatience);
  });
  try {
    const { code } = await exited(child);
    if (code === 0) return true;
    console.log(
      `  rustup could not: ${/^error: .*/m.exec(said)?.[0] ?? `nothing heard of its server within ${RUSTUP_PATIENCE / 1000} s`}`,
    );
  } catch {
    console.log('  no rustup on this machine');
  } finally {
    clearTimeout(impatience);
  }
  return false;
}

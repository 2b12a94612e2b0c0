// npm run audit: checks whether npm's and Rust's advisories name a package of this project. If a registry cannot be
// reached, the script says so and does not fail.
import { inRoot } from './lib/project.mjs';
import { capture, main, Problem } from './lib/run.mjs';

/**
 * The output of npm and cargo-audit when an advisory concerns us. Any other failure is a registry that does not answer.
 */
const FOUND = { npm: /\d+ (?:low|moderate|high|critical) severity vulnerabilit|\d+ vulnerabilities/, cargo: /\d+ vulnerabilit(?:y|ies) found/ };

await main(async () => {
  const found = [];
  const npm = await capture('npm', ['audit', '--omit=dev', '--audit-level=moderate']);
  tell('npm audit', npm, FOUND.npm, found);
  for (const lock of ['Cargo.lock', 'fuzz/Cargo.lock']) {
    const cargo = await capture('cargo', ['audit', '--file', inRoot(lock)]);
    tell(`cargo audit, ${lock}`, cargo, FOUND.cargo, found);
  }
  if (found.length > 0) throw new Problem(`advisories name what is used here: ${found.join(', ')}`);
});

function tell(name, { ok, stdout, stderr }, advisories, found) {
  const output = `${stdout}\n${stderr}`;
  if (ok) return console.log(`${name}: nothing is known against what is used here`);
  if (advisories.test(output)) {
    found.push(name);
    return console.log(output);
  }
  const reason = /(?:npm warn audit|error:) ?(.+)/.exec(output)?.[1] ?? 'no answer';
  console.log(`${name}: skipped, ${reason.trim()}`);
}

// Chromium, for the tests that drive the pages in a real browser.
import { existsSync } from 'node:fs';
import { aptInstall, hasApt } from './apt.mjs';
import { inPackage } from './npm.mjs';
import { Problem, run } from './run.mjs';

const INSTALLED = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** The path of a browser, or null. The end-to-end tests pass it to playwright-core as `executablePath`. */
export async function chromium() {
  const installed = INSTALLED.find(existsSync);
  if (installed) return installed;
  const { chromium: playwright } = await import('playwright-core');
  return existsSync(playwright.executablePath()) ? playwright.executablePath() : null;
}

export async function setUpBrowser(step) {
  if (await chromium()) return;
  await step('Chromium', install);
  if (!(await chromium()))
    throw new Problem(
      'No Chromium or Chrome for the browser tests.\n  Install one so that it is at one of: ' + INSTALLED.join(', '),
    );
}

async function install() {
  if (await hasApt()) return aptInstall(['chromium'], 'Chromium');
  return run(process.execPath, [inPackage('playwright-core', 'cli.js'), 'install', 'chromium']);
}

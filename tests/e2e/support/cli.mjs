// The command-line client as a user runs it, and its output.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { afterEach } from 'node:test';
import { inRoot } from '../../../scripts/lib/project.mjs';
import { until } from './server.mjs';

/** Of a command: a start of Node, a handshake, and a server that starts again. */
const PATIENCE = 30_000; // ms

const running = new Set();
afterEach(() => running.forEach((command) => command.child.kill('SIGKILL')));

/** Starts `bayeux ARGS…`; its standard input stays open unless `input` is all of it. `program` is the clone's. */
export const bayeux = (args, options) => new Command(args, options);

/** Runs it to its end: `{ code, stdout, stderr }`. */
export async function ran(args, options = {}) {
  const command = bayeux(args, { input: '', ...options });
  const code = await command.ends();
  return { code, stdout: command.stdout, stderr: command.stderr };
}

class Command {
  stdout = '';
  stderr = '';
  #closed;

  constructor(args, { input, env = {}, program = inRoot('cli', 'bayeux.js') } = {}) {
    this.child = spawn(process.execPath, [program, ...args], { env: { ...process.env, ...env } });
    this.child.stdout.setEncoding('utf8').on('data', (text) => (this.stdout += text));
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
    this.child.stdin.on('error', () => {}); // it has ended without having read all
    if (input !== undefined) this.child.stdin.end(input);
    running.add(this);
    this.#closed = new Promise((resolve) => this.child.once('close', (code, signal) => resolve(code ?? signal)));
    this.#closed.then(() => running.delete(this));
  }

  /** Types a line. */
  type(line) {
    this.child.stdin.write(`${line}\n`);
  }

  /** Resolves with the exit status. */
  async ends() {
    let code;
    this.#closed.then((value) => (code = { value }));
    await until(() => code, () => `it goes on: ${this.stderr}`, PATIENCE);
    return code.value;
  }

  /** Waits until standard output has this text. */
  writes = (text) => until(() => this.stdout.includes(text), () => `no "${text}" in: ${this.stdout}\n${this.stderr}`, PATIENCE);

  /** Waits until standard error has this text. */
  notes = (text) => until(() => this.stderr.includes(text), () => `no "${text}" in: ${this.stderr}`, PATIENCE);

  /** The objects written so far. */
  get objects() {
    return this.stdout.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }
}

/** Asserts how a command ended, with what it said if it did not. */
export function ended({ code, stderr }, expected, complaint) {
  assert.equal(code, expected, stderr);
  if (complaint) assert.match(stderr, complaint);
}

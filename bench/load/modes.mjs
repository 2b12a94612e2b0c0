// The kinds of load. Each takes `{ options, account, processes, Client }` and returns what it read.
import { setTimeout as sleep } from 'node:timers/promises';
import { bringUp, listeners, Publishers, sayGoodbye } from './crowd.mjs';

const CALM = 500; // ms after the last client came up
const STALL = 5000; // ms; in `sat`, a message that is this old is given up
const LATE = 5000; // ms that `rate` waits at its end for what has not come yet
const IDLE = 3000; // ms over which `idle` reads the CPU

export const MODES = { setup, idle, sat, rate };

/** How many clients a second come up. */
async function setup(load) {
  const { processes } = load;
  const before = processes.snapshot();
  const { subscribers, seconds } = await bringUp(load);
  const usage = processes.usage(before, processes.snapshot());
  await sayGoodbye(subscribers);
  const up = subscribers.length;
  return { up, secs: Number(seconds.toFixed(2)), perSec: Math.round(up / seconds), ...usage };
}

/** What clients cost that only wait. */
async function idle(load) {
  const { account, options, processes } = load;
  const memory0 = processes.memory();
  const { subscribers } = await bringUp(load);
  await sleep(options.settle * 1000);
  const memory1 = processes.memory();
  const [errors, before] = [account.errors, processes.snapshot()];
  await sleep(IDLE);
  const { srvCpu } = processes.usage(before, processes.snapshot());
  const dropped = account.errors - errors;
  await sayGoodbye(subscribers);
  return {
    up: subscribers.length,
    rss0MB: megabytes(memory0, 1),
    rss1MB: megabytes(memory1, 1),
    kbPerClient: Number(((memory1.kb - memory0.kb) / subscribers.length).toFixed(2)),
    by0: memory0.by,
    by: memory1.by,
    idleSrvCpu: srvCpu,
    dropped,
  };
}

/**
 * Closed loop: `window` messages in flight, the next one only when one has reached everybody. Never overruns the
 * server.
 */
function sat(load) {
  const { account, options } = load;
  return flow(load, options.window, (publishers, subscribers) => {
    const missing = new Map(); // by message in flight, the oldest first: deliveries still to come
    let stopped = false;
    const fill = () => {
      while (!stopped && missing.size < options.window && publishers.publish()) missing.set(account.published, subscribers);
    };
    account.onDelivery = (number) => {
      const left = missing.get(number) - 1;
      if (left > 0) missing.set(number, left);
      else if (missing.delete(number)) fill();
    };
    publishers.onFree = fill;

    // A delivery that was lost would stop the loop.
    let oldest;
    const guard = setInterval(() => {
      const [number] = missing.keys();
      if (number !== undefined && number === oldest) {
        account.fail(`window stall: message short of ${missing.get(number)} deliveries`);
        missing.delete(number);
        fill();
      }
      oldest = number;
    }, STALL);

    fill();
    return {
      stop() {
        stopped = true;
        clearInterval(guard);
      },
      read: ({ published, received, answers, seconds }) => ({
        window: options.window,
        trees: options.trees,
        delivPerSec: Math.round(received / seconds),
        pubPerSec: Number((published / seconds).toFixed(1)),
        respPerSec: Math.round(answers / seconds),
        ...account.percentiles({ p50: 0.5, p99: 0.99 }),
      }),
    };
  });
}

/** Open loop: `rate` publishes a second, whatever becomes of them. */
function rate(load) {
  const { account, options } = load;
  return flow(load, options.pubs, (publishers, subscribers) => {
    const started = performance.now();
    const step = 1000 / options.rate;
    let due = 0;
    let skipped = 0;
    let timer;
    const tick = () => {
      for (const now = performance.now(); started + due * step <= now; due++) if (!publishers.publish()) skipped += 1;
      timer = setTimeout(tick, started + due * step - performance.now());
    };
    tick();
    return {
      async stop() {
        clearTimeout(timer);
        const deadline = performance.now() + LATE;
        while (account.received < account.published * subscribers && performance.now() < deadline) await sleep(50);
      },
      read: ({ received, seconds }) => ({
        rate: options.rate,
        offered: options.rate * subscribers,
        delivPerSec: Math.round(received / seconds),
        lost: account.published * subscribers - account.received,
        skipped,
        ...account.percentiles({ p50: 0.5, p90: 0.9, p99: 0.99, max: 1 }),
      }),
    };
  });
}

/**
 * The course of `sat` and `rate`: everybody comes up, `start(publishers, subscribers)` sets the flow going, and after
 * the warm-up what happens within `secs` is measured.
 */
async function flow(load, publisherCount, start) {
  const { account, options, processes } = load;
  const { subscribers, seconds: bringUpSeconds } = await bringUp(load);
  const publishers = new Publishers();
  await publishers.open(load, publisherCount);
  await sleep(CALM);

  const { stop, read } = start(publishers, listeners(subscribers, options));
  await sleep(options.warm * 1000);
  const [before, counted] = [processes.snapshot(), counts(account)];
  account.measure();
  await sleep(options.secs * 1000);
  const [after, now] = [processes.snapshot(), counts(account)];
  await stop();

  const result = {
    up: subscribers.length,
    upPerSec: Math.round(subscribers.length / bringUpSeconds),
    ...read({
      published: now.published - counted.published,
      received: now.received - counted.received,
      answers: now.answers - counted.answers,
      seconds: (after.at - before.at) / 1000,
    }),
    ...processes.usage(before, after),
    rssMB: megabytes(processes.memory(), 0),
  };
  await sayGoodbye([...subscribers, ...publishers.clients]);
  return result;
}

const counts = ({ published, received, answers }) => ({ published, received, answers });

const megabytes = ({ kb }, digits) => Number((kb / 1024).toFixed(digits));

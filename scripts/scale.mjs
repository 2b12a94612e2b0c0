// node scripts/scale.mjs: calculates the sums of docs/SCALE.md from the figures in bench/scale.json, and checks that
// the page, README.md and docs/COMPARISON.md say the same.
import { readFile } from 'node:fs/promises';
import { inRoot, readJson } from './lib/project.mjs';
import { main, Problem } from './lib/run.mjs';

const { load, prices, measured, limits, layout } = await readJson(inRoot('bench', 'scale.json'));

const month = load.daysOfMonth * 86_400; // s
const paid = ({ aMillion, included }, count) => (Math.max(0, count - included) / 1e6) * aMillion;
const gigabyteSeconds = (seconds) => seconds * prices.gigabytesOfObject;
const awake = (seconds) => paid(prices.gigabyteSeconds, gigabyteSeconds(seconds));

const rooms = load.clients / load.room;
const trees = rooms / layout.roomsOfTree;
const messages = (load.clients / load.secondsBetweenMessages) * month;
const sessions = (load.clients * month) / (load.sessionHours * 3600);
const frames = messages + sessions * load.framesOfSession;
const socketRequests = sessions + frames / prices.framesOfRequest;
const sessionRows = sessions * load.rowsOfSession;
/** An alarm an hour. */
const alarms = (objects) => objects * load.daysOfMonth * 24;
/** One to the owner, one to each home of the others, and one after half a second without messages. */
const callsOfMessage = 1 + (load.room - 1) + 1;

/** A row of the bill: the counted requests and their costs in dollars. */
function bill({ requests, worker = sessions, seconds, rows }) {
  const parts = { requests: paid(prices.objectRequests, requests), worker: paid(prices.workerRequests, worker), awake: awake(seconds), rows: paid(prices.rows, rows) };
  return { ...parts, all: prices.plan + Object.values(parts).reduce((sum, part) => sum + part), counted: requests };
}

const atRooms = bill({ requests: socketRequests + alarms(rooms), seconds: messages * measured.secondsOfMessage, rows: sessionRows + alarms(rooms) });
const atTrees = bill({ requests: socketRequests + alarms(trees), seconds: messages * measured.secondsOfMessage, rows: sessionRows + alarms(trees) });
const pollRequests = messages * (load.room + 1) + sessions * load.framesOfSession;
const polls = bill({ requests: pollRequests, worker: pollRequests, seconds: trees * month, rows: sessionRows });
const shardedRequests = socketRequests + messages * callsOfMessage;
const shardSeconds = layout.shards * month * layout.shardBusy;
const sharded = bill({ requests: shardedRequests, seconds: trees * month + shardSeconds, rows: sessionRows });
/** The share of the time between two messages of a room that its owner is awake. */
const roomAwake = layout.ownerAwakeAfterEvent / (load.secondsBetweenMessages / load.room);
const shardedRooms = bill({ requests: shardedRequests, seconds: rooms * month * roomAwake + shardSeconds, rows: sessionRows });

const broadcastCalls = layout.broadcastHomes * month;
const broadcastAwake = awake(layout.broadcastHomes * month * layout.broadcastBusy);
const broadcast =
  paid(prices.objectRequests, sessions + (sessions * load.framesOfSession) / prices.framesOfRequest) +
  (broadcastCalls / 1e6) * prices.objectRequests.aMillion + paid(prices.workerRequests, sessions) + broadcastAwake + paid(prices.rows, sessionRows) + prices.plan;

const beats = month / layout.quietSeconds;
const beatOfSocket = (beats / prices.framesOfRequest / 1e6) * prices.objectRequests.aMillion;
const beatOfObject = { row: (beats / 1e6) * prices.rows.aMillion, awake: (gigabyteSeconds(beats) / 1e6) * prices.gigabyteSeconds.aMillion };
const quiet = (objects) => objects * (beatOfObject.row + beatOfObject.awake);

/** How often an owner asks the members' homes who is there; the owner and each home are then awake for a second. */
const asks = month / layout.presenceSeconds;
const askedAwake = (gigabyteSeconds(asks) / 1e6) * prices.gigabyteSeconds.aMillion;
const askedOwner = (asks / 1e6) * prices.rows.aMillion + askedAwake;
const askedHome = (asks / 1e6) * prices.objectRequests.aMillion + askedAwake;

/** Rounds to `digits` significant digits: 71,460 is 71,000. */
const dollars = (sum, digits) => `$${Number(sum.toPrecision(digits)).toLocaleString('en-US', { maximumFractionDigits: 4 })}`;
const whole = (number, digits) => Number(number.toPrecision(digits)).toLocaleString('en-US');
const billions = (number) => `${Number((number / 1e9).toPrecision(number < 1e10 ? 2 : 3))} × 10⁹`;

/** A row of the bill as the page has it; `digits` gives each column's significant digits. */
const row = (name, objects, { counted, requests, worker, awake, rows, all }, digits) =>
  `| ${name} | ${objects.toLocaleString('en-US')} | ${billions(counted)} | ${[requests, worker, awake, rows].map((sum, column) => dollars(sum, digits[column])).join(' | ')} | **${dollars(all, digits[4])}** |`;

const SAID = {
  'docs/SCALE.md': [
    `| messages | ${whole(messages / month, 3)} | ${billions(messages)} |`,
    `| deliveries | ${whole((messages * load.room) / month, 3)} | ${billions(messages * load.room)} |`,
    row('at the tree, sockets: `/cometd/<room>`', rooms, atRooms, [3, 2, 2, 3, 2]),
    row('at the tree, sockets, 100 rooms to a tree: `/cometd/<tree>`, `/<tree>/<room>`', trees, atTrees, [3, 2, 2, 3, 2]),
    row('the same by long-polling', trees, polls, [2, 3, 2, 2, 3]),
    row('`HOMES = "sharded:512"`, sockets, 100 rooms to a tree', trees + layout.shards, sharded, [2, 2, 1, 2, 2]),
    row('`HOMES = "sharded:512"`, sockets, a tree for each room', rooms + layout.shards, shardedRooms, [2, 2, 2, 2, 3]),
    `costs ${dollars((gigabyteSeconds(month) / 1e6) * prices.gigabyteSeconds.aMillion, 3)} a month**`,
    `${Math.round(messages / month / layout.shards)} frames and ${whole((messages * load.room) / month / layout.shards, 2)} calls a second`,
    `these would be ${whole((messages * (load.room + 1)) / month / layout.broadcastHomes, 3)}`,
    `${whole((limits.requestsASecond * load.secondsBetweenMessages), 2)} clients that publish once a minute`,
    `| connects of a socket | ${whole(beats, 6)}, as ${whole(beats / prices.framesOfRequest, 6)} requests | ${dollars(beatOfSocket, 1)} a socket |`,
    `| alarms of an object | ${whole(beats, 6)} rows | ${dollars(beatOfObject.row, 2)} an object |`,
    `| ${whole(beats, 6)} s | ${dollars(beatOfObject.awake, 2)} an object |`,
    `in 1,000 trees that is ${dollars(load.clients * beatOfSocket, 2)} and ${dollars(quiet(trees), 3)} on top of ${dollars(atTrees.all, 2)}; in 100,000 objects it is ${dollars(load.clients * beatOfSocket + quiet(rooms), 2)} on top of ${dollars(atRooms.all, 2)}`,
    `${Math.round(broadcastCalls / 1e6)} × 10⁶ calls a month, ${dollars((broadcastCalls / 1e6) * prices.objectRequests.aMillion, 2)}.`,
    `month are ${dollars(broadcastAwake, 3)}.`,
    `**${dollars(broadcast, 2)} a month**`,
    `${whole(asks, 5)} times a month, ${dollars(askedOwner, 1)} an owner and ${dollars(askedHome, 1)} for each home`,
    `that is ${Math.floor((messages * 2) / 1e9)} × 10⁹ rows, ${dollars((messages * 2 / 1e6) * prices.rows.aMillion, 2)} a month`,
  ],
  'README.md': [`a million clients cost about ${dollars(atRooms.all, 2)} a month`, `${dollars(polls.all, 3)} a month, and ${dollars(atTrees.all, 2)} over WebSocket`],
  'docs/COMPARISON.md': [`${dollars(polls.all, 3)} a month for what costs ${dollars(atTrees.all, 2)} over WebSocket`],
};

await main(async () => {
  const wrong = [];
  for (const [page, sums] of Object.entries(SAID)) {
    const text = (await readFile(inRoot(page), 'utf8')).replace(/\s+/g, ' ');
    for (const sum of sums) if (!text.includes(sum)) wrong.push(`${page} does not say: ${sum}`);
  }
  if (wrong.length > 0) throw new Problem(wrong.join('\n  '));
  console.log(`${Object.values(SAID).flat().length} sums of docs/SCALE.md are those of bench/scale.json`);
});

// How many rows of an object's SQLite are written, as its triggers count them.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const TABLES = ['session', 'event', 'delivery', 'note', 'history', 'latest'];
const FOLDER = ['v3', 'do', 'bayeux-edge-ChannelTree'];

/**
 * Has every row counted that is written from now on. The server must not run, and the tables of its objects must be
 * there.
 */
export const countRows = (persistTo) =>
  ofObjects(persistTo, {}, (database) => {
    database.exec('CREATE TABLE counted (what TEXT PRIMARY KEY, rows INTEGER NOT NULL)');
    for (const table of TABLES) {
      database.exec(`INSERT INTO counted VALUES ('${table}', 0)`);
      for (const what of ['INSERT', 'UPDATE', 'DELETE'])
        database.exec(
          `CREATE TRIGGER count_${table}_${what} AFTER ${what} ON ${table} BEGIN UPDATE counted SET rows = rows + 1 WHERE what = '${table}'; END`,
        );
    }
  });

/** By table, how many rows were inserted, changed or deleted in all objects. */
export async function countedRows(persistTo) {
  const counted = await ofObjects(persistTo, { readOnly: true }, (database) => database.prepare('SELECT what, rows FROM counted').all());
  const total = (table) => counted.flat().filter(({ what }) => what === table).reduce((sum, { rows }) => sum + rows, 0);
  return Object.fromEntries(TABLES.map((table) => [table, total(table)]));
}

/** What `work` finds in the SQLite of each object that keeps something. Another file has the alarms. */
async function ofObjects(persistTo, options, work) {
  const folder = join(persistTo, ...FOLDER);
  const found = [];
  for (const name of (await readdir(folder)).filter((name) => name.endsWith('.sqlite'))) {
    const database = new DatabaseSync(join(folder, name), { ...options, timeout: 5000 });
    try {
      if (database.prepare("SELECT name FROM sqlite_master WHERE name = 'session'").get()) found.push(work(database));
    } finally {
      database.close();
    }
  }
  return found;
}

// How many rows of an object's SQLite are written, as its triggers count them.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const TABLES = ['session', 'event', 'delivery', 'note'];
const FOLDER = ['v3', 'do', 'bayeux-edge-ChannelTree'];

/** Has every row counted that is written from now on. The server must not run, and its tables must be there. */
export const countRows = (persistTo) =>
  withObject(persistTo, {}, (database) => {
    database.exec('CREATE TABLE counted (what TEXT PRIMARY KEY, rows INTEGER NOT NULL)');
    for (const table of TABLES) {
      database.exec(`INSERT INTO counted VALUES ('${table}', 0)`);
      for (const what of ['INSERT', 'UPDATE', 'DELETE'])
        database.exec(
          `CREATE TRIGGER count_${table}_${what} AFTER ${what} ON ${table} BEGIN UPDATE counted SET rows = rows + 1 WHERE what = '${table}'; END`,
        );
    }
  });

/** By table, how many rows were inserted, changed or deleted. */
export const countedRows = (persistTo) =>
  withObject(persistTo, { readOnly: true }, (database) =>
    Object.fromEntries(database.prepare('SELECT what, rows FROM counted').all().map(({ what, rows }) => [what, rows])),
  );

/** With the only object's SQLite; a second file has the alarms. */
async function withObject(persistTo, options, work) {
  const folder = join(persistTo, ...FOLDER);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sqlite')).sort();
  const database = new DatabaseSync(join(folder, files[0]), { ...options, timeout: 5000 });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

// Where things are in this clone.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A path inside the clone. */
export const inRoot = (...parts) => join(root, ...parts);

export const readJson = async (path) => JSON.parse(await readFile(path, 'utf8'));

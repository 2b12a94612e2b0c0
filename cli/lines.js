// A stream as lines, together what came together.
import { Refused } from './failure.js';

/**
 * What one line may have, in UTF-16 units; no server takes more, and a file without line ends must not fill the memory.
 */
const MAX_LINE = 16 * 1024 * 1024;

/** Arrays of lines, without their ends. */
export async function* linesOf(stream) {
  let rest = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    if (rest.length > MAX_LINE) throw new Refused('a line of standard input is too long');
    if (lines.length > 0) yield lines.map((line) => line.replace(/\r$/, ''));
  }
  if (rest !== '') yield [rest];
}

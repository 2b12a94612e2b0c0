// The results as a Markdown table: a line for each figure, with medians, ratios, goals and the command that gives it.
import { isBusy } from './turns.mjs';

/** The ratios alone, a line for each figure. */
export function ratios({ measures, servers, results }) {
  const lines = measures.flatMap(([name, measure]) =>
    measure.figures.map((figure) => {
      const median = Object.fromEntries(Object.entries(results[name]).map(([server, runs]) => [server, medianOf(runs.map(figure.read))]));
      const goals = figure.goals.map((goal) => judge(goal, figure.ours ?? 'bayeux-edge', median, servers, results[name]));
      return `${measure.heading}: ${figure.title}: ${goals.join('; ')}`;
    }),
  );
  return lines.join('\n');
}

export function table({ suite, measures, servers, results, runs, secs, slow = 0 }) {
  const columns = Object.keys(servers).filter((server) => measures.some(([, measure]) => measure.servers.includes(server)));
  const lines = [
    row(['figure', ...columns.map((server) => servers[server].title), 'ratio or goal', 'command']),
    row(['---', ...columns.map(() => '---:'), '---', '---']),
  ];
  const notes = [];
  for (const [name, measure] of measures) {
    const command = `\`npm run bench -- ${suite} --only ${name} --runs ${runs} --secs ${secs}${slow ? ` --slow ${slow}` : ''}\``;
    for (const figure of measure.figures) {
      const values = columns.map((server) => results[name][server]?.map(figure.read));
      const median = Object.fromEntries(columns.map((server, i) => [server, values[i] && medianOf(values[i])]));
      const ours = figure.ours ?? 'bayeux-edge';
      const goals = figure.goals.map((goal) => judge(goal, ours, median, servers, results[name])).join('<br>');
      const cells = values.map((ofServer) => (ofServer ? spread(ofServer, figure.unit) : ''));
      lines.push(row([`${measure.heading}: ${figure.title}`, ...cells, goals, command]));
    }
    notes.push(...notesOn(name, measure, results[name], servers));
  }
  const speed = slow ? ` The server has ${slow > 1 ? `a part of 1/${slow} of ` : ''}one core.` : '';
  return [`Runs: ${runs}. Medians (lowest – highest).${speed}\n`, ...lines, ...notes.map((note) => `\n${note}`)].join('\n');
}

const row = (cells) => `| ${cells.join(' | ')} |`;

/** "1.72 × bare object (goal ≥ 1.6) ✔"; a busy machine is no judge. */
function judge({ against, atLeast, atMost }, judged, median, servers, results) {
  if (against && median[against] === undefined) return `${servers[against]?.title ?? against} is not here`;
  const ours = median[judged];
  const value = against ? ours / median[against] : ours;
  const measured = against ? `${format(value)} × ${servers[against].title}` : '';
  if (atLeast === undefined && atMost === undefined) return measured;
  const goal = atLeast === undefined ? `≤ ${format(atMost)}` : `≥ ${format(atLeast)}`;
  const reached = atLeast === undefined ? value <= atMost : value >= atLeast;
  const busy = [judged, against].some((server) => results[server]?.some(isBusy));
  return `${measured} (goal ${goal}) ${busy ? 'not judged: busy' : reached ? '✔' : '✘'}`.trim();
}

function spread(values, unit) {
  const all = values.length > 1 ? ` (${format(Math.min(...values))} – ${format(Math.max(...values))})` : '';
  return `${format(medianOf(values))}${unit ? ` ${unit}` : ''}${all}`;
}

export function medianOf(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const format = (value) => value.toLocaleString('en', { maximumSignificantDigits: 3 });

/** What a reader must know before trusting the figures. */
function notesOn(name, { load }, results, servers) {
  const notes = [];
  for (const [server, runs] of Object.entries(results)) {
    const say = (what) => notes.push(`- ${name}, ${servers[server].title}: ${what}`);
    const busy = runs.filter(isBusy).length;
    if (busy) say(`${busy} of ${runs.length} runs on a busy machine (other programs used ${Math.max(...runs.map(({ otherCpu }) => otherCpu))} cores)`);
    const [{ subs }] = runs;
    if (subs < load.subs) say(`only ${subs} of ${load.subs} clients, as this shell allows no more open files: raise \`ulimit -Hn\` as root`);
    const limited = runs.filter(({ genLoop }) => genLoop > 0.9).length;
    if (limited) say(`the generator was the limit in ${limited} of ${runs.length} runs`);
    const failed = runs.filter(({ errors }) => errors > 0);
    for (const { errors, why } of failed) say(`${errors} errors: ${JSON.stringify(why)}`);
  }
  return notes;
}

// Services, called from a page. Each answer repeats what it answers, so none has to be matched to its call.
import { Connection } from '../connection.js';
import { Frames } from '../frames.js';
import * as status from '../status.js';

const ECHO = '/service/echo';
const MATH = '/service/math';

/** Answers that are shown. */
const MAX_SHOWN = 20;

const SIGNS = { '-': '−', '*': '×', '/': '÷' };

const echo = document.getElementById('echo');
const echoes = document.getElementById('echoes');
const math = document.getElementById('math');
const results = document.getElementById('results');

const connection = new Connection({
  services: new Map([
    [ECHO, ({ text, sent }) => show(echoes, text, `in ${Math.round(performance.now() - sent)} ms`)],
    [MATH, ({ result, ...task }) => show(results, `${inSigns(task)} = ${result}`)],
  ]),
  extensions: new Map([['frames', new Frames(document.getElementById('frames'))]]),
  onState: status.show,
});

echo.addEventListener('submit', (event) => {
  event.preventDefault();
  const { text } = echo.elements;
  call(ECHO, { text: text.value, sent: Math.round(performance.now()) }, echoes, text.value);
  text.value = '';
  text.focus();
});

math.addEventListener('submit', (event) => {
  event.preventDefault();
  const { left, operator, right } = math.elements;
  const task = { left: left.valueAsNumber, operator: operator.value, right: right.valueAsNumber };
  call(MATH, task, results, inSigns(task));
});

connection.start();

/** The answer comes by itself; here we hear only of the call, by its name. */
async function call(service, data, answers, name) {
  const { outcome, error } = await connection.publish(service, data);
  if (outcome === 'refused') show(answers, name, error ?? 'refused', 'bad');
  if (outcome === 'lost') show(answers, name, 'lost on its way: try again', 'bad');
}

function show(answers, text, note = '', kind = 'good') {
  const item = document.createElement('li');
  item.dataset.kind = kind;
  const said = Object.assign(document.createElement('span'), { className: 'said', dir: 'auto', textContent: text });
  item.append(said, ' ', Object.assign(document.createElement('small'), { textContent: note }));
  answers.prepend(item);
  answers.children[MAX_SHOWN]?.remove();
}

function inSigns({ left, operator, right }) {
  return `${left} ${SIGNS[operator] ?? operator} ${right}`;
}

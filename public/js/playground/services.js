// Calls of services. Each answer repeats its question, so the page need not match answers to calls.
import { complain, show } from './answers.js';

const ECHO = '/service/echo';
const MATH = '/service/math';

const SIGNS = { '-': '−', '*': '×', '/': '÷' };

const echo = document.getElementById('echo');
const echoes = document.getElementById('echoes');
const math = document.getElementById('math');
const results = document.getElementById('results');

export const listeners = new Map([
  [ECHO, ({ text, sent }) => show(echoes, text, `in ${Math.round(performance.now() - sent)} ms`)],
  [MATH, ({ result, ...task }) => show(results, `${inSigns(task)} = ${result}`)],
]);

export function start(connection) {
  echo.addEventListener('submit', (event) => {
    event.preventDefault();
    const { text } = echo.elements;
    call(connection, ECHO, { text: text.value, sent: Math.round(performance.now()) }, echoes, text.value);
    text.value = '';
    text.focus();
  });

  math.addEventListener('submit', (event) => {
    event.preventDefault();
    const { left, operator, right } = math.elements;
    const task = { left: left.valueAsNumber, operator: operator.value, right: right.valueAsNumber };
    call(connection, MATH, task, results, inSigns(task));
  });
}

/** The answer comes as a message of its own. Here is only the outcome of the call. */
async function call(connection, service, data, answers, name) {
  complain(answers, name, await connection.publish(service, data));
}

function inSigns({ left, operator, right }) {
  return `${left} ${SIGNS[operator] ?? operator} ${right}`;
}

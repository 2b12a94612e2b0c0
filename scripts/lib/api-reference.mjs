// docs/API-REFERENCE.md, written from the OpenAPI document of the server API.
import { readJson, inRoot } from './project.mjs';
import { slug } from './markdown.mjs';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** The page's Markdown. */
export async function apiReference() {
  const api = await readJson(inRoot('src', 'bayeux', 'api', 'openapi.json'));
  const [{ url: base }] = api.servers;
  const resolve = (part) => (part?.$ref ? part.$ref.split('/').slice(1).reduce((at, key) => at[key], api) : part);

  const calls = Object.entries(api.paths).flatMap(([path, { parameters: shared = [], ...methods }]) =>
    METHODS.filter((method) => methods[method]).map((method) => {
      const { summary, description, parameters = [], requestBody, responses } = methods[method];
      return [
        `## ${method.toUpperCase()} ${base}${path}`,
        sentence(summary),
        description,
        parametersTable([...parameters, ...shared].map(resolve)),
        requestBody && `The body: ${type(bodyOf(requestBody))}`,
        requestBody && example(requestBody),
        responsesTable(Object.entries(responses).map(([status, response]) => [status, resolve(response)])),
        example(resolve(responses[200])),
      ];
    }),
  );
  const objects = Object.entries(api.components.schemas).map(([name, schema]) => [
    `### ${name}`,
    schema.description ?? '',
    schema.properties || schema.allOf ? fieldsTable(fieldsOf(schema, resolve)) : `Type: ${type(schema)}`,
    schema.examples && `For example ${schema.examples.map((value) => code(value)).join(', ')}.`,
  ]);

  return `${[
    '# Server API reference',
    '<!-- Written by `npm run docs:reference` from src/bayeux/api/openapi.json. Change that file instead. -->',
    'Every call with its parameters, replies and objects, from the server’s own description, which it shows at ' +
      `\`${base}/openapi.json\`.\n[The server API](API.md) explains what they are for.`,
    ...calls.flat(),
    '## Objects',
    ...objects.flat(),
  ]
    .filter(Boolean)
    .map(wrapped)
    .join('\n\n')}\n`;
}

const parametersTable = (parameters) =>
  table(
    ['Parameter', 'In', 'Type', 'What it is'],
    parameters.map(({ name, in: where, required, schema, description }) => [
      `\`${name}\``,
      where,
      type(schema),
      `${required ? 'Required. ' : ''}${description ?? ''}`,
    ]),
  );

const responsesTable = (responses) =>
  table(
    ['Status', 'Body', 'When'],
    responses.map(([status, response]) => [status, response.content ? type(bodyOf(response)) : 'none', `${response.description}${errorOf(response)}`]),
  );

const fieldsTable = (fields) =>
  table(
    ['Field', 'Type', 'What it is'],
    fields.map(([name, schema, required]) => [`\`${name}\`${required ? '' : ' (optional)'}`, type(schema), schema.description ?? '']),
  );

/** `[name, schema, required]` of an object, with the fields of what it is made of. */
function fieldsOf(schema, resolve) {
  const parts = [...(schema.allOf ?? []).map(resolve), schema];
  const required = new Set(parts.flatMap((part) => part.required ?? []));
  return parts.flatMap((part) => Object.entries(part.properties ?? {}).map(([name, field]) => [name, field, required.has(name)]));
}

const bodyOf = ({ content }) => Object.values(content)[0].schema;

/** The error of a refusal's example. */
function errorOf({ content }) {
  const shown = content && Object.values(content)[0].example;
  return shown?.length === 1 && shown[0].error ? ` \`${shown[0].error}\`` : '';
}

function example({ content } = {}) {
  const shown = content && Object.values(content)[0].example;
  return shown && `\`\`\`json\n${JSON.stringify(shown, null, 2)}\n\`\`\``;
}

/** A schema in words. */
function type(schema) {
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1);
    return `[${name}](#${slug(name)})`;
  }
  const choice = schema.oneOf ?? schema.anyOf;
  if (choice) return choice.map(type).join(' or ');
  if ('const' in schema) return code(schema.const);
  if (schema.enum) return schema.enum.map(code).join(', ');
  if (schema.type === 'array') return `array of ${type(schema.items)}`;
  if (schema.type === 'object' && schema.additionalProperties?.type) return `object with ${type(schema.additionalProperties)} values`;
  if (schema.type === 'object' && schema.properties) return `object with ${Object.keys(schema.properties).map((name) => `\`${name}\``).join(', ')}`;
  const more = ['default' in schema && `default ${schema.default}`, schema.pattern && code(schema.pattern)];
  return [`${[schema.type ?? 'any JSON'].flat().join(' or ')}${bounds(schema)}`, ...more.filter(Boolean)].join(', ');
}

function bounds({ minimum = 0, maximum }) {
  if (maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  return minimum > 0 ? ` of at least ${minimum}` : '';
}

const code = (value) => `\`${JSON.stringify(value).replace(/^"|"$/g, '').replaceAll('\\\\', '\\')}\``;

function table(heads, rows) {
  if (rows.length === 0) return null;
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`.replaceAll('|  |', '| |');
  return [line(heads), `|${'---|'.repeat(heads.length)}`, ...rows.map(line)].join('\n');
}

const sentence = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);

/** Prose of at most 120 columns, as all Markdown here. Tables and code stay. */
function wrapped(block) {
  if (/^[|`#<]/.test(block)) return block;
  const lines = [];
  for (const word of block.split(/\s+/)) {
    if (lines.length > 0 && `${lines.at(-1)} ${word}`.length <= 120) lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
  }
  return lines.join('\n');
}

// bayeux token: a token for a client, signed here.
import { createHmac } from 'node:crypto';
import { Refused, WrongUsage } from '../failure.js';
import { object, seconds } from '../usage.js';

export const local = true;
export const usage = 'token USER';
export const summary = 'makes a token for a user, signed with HS256';
export const about = `Makes a JSON Web Token (RFC 7519) whose "sub" is USER. The secret is that of TOKEN_KEYS. Set it in the environment
as TOKEN_SECRET, not on the command line. The command contacts no server.`;

export const options = {
  claims: { type: 'string', value: 'JSON', parse: object, help: 'more claims, like \'{"subscribe": ["/chat/**"]}\'' },
  expires: { type: 'string', value: 'SECONDS', parse: seconds, help: 'the lifetime of the token: 900' },
};

const LIFE = 900; // s

export function operands([user, ...more]) {
  if (user === undefined) throw new WrongUsage('the user is missing');
  if (more.length > 0) throw new WrongUsage('USER is one argument');
  return [user];
}

export async function run({ output, options, operands: [sub], env = process.env, now = Date.now() }) {
  if (!env.TOKEN_SECRET) throw new Refused('the secret is missing: TOKEN_SECRET in the environment');
  const iat = Math.floor(now / 1000);
  const signed = [{ alg: 'HS256', typ: 'JWT' }, { ...options.claims, sub, iat, exp: iat + (options.expires ?? LIFE) }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const token = `${signed}.${createHmac('sha256', env.TOKEN_SECRET).update(signed).digest('base64url')}`;
  output.result({ token }, () => token);
}

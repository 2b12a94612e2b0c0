// Issues a token for somebody who has logged in: node issue.mjs alice '{"subscribe":["/chat/**"]}'
// The secret, the same as TOKEN_KEYS of the server, is in TOKEN_SECRET. It needs Node.js 20, and nothing else.
import { createHmac } from 'node:crypto';

/** A session lives as long as its token; the client fetches another one in time. */
const LIFE = 15 * 60; // s

/** A JSON Web Token (RFC 7519), signed with HS256. */
export function issue(secret, sub, claims = {}, now = Date.now()) {
  const iat = Math.floor(now / 1000);
  const signed = [{ alg: 'HS256', typ: 'JWT' }, { ...claims, sub, iat, exp: iat + LIFE }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

const [user, claims = '{}'] = process.argv.slice(2);
console.log(issue(process.env.TOKEN_SECRET, user, JSON.parse(claims)));

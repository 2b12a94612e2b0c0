// Who may chat, once the secrets USERS and TOKEN_KEYS are set: the page asks here for a token, and the browser for name
// and password.

export interface Secrets {
  /** `name:password`, with spaces between. */
  USERS?: string;
  /** Signs the tokens here, and checks them in the server: a secret of 32 bytes or more. */
  TOKEN_KEYS?: string;
  /** Bounds how often an address may guess. */
  LOGIN_LIMITER?: RateLimit;
}

/** A session lives as long as its token; the page fetches another one in time. */
const LIFE = 15 * 60; // s

/** Answers /token: a token for whoever knows a password, 204 where nobody needs one. */
export async function login(request: Request, { USERS, TOKEN_KEYS, LOGIN_LIMITER }: Secrets): Promise<Response> {
  if (!TOKEN_KEYS || !USERS) return new Response(null, { status: 204 });
  const { name, password } = credentials(request);
  if (password) {
    const key = request.headers.get('cf-connecting-ip') ?? '';
    if (LOGIN_LIMITER && !(await LOGIN_LIMITER.limit({ key })).success) return new Response('Too many tries. Wait a minute.', { status: 429 });
    if (await isUser(USERS, name, password)) return new Response(await sign(TOKEN_KEYS, name), { headers: { 'cache-control': 'no-store' } });
  }
  return new Response('Name and password, please.', { status: 401, headers: { 'www-authenticate': 'Basic realm="chat", charset="UTF-8"' } });
}

function credentials(request: Request) {
  const [, given = ''] = /^Basic ([\w+/=]+)$/i.exec(request.headers.get('authorization') ?? '') ?? [];
  try {
    const text = new TextDecoder().decode(Uint8Array.from(atob(given), (char) => char.charCodeAt(0)));
    const colon = text.indexOf(':');
    return { name: text.slice(0, colon), password: text.slice(colon + 1) };
  } catch {
    return { name: '', password: '' };
  }
}

/** How long it takes says nothing of the passwords. */
async function isUser(users: string, name: string, password: string) {
  const given = await digest(`${name}:${password}`);
  let known = false;
  for (const user of users.split(/\s+/).filter((user) => user.includes(':')))
    known = crypto.subtle.timingSafeEqual(await digest(user), given) || known;
  return known;
}

const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));

/** A JSON Web Token (RFC 7519) of HS256. */
async function sign(secret: string, sub: string) {
  const iat = Math.floor(Date.now() / 1000);
  const signed = [{ alg: 'HS256', typ: 'JWT' }, { sub, iat, exp: iat + LIFE }].map((part) => base64url(new TextEncoder().encode(JSON.stringify(part)))).join('.');
  const key = await crypto.subtle.importKey('raw', new TextEncoder().encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return `${signed}.${base64url(new Uint8Array(await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(signed))))}`;
}

const base64url = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');

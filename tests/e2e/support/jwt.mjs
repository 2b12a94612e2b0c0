// Tokens and keys, made by node:crypto.
import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export const seconds = () => Math.floor(Date.now() / 1000);

/** How long a token outlives its `exp`: s. */
export const LEEWAY = 60;

const PAIRS = {
  RS256: ['rsa', { modulusLength: 2048 }, 'sha256'],
  ES256: ['ec', { namedCurve: 'P-256' }, 'sha256', { dsaEncoding: 'ieee-p1363' }],
  EdDSA: ['ed25519', {}, null],
};

/** A fresh key of an algorithm: as a JWK what checks its signatures, and `sign(data)`. */
export function keyFor(alg) {
  if (alg === 'HS256') {
    const secret = randomBytes(32);
    return { jwk: { kty: 'oct', k: secret.toString('base64url') }, sign: (data) => createHmac('sha256', secret).update(data).digest() };
  }
  const [type, options, hash, how] = PAIRS[alg];
  const { privateKey: key, publicKey } = generateKeyPairSync(type, options);
  return { jwk: publicKey.export({ format: 'jwk' }), sign: (data) => sign(hash, Buffer.from(data), { key, ...how }) };
}

/** A token with these claims, good for an hour where they say nothing else. */
export function jwt(header, claims, key) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part(header)}.${part({ exp: seconds() + 3600, ...claims })}`;
  return `${signed}.${key.sign(signed).toString('base64url')}`;
}

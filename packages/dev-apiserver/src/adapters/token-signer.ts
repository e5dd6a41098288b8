import { randomUUID } from 'node:crypto';

import { generateKeyPair, jwtVerify, SignJWT } from 'jose';

import { isObject, textAt } from '../model/object.js';
import type { TokenClaims, TokenSigner } from '../ports.js';

const ALGORITHM = 'ES256';

/** Signs service account tokens as JWTs, with a key that lives as long as the process. */
export async function createTokenSigner(
  issuer: string,
  clockMs: () => number,
): Promise<TokenSigner> {
  const { privateKey, publicKey } = await generateKeyPair(ALGORITHM);
  return {
    apiAudience: issuer,
    sign: (claims) =>
      new SignJWT({ 'kubernetes.io': privateClaims(claims) })
        .setProtectedHeader({ alg: ALGORITHM, kid: 'dev' })
        .setIssuer(issuer)
        .setAudience([...claims.audiences])
        .setSubject(`system:serviceaccount:${claims.namespace}:${claims.serviceAccount.name}`)
        .setIssuedAt(Math.floor(clockMs() / 1_000))
        .setNotBefore(Math.floor(clockMs() / 1_000))
        .setExpirationTime(Math.floor(claims.expiresAtMs / 1_000))
        .setJti(randomUUID())
        .sign(privateKey),
    verify: async (token) => {
      try {
        const currentDate = new Date(clockMs());
        const { payload } = await jwtVerify(token, publicKey, { issuer, currentDate });
        const { aud = [], exp = 0 } = payload;
        const audiences = typeof aud === 'string' ? [aud] : aud;
        return readClaims(payload['kubernetes.io'], audiences, exp * 1_000);
      } catch (error) {
        if (isJoseError(error)) return undefined; // an invalid token, not an internal error
        throw error;
      }
    },
  };
}

function isJoseError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_J');
}

function privateClaims({ namespace, serviceAccount, pod, node }: TokenClaims): object {
  return {
    namespace,
    serviceaccount: serviceAccount,
    ...(pod === undefined ? {} : { pod }),
    ...(node === undefined ? {} : { node }),
  };
}

function readClaims(
  claims: unknown,
  audiences: readonly string[],
  expiresAtMs: number,
): TokenClaims | undefined {
  if (!isObject(claims)) return undefined;
  const reference = (key: string): { name: string; uid: string } => ({
    name: textAt(claims, `${key}.name`),
    uid: textAt(claims, `${key}.uid`),
  });
  return {
    namespace: textAt(claims, 'namespace'),
    serviceAccount: reference('serviceaccount'),
    ...(isObject(claims['pod']) ? { pod: reference('pod') } : {}),
    ...(isObject(claims['node']) ? { node: reference('node') } : {}),
    audiences,
    expiresAtMs,
  };
}

import { parseTimestamp } from '@nodeagent/base';

import type { ApiObject } from '../model/object.js';
import type { UserInfo } from '../model/request.js';

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const TYPE = 'bootstrap.kubernetes.io/token';
const GROUP = 'system:bootstrappers';
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

/** Returns the name of the secret that says whether a token counts; undefined for other tokens. */
export function bootstrapSecretName(token: string): string | undefined {
  const id = TOKEN.exec(token)?.[1];
  return id === undefined ? undefined : `bootstrap-token-${id}`;
}

/**
 * Returns the user of a bootstrap token; undefined when its secret does not vouch for it.
 *
 * @param secret the one of {@link bootstrapSecretName}, in kube-system
 * @see Kubernetes 1.36 plugin/pkg/auth/authenticator/token/bootstrap/bootstrap.go
 */
export function bootstrapUser(
  token: string,
  secret: ApiObject,
  nowMs: number,
): UserInfo | undefined {
  const [, id, tokenSecret] = TOKEN.exec(token) ?? [];
  const data = (secret['data'] ?? {}) as Readonly<Record<string, string>>;
  const field = (name: string): string | undefined => {
    const encoded = data[name];
    return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString();
  };
  if (secret['type'] !== TYPE || secret.metadata.deletionTimestamp !== undefined) return undefined;
  if (field('token-id') !== id || field('token-secret') !== tokenSecret) return undefined;
  const expiration = field('expiration');
  // a time that nobody can read is past
  const endMs = expiration === undefined ? Infinity : (parseTimestamp(expiration) ?? 0);
  if (endMs <= nowMs || field('usage-bootstrap-authentication') !== 'true') return undefined;
  const extra = (field('auth-extra-groups') ?? '').split(',').filter((group) => group !== '');
  if (!extra.every((group) => EXTRA_GROUP.test(group))) return undefined;
  const groups = [...new Set([GROUP, ...extra])].sort();
  return { username: `system:bootstrap:${id}`, groups: [...groups, 'system:authenticated'] };
}

import { createHash } from 'node:crypto';

import type { ProviderResponse } from '../codec/provider-messages.js';
import type { ProviderToken } from '../model/credential-provider.js';

/** The service account for which a plug-in is called. */
export interface ProviderIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly token: string;
}

/** The cache keys that may contain an answer, the narrowest first. */
export function lookupKeys(image: string, owner: string): readonly string[] {
  return (['Image', 'Registry', 'Global'] as const).map((type) => cacheKey(type, image, owner));
}

/** @param owner from `ownerKey`; empty if the plug-in gets no service accounts */
export function cacheKey(
  type: ProviderResponse['cacheKeyType'],
  image: string,
  owner: string,
): string {
  const [registry = ''] = image.split('/');
  const base = { Image: image, Registry: registry, Global: '<global>' }[type];
  return JSON.stringify([base, owner]);
}

/**
 * Separates the answers for different service accounts or, with cacheType Token, for different
 * tokens.
 */
export function ownerKey(
  identity: ProviderIdentity | undefined,
  cacheType: ProviderToken['cacheType'] | undefined,
): string {
  if (identity === undefined) return '';
  const { namespace, name, uid, annotations, token } = identity;
  const parts = [namespace, name, uid, sorted(annotations)];
  return JSON.stringify(cacheType === 'Token' ? [...parts, hashOf(token)] : parts);
}

/** Equal for calls that can share an answer. */
export function callKey(image: string, identity: ProviderIdentity | undefined): string {
  if (identity === undefined) return JSON.stringify([image]);
  return JSON.stringify([image, hashOf(identity.token), sorted(identity.annotations)]);
}

function sorted(annotations: Readonly<Record<string, string>>): readonly (readonly string[])[] {
  return Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : 1));
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

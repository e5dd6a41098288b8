import { createHash } from 'node:crypto';

import type { ProviderResponse } from '../codec/provider-messages.js';
import type { ProviderToken } from '../model/credential-provider.js';

/** For whom a plug-in is asked. */
export interface ProviderIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly token: string;
}

/** Where an answer may have been kept, the narrowest first. */
export function lookupKeys(image: string, owner: string): readonly string[] {
  return (['Image', 'Registry', 'Global'] as const).map((type) => cacheKey(type, image, owner));
}

/** @param owner of `ownerKey`; empty where the plug-in is not told of service accounts */
export function cacheKey(
  type: ProviderResponse['cacheKeyType'],
  image: string,
  owner: string,
): string {
  const [registry = ''] = image.split('/');
  const base = { Image: image, Registry: registry, Global: '<global>' }[type];
  return JSON.stringify([base, owner]);
}

/** Answers for one service account, or one token of it, are not shown to another. */
export function ownerKey(
  identity: ProviderIdentity | undefined,
  cacheType: ProviderToken['cacheType'] | undefined,
): string {
  if (identity === undefined) return '';
  const { namespace, name, uid, annotations, token } = identity;
  const parts = [namespace, name, uid, sorted(annotations)];
  return JSON.stringify(cacheType === 'Token' ? [...parts, hashOf(token)] : parts);
}

/** Of calls that would be the same. */
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

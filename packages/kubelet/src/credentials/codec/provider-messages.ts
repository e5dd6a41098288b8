import { parseGoDuration } from '@nodeagent/base';

import type { CredentialProvider } from '../model/credential-provider.js';
import type { KeyringEntry } from '../plan/keyring.js';

/** A request for credentials. */
export interface ProviderRequest {
  /** The image without tag and digest. */
  readonly image: string;
  readonly serviceAccountToken?: string;
  readonly serviceAccountAnnotations?: Readonly<Record<string, string>>;
}

/** The answer of a plug-in. */
export interface ProviderResponse {
  /** The scope for which the answer may be cached. */
  readonly cacheKeyType: 'Image' | 'Registry' | 'Global';
  /** Undefined: the duration in the configuration applies. */
  readonly cacheMs: number | undefined;
  readonly entries: readonly KeyringEntry[];
}

export function renderProviderRequest(
  { apiVersion }: Pick<CredentialProvider, 'apiVersion'>,
  request: ProviderRequest,
): string {
  return `${JSON.stringify({ kind: 'CredentialProviderRequest', apiVersion, ...request })}\n`;
}

/**
 * @throws {Error} whose message contains no part of the answer, which may contain credentials
 * @see Kubernetes 1.36 kubelet/pkg/apis/credentialprovider/v1/types.go
 */
export function parseProviderResponse(
  text: string,
  { apiVersion }: Pick<CredentialProvider, 'apiVersion'>,
): ProviderResponse {
  const response = objectOf(text);
  const { kind, apiVersion: spoken, cacheKeyType, cacheDuration, auth } = response;
  if (kind !== 'CredentialProviderResponse')
    throw unreadable('its kind is not CredentialProviderResponse');
  if (spoken !== apiVersion) throw unreadable(`its apiVersion is not ${apiVersion}`);
  if (cacheKeyType !== 'Image' && cacheKeyType !== 'Registry' && cacheKeyType !== 'Global') {
    throw unreadable('its cacheKeyType is not Image, Registry or Global');
  }
  const isKept = cacheDuration !== undefined && cacheDuration !== null;
  const cacheMs = typeof cacheDuration === 'string' ? parseGoDuration(cacheDuration) : undefined;
  if (isKept && cacheMs === undefined) throw unreadable('its cacheDuration is not a duration');
  return { cacheKeyType, cacheMs, entries: entriesOf(auth ?? {}) };
}

function entriesOf(auth: unknown): readonly KeyringEntry[] {
  if (!isObject(auth)) throw unreadable('its auth is not an object');
  return Object.entries(auth).map(([key, login]) => {
    if (!isObject(login)) throw unreadable('its auth contains a value that is not an object');
    const { username, password } = login;
    if (typeof username !== 'string' || typeof password !== 'string') {
      throw unreadable('its auth lacks a username or a password');
    }
    return { key, auth: { username, password } };
  });
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable('it is not JSON'); // the parser's own message would quote the text
  }
  if (!isObject(value)) throw unreadable('it is not an object');
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unreadable(why: string): Error {
  return new Error(`the credential provider's answer cannot be used: ${why}`);
}

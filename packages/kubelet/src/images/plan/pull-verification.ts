import { createHash } from 'node:crypto';

import type { RegistryAuth } from '@nodeagent/cri-client';

import type {
  PulledRecord,
  PullGrants,
  PullOwner,
  SecretIdentity,
  ServiceAccountIdentity,
} from '../codec/pull-record.js';
import { parseImageName } from './image-name.js';

/** Decides which present images a pod may use without proof that it could pull them. */
export interface VerificationRules {
  readonly policy:
    'NeverVerify' | 'NeverVerifyPreloadedImages' | 'NeverVerifyAllowlistedImages' | 'AlwaysVerify';
  /** For `NeverVerifyAllowlistedImages`: names without tag, or `registry/path/*`. */
  readonly allowlist: readonly string[];
}

/**
 * A record with this many secrets gets no further ones when a pod uses the image without a pull.
 */
const MAX_SECRETS = 100;

/** @see Kubernetes 1.36 pkg/kubelet/images/pullmanager/image_pull_policies.go */
export function needsVerification(
  { policy, allowlist }: VerificationRules,
  image: Readonly<{ repository: string; pulledByKubelet: boolean }>,
): boolean {
  switch (policy) {
    case 'NeverVerify':
      return false;
    case 'NeverVerifyPreloadedImages':
      return image.pulledByKubelet;
    case 'NeverVerifyAllowlistedImages':
      return !allowlist.some((pattern) => matches(pattern, image.repository));
    case 'AlwaysVerify':
      return true;
  }
}

function matches(pattern: string, repository: string): boolean {
  if (pattern.endsWith('/*')) return repository.startsWith(pattern.slice(0, -1));
  return pattern === repository;
}

/** @returns the reason that a pattern of the allowlist is invalid; undefined if it is valid */
export function allowlistProblem(pattern: string): string | undefined {
  if (pattern !== pattern.trim()) return `leading/trailing spaces are not allowed: ${pattern}`;
  const name = pattern.endsWith('/*') ? pattern.slice(0, -2) : pattern;
  if (name === '') return 'at least registry hostname is required';
  if (name.includes('*')) {
    return `not a valid wildcard pattern, only patterns ending with '/*' are allowed: ${pattern}`;
  }
  if (name !== pattern) return undefined;
  const parsed = parseImageName(name);
  if (typeof parsed === 'string') return `failed to parse as an image name: ${parsed}`;
  if (parsed.repository === name) return undefined;
  return `must be a full name with its registry, without tag or digest: ${pattern}`;
}

/**
 * SHA-256 of the credentials sent to a registry, in hexadecimal. Equal credentials have equal
 * hashes.
 *
 * @see Kubernetes 1.36 pkg/credentialprovider/keyring.go
 */
export function credentialHash(auth: RegistryAuth): string {
  const { username, password, serverAddress, identityToken, registryToken } = auth;
  const shown = {
    username,
    password,
    auth: auth.auth,
    serverAddress,
    identityToken,
    registryToken,
  };
  return createHash('sha256').update(JSON.stringify(shown)).digest('hex');
}

export interface Verdict {
  readonly granted: boolean;
  /**
   * To add to the record: this secret was granted access because it shares its hash or its name
   * with a recorded one.
   */
  readonly learnt?: SecretIdentity;
}

/**
 * Decides whether a pod may use an image without a pull. It may if a recorded pull used equal
 * credentials (in any secret), the same secret (with any content), or the pod's service account.
 *
 * @see Kubernetes 1.36 pkg/kubelet/images/pullmanager/image_pull_manager.go, MustAttemptImagePull
 */
export function verdictOf(
  record: PulledRecord,
  repository: string,
  owners: readonly PullOwner[],
): Verdict {
  const grants = record.credentialMapping[repository];
  if (grants === undefined) return { granted: false };
  if (grants.nodePodsAccessible === true) return { granted: true };
  const known = grants.kubernetesSecrets ?? [];
  for (const secret of owners.filter(isSecret)) {
    for (const other of known) {
      const sameHash =
        other.credentialHash !== '' && other.credentialHash === secret.credentialHash;
      const samePlace = isSamePlace(secret, other);
      if (sameHash && samePlace) return { granted: true };
      if (!sameHash && !samePlace) continue;
      return known.length < MAX_SECRETS ? { granted: true, learnt: secret } : { granted: true };
    }
  }
  const account = owners.find((owner) => !isSecret(owner));
  const accounts = grants.kubernetesServiceAccounts ?? [];
  return { granted: account !== undefined && accounts.some((one) => isSamePlace(one, account)) };
}

function isSecret(owner: PullOwner): owner is SecretIdentity {
  return 'credentialHash' in owner;
}

function isSamePlace(a: ServiceAccountIdentity, b: ServiceAccountIdentity): boolean {
  return a.uid === b.uid && a.namespace === b.namespace && a.name === b.name;
}

/** Adds the owner of a successful pull to a record; undefined if the owner is unknown. */
export function withGrant(
  record: PulledRecord | undefined,
  pulled: Readonly<{
    imageRef: string;
    repository: string;
    grant: PullOwner | 'node' | undefined;
  }>,
  time: string,
): PulledRecord {
  const { imageRef, repository, grant } = pulled;
  const mapping = record?.credentialMapping ?? {};
  if (grant === undefined) {
    return record ?? { imageRef, lastUpdatedTime: time, credentialMapping: mapping };
  }
  const before = mapping[repository] ?? {};
  const after = grant === 'node' ? { nodePodsAccessible: true } : withOwner(before, grant);
  return {
    imageRef,
    lastUpdatedTime: time,
    credentialMapping: { ...mapping, [repository]: after },
  };
}

function withOwner(before: PullGrants, owner: PullOwner): PullGrants {
  // Every pod may already use the image, so its owners do not matter.
  if (before.nodePodsAccessible === true) return before;
  const isOther = (other: PullOwner): boolean => !isSamePlace(other, owner);
  if (isSecret(owner)) {
    const others = (before.kubernetesSecrets ?? []).filter(isOther);
    return { ...before, kubernetesSecrets: [...others, owner] };
  }
  const others = (before.kubernetesServiceAccounts ?? []).filter(isOther);
  return { ...before, kubernetesServiceAccounts: [...others, owner] };
}

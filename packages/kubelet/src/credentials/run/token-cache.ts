import { type Clock, parseTimestamp, type Random } from '@nodeagent/base';
import { type KubeClient, type Pod, SERVICE_ACCOUNTS } from '@nodeagent/kube-client';

import { podName, podNamespace, podUid } from '../../pod/index.js';
import type { TokenRequestSpec, TokenSource } from '../../volumes/index.js';
import { type CachedToken, isFresh } from '../plan/token-age.js';
import { awaitBinding, type Refusals } from './await-binding.js';

export interface TokenCacheOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  /** Called if a token could not be renewed but is still valid. */
  readonly onRenewalFailed: (pod: Pod, error: unknown) => void;
}

/** A TokenRequest, before it is checked. */
interface TokenAnswer {
  readonly status?: Readonly<{ token?: unknown; expirationTimestamp?: unknown }>;
}

interface PodTokens {
  readonly byKind: Map<string, CachedToken>;
  readonly refusals: Refusals;
}

/**
 * Tokens bound to pods, from the API server's TokenRequest. A token is cached for four fifths of
 * its lifetime, a day at most; there is one per pod, audience and lifetime.
 *
 * The API server may refuse the first requests for a pod: its authorizer learns of the binding
 * through a watch, just as the kubelet does. Refused requests are repeated for two seconds before
 * the refusal is passed on.
 */
export function createTokenCache(options: TokenCacheOptions): TokenSource {
  const { client, clock, random, onRenewalFailed } = options;
  const byPod = new Map<string, PodTokens>();

  async function request(
    pod: Pod,
    spec: TokenRequestSpec,
    signal: AbortSignal,
  ): Promise<CachedToken> {
    const namespace = podNamespace(pod);
    const name = pod.spec?.serviceAccountName ?? 'default';
    const askedAtMs = clock.nowMs();
    const answer = (await client.createSubresource(
      { resource: SERVICE_ACCOUNTS, name: { namespace, name }, subresource: 'token' },
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: spec.audience === undefined ? [] : [spec.audience],
          expirationSeconds: spec.expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: podName(pod), uid: podUid(pod) },
        },
      },
      signal,
    )) as TokenAnswer;
    const { token, expirationTimestamp: end } = answer.status ?? {};
    const expiresAtMs = typeof end === 'string' ? parseTimestamp(end) : undefined;
    if (typeof token !== 'string' || token === '' || expiresAtMs === undefined) {
      throw new Error(
        `the token request for service account ${namespace}/${name} returned no token`,
      );
    }
    return { token, askedAtMs, expiresAtMs };
  }

  async function dated(
    pod: Pod,
    spec: TokenRequestSpec,
    signal: AbortSignal,
  ): Promise<CachedToken> {
    const ofPod: PodTokens = byPod.get(podUid(pod)) ?? {
      byKind: new Map(),
      refusals: { sinceMs: undefined },
    };
    byPod.set(podUid(pod), ofPod);
    const key = `${spec.expirationSeconds} ${spec.audience ?? ''}`;
    const cached = ofPod.byKind.get(key);
    if (cached !== undefined && isFresh(cached, clock.nowMs(), random())) return cached;
    const works = cached !== undefined && cached.expiresAtMs > clock.nowMs();
    try {
      const ask = (): Promise<CachedToken> => request(pod, spec, signal);
      const { refusals } = ofPod;
      const fresh = works ? await ask() : await awaitBinding(ask, { refusals, clock }, signal);
      ofPod.byKind.set(key, fresh);
      return fresh;
    } catch (error) {
      if (cached === undefined || cached.expiresAtMs <= clock.nowMs()) throw error;
      onRenewalFailed(pod, error);
      return cached;
    }
  }

  return {
    dated,
    token: async (pod, spec, signal) => (await dated(pod, spec, signal)).token,
    forget: (uid) => void byPod.delete(uid),
  };
}

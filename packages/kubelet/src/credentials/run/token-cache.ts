import {
  type BackoffRules,
  type BackoffState,
  type Clock,
  nextBackoff,
  parseTimestamp,
  type Random,
} from '@nodeagent/base';
import {
  isKubeError,
  type KubeClient,
  type Pod,
  SERVICE_ACCOUNTS,
  type TokenRequest,
} from '@nodeagent/kube-client';

import { podName, podNamespace, podUid } from '../../pod/index.js';
import type { TokenRequestSpec, TokenSource } from '../../volumes/index.js';
import { type CachedToken, isFresh } from '../plan/token-age.js';

export interface TokenCacheOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  /** Told when a token could not be renewed but still works. */
  readonly onRenewalFailed: (pod: Pod, error: unknown) => void;
}

/** Between requests that the API server refuses since it does not know the pod's binding yet. */
const REFUSED: BackoffRules = { initialMs: 100, maxMs: 2000 };
/** How long a pod's first refusals are taken for that, and nobody is told. */
const BINDING_PATIENCE_MS = 2000;

interface PodTokens {
  readonly byKind: Map<string, CachedToken>;
  /** Since when the pod's requests are refused, by the monotonic clock. */
  refusedSinceMs: number | undefined;
}

/**
 * Tokens bound to pods, from the API server's TokenRequest; kept until four fifths of their life, or a
 * day, are over. At most one per pod, audience and life.
 *
 * The API server may refuse the first requests for a pod: its authorizer learns of the binding by a
 * watch, as the kubelet does. They are repeated for two seconds before the refusal is passed on.
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
    const answer = await client.createSubresource<unknown, TokenRequest>(
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
    );
    const { token, expirationTimestamp: end }: { token?: unknown; expirationTimestamp?: unknown } =
      answer.status ?? {};
    const expiresAtMs = typeof end === 'string' ? parseTimestamp(end) : undefined;
    if (typeof token !== 'string' || token === '' || expiresAtMs === undefined) {
      throw new Error(
        `the token request for service account ${namespace}/${name} was answered without a token`,
      );
    }
    return { token, askedAtMs, expiresAtMs };
  }

  async function firstRequest(
    pod: Pod,
    spec: TokenRequestSpec,
    { ofPod, signal }: Readonly<{ ofPod: PodTokens; signal: AbortSignal }>,
  ): Promise<CachedToken> {
    let failed: BackoffState | undefined;
    for (;;) {
      try {
        const token = await request(pod, spec, signal);
        ofPod.refusedSinceMs = undefined;
        return token;
      } catch (error) {
        if (!isKubeError(error, 'KUBE_FORBIDDEN')) throw error;
        const nowMs = clock.monotonicMs();
        ofPod.refusedSinceMs ??= nowMs;
        const leftMs = ofPod.refusedSinceMs + BINDING_PATIENCE_MS - nowMs;
        if (leftMs <= 0) throw error;
        failed = nextBackoff(failed, REFUSED, nowMs);
        await clock.sleep(Math.min(failed.delayMs, leftMs), signal);
        signal.throwIfAborted();
      }
    }
  }

  return {
    token: async (pod, spec, signal) => {
      const ofPod = byPod.get(podUid(pod)) ?? { byKind: new Map(), refusedSinceMs: undefined };
      byPod.set(podUid(pod), ofPod);
      const key = `${spec.expirationSeconds} ${spec.audience ?? ''}`;
      const cached = ofPod.byKind.get(key);
      if (cached !== undefined && isFresh(cached, clock.nowMs(), random())) return cached.token;
      const works = cached !== undefined && cached.expiresAtMs > clock.nowMs();
      try {
        const fresh = works
          ? await request(pod, spec, signal)
          : await firstRequest(pod, spec, { ofPod, signal });
        ofPod.byKind.set(key, fresh);
        return fresh.token;
      } catch (error) {
        if (cached === undefined || cached.expiresAtMs <= clock.nowMs()) throw error;
        onRenewalFailed(pod, error);
        return cached.token;
      }
    },
    forget: (uid) => void byPod.delete(uid),
  };
}

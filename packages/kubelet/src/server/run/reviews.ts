import type { Clock } from '@nodeagent/base';
import type { KubeClient } from '@nodeagent/kube-client';

import {
  accessSpec,
  reviewedIdentity,
  SUBJECT_ACCESS_REVIEWS,
  TOKEN_REVIEWS,
} from '../codec/reviews.js';
import type { Identity } from '../model/identity.js';
import { ExpiringCache } from '../plan/expiring-cache.js';
import type { Reviews } from '../ports.js';

export interface ReviewOptions {
  /** Best one of its own: strangers decide how often it is used. */
  readonly client: Pick<KubeClient, 'create'>;
  readonly clock: Clock;
  readonly nodeName: string;
  /** One-way: tokens are kept as this makes them, never as they are. */
  readonly digest: (text: string) => string;
  /** `authentication.webhook.cacheTTL`: for tokens that are somebody's and for those that are not. */
  readonly tokenTtlMs: number;
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
}

/** Answers of each kind that are kept at most; each is some hundred bytes. */
const KEPT_ANSWERS = 1024;
/** Questions to the API server under way at most; more fail at once. */
const QUESTIONS_AT_A_TIME = 64;

/**
 * TokenReview and SubjectAccessReview with their caches. Failures are not kept, so whoever asks
 * again is answered as soon as the API server is back; the same question asked twice at a time is
 * sent once.
 */
export function createReviews(options: ReviewOptions): Reviews {
  const { client, clock, nodeName, digest } = options;
  const tokens = new ExpiringCache<Readonly<{ identity: Identity | undefined }>>(KEPT_ANSWERS);
  const verdicts = new ExpiringCache<boolean>(KEPT_ANSWERS);
  const askOnce = createShared();
  return {
    identityOf: async (token, signal) => {
      const key = digest(token);
      const known = tokens.get(key, clock.monotonicMs());
      if (known !== undefined) return known.identity;
      return askOnce(`token ${key}`, async () => {
        const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview' };
        const answer = await client.create(TOKEN_REVIEWS, { ...review, spec: { token } }, signal);
        const identity = reviewedIdentity(answer);
        tokens.put(key, { identity }, clock.monotonicMs() + options.tokenTtlMs);
        return identity;
      });
    },
    isAllowed: async (question, signal) => {
      const spec = accessSpec(question, nodeName);
      const key = JSON.stringify(spec);
      const known = verdicts.get(key, clock.monotonicMs());
      if (known !== undefined) return known;
      return askOnce(key, async () => {
        const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview' };
        const { status } = await client.create(SUBJECT_ACCESS_REVIEWS, { ...review, spec }, signal);
        const allowed = status?.allowed === true && status.denied !== true;
        const ttlMs = allowed ? options.authorizedTtlMs : options.unauthorizedTtlMs;
        verdicts.put(key, allowed, clock.monotonicMs() + ttlMs);
        return allowed;
      });
    },
  };
}

type AskOnce = <T>(key: string, ask: () => Promise<T>) => Promise<T>;

/** Whoever asks what is being asked waits for the same answer. */
function createShared(): AskOnce {
  const asking = new Map<string, Promise<unknown>>();
  return <T>(key: string, ask: () => Promise<T>): Promise<T> => {
    const found = asking.get(key);
    if (found !== undefined) return found as Promise<T>;
    if (asking.size >= QUESTIONS_AT_A_TIME) {
      const text = `${asking.size} questions to the API server are under way already`;
      return Promise.reject(new Error(text));
    }
    const answer = ask().finally(() => asking.delete(key));
    asking.set(key, answer);
    return answer;
  };
}

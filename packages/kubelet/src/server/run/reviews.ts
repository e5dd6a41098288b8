import type { Clock } from '@nodeagent/base';
import { type KubeClient, SUBJECT_ACCESS_REVIEWS, TOKEN_REVIEWS } from '@nodeagent/kube-client';

import { accessSpec, reviewedIdentity } from '../codec/reviews.js';
import type { Identity } from '../model/identity.js';
import { ExpiringCache } from '../plan/expiring-cache.js';
import type { Reviews } from '../ports.js';
import { type QuestionLimits, Questions } from './questions.js';

/** The API client that reviews callers, and the time for which its answers are kept. */
export interface ReviewOptions {
  /** Preferably a client of its own, because unauthenticated clients determine its load. */
  readonly client: Pick<KubeClient, 'create'>;
  readonly clock: Clock;
  readonly nodeName: string;
  /** One-way: the cache stores the digests of tokens, never the tokens. */
  readonly digest: (text: string) => string;
  /** `authentication.webhook.cacheTTL`, for valid and invalid tokens alike. */
  readonly tokenTtlMs: number;
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
}

/** Maximum number of cached answers of each kind; each takes some hundred bytes. */
const KEPT_ANSWERS = 1024;
/** Limits of concurrent reviews; further ones fail at once. */
const TOKEN_LIMITS: QuestionLimits = { most: 64, reserved: 16, mostEach: 8 };
const ACCESS_LIMITS: QuestionLimits = { most: 64, reserved: 16, mostEach: 16 };

/**
 * Cached TokenReviews and SubjectAccessReviews. Failures are not cached, so callers get answers as
 * soon as the API server is back. Identical questions at the same time are sent once.
 *
 * Negative answers never evict positive ones, and callers with an earlier positive answer get
 * through even when unauthenticated clients use up their share.
 */
export function createReviews(options: ReviewOptions): Reviews {
  const { client, clock, nodeName, digest } = options;
  const identities = createAnswers<Identity | undefined>(TOKEN_LIMITS, {
    clock,
    ttlMs: () => options.tokenTtlMs,
    isGood: (identity) => identity !== undefined,
  });
  const verdicts = createAnswers<boolean>(ACCESS_LIMITS, {
    clock,
    ttlMs: (allowed) => (allowed ? options.authorizedTtlMs : options.unauthorizedTtlMs),
    isGood: (allowed) => allowed,
  });
  return {
    identityOf: (token, from, signal) =>
      identities({ key: digest(token), from }, async () => {
        const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview' };
        const answer = await client.create(TOKEN_REVIEWS, { ...review, spec: { token } }, signal);
        return reviewedIdentity(answer);
      }),
    isAllowed: async (question, signal) => {
      const spec = accessSpec(question, nodeName);
      const from = question.identity.user;
      return verdicts({ key: digest(JSON.stringify(spec)), from }, async () => {
        const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview' };
        const { status } = await client.create(SUBJECT_ACCESS_REVIEWS, { ...review, spec }, signal);
        return status?.allowed === true && status.denied !== true;
      });
    },
  };
}

interface AnswerRules<T> {
  readonly clock: Clock;
  readonly ttlMs: (answer: T) => number;
  readonly isGood: (answer: T) => boolean;
}

type Answers<T> = (
  about: Readonly<{ key: string; from: string }>,
  ask: () => Promise<T>,
) => Promise<T>;

/** Answers of one kind; positive and negative ones are cached separately. */
function createAnswers<T>(
  limits: QuestionLimits,
  { clock, ttlMs, isGood }: AnswerRules<T>,
): Answers<T> {
  const good = new ExpiringCache<Readonly<{ answer: T }>>(KEPT_ANSWERS);
  const bad = new ExpiringCache<Readonly<{ answer: T }>>(KEPT_ANSWERS);
  const questions = new Questions<T>(limits);
  return async ({ key, from }, ask) => {
    const nowMs = clock.monotonicMs();
    const known = good.get(key, nowMs) ?? bad.get(key, nowMs);
    if (known !== undefined) return known.answer;
    const askAndKeep = async (): Promise<T> => {
      const answer = await ask();
      const [room, other] = isGood(answer) ? [good, bad] : [bad, good];
      other.delete(key);
      room.put(key, { answer }, clock.monotonicMs() + ttlMs(answer));
      return answer;
    };
    return questions.ask({ key, from, isKnown: good.has(key), ask: askAndKeep });
  };
}

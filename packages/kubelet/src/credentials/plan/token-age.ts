export interface CachedToken {
  readonly token: string;
  readonly askedAtMs: number;
  readonly expiresAtMs: number;
}

const DAY_MS = 86_400_000;
const JITTER_MS = 10_000;

/**
 * True if a token need not be renewed yet: its age is below four fifths of its lifetime and below a
 * day, minus up to ten seconds of jitter.
 *
 * @param chance in [0, 1)
 * @see Kubernetes 1.36 pkg/kubelet/token/token_manager.go, requiresRefresh
 */
export function isFresh(token: CachedToken, nowMs: number, chance: number): boolean {
  const lifeMs = token.expiresAtMs - token.askedAtMs;
  const maxAgeMs = Math.min(0.8 * lifeMs, DAY_MS) - chance * JITTER_MS;
  const ageMs = nowMs - token.askedAtMs;
  // The age is negative if the wall clock was set back; renew the token then, too.
  return ageMs >= 0 && ageMs <= maxAgeMs;
}

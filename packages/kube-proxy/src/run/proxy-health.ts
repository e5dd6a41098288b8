import { type Clock, formatTimestamp } from '@nodeagent/base';

import type { IpFamily } from '../model/address.js';
import type { ProxyMetrics } from '../model/metrics.js';
import type { HttpAnswer, HttpRequest } from '../ports.js';

interface FamilyHealth {
  updatedAtMs: number;
  /** Time of the oldest change that no sync has carried out yet. */
  pendingSinceMs: number | undefined;
}

export interface ProxyHealthOptions {
  readonly clock: Clock;
  /** Maximum time that a change may wait. */
  readonly timeoutMs: number;
  readonly metrics: ProxyMetrics;
}

/**
 * Knows, per address family, whether changes reach the kernel, and whether this node wants traffic.
 *
 * @see Kubernetes 1.36 pkg/proxy/healthcheck/proxy_health.go
 */
export class ProxyHealth {
  readonly #options: ProxyHealthOptions;
  readonly #families = new Map<IpFamily, FamilyHealth>();
  #nodeEligible = true;

  constructor(options: ProxyHealthOptions) {
    this.#options = options;
  }

  /** Records that a change waits for a sync. */
  queued(family: IpFamily): void {
    this.#of(family).pendingSinceMs ??= this.#options.clock.nowMs();
  }

  /** Records that the kernel holds all queued changes. */
  updated(family: IpFamily): void {
    const health = this.#of(family);
    health.updatedAtMs = this.#options.clock.nowMs();
    health.pendingSinceMs = undefined;
  }

  setNodeEligible(eligible: boolean): void {
    this.#nodeEligible = eligible;
  }

  get healthy(): boolean {
    return [...this.#families.values()].every((health) => this.#isHealthy(health));
  }

  /** `/healthz` is for load balancers, `/livez` for the supervisor that restarts the process. */
  answer({ path }: HttpRequest): HttpAnswer {
    const { healthz, livez } = this.#options.metrics;
    if (path === '/healthz') return this.#report(healthz, { nodeEligible: this.#nodeEligible });
    if (path === '/livez') return this.#report(livez, {});
    return { status: 404, body: '404 page not found\n' };
  }

  #report(
    counter: ProxyMetrics['healthz'],
    extra: Readonly<{ nodeEligible?: boolean }>,
  ): HttpAnswer {
    const nowMs = this.#options.clock.nowMs();
    const { healthy } = this;
    const status = healthy && extra.nodeEligible !== false ? 200 : 503;
    const newestMs = Math.max(0, ...[...this.#families.values()].map((one) => one.updatedAtMs));
    const families = [...this.#families].map(([family, health]) => {
      const { updatedAtMs } = health;
      return [
        family,
        { lastUpdated: stamp(updatedAtMs), healthy: this.#isHealthy(health) },
      ] as const;
    });
    counter.increment({ code: String(status) });
    const body = JSON.stringify({
      lastUpdated: stamp(status === 200 ? nowMs : newestMs),
      currentTime: stamp(nowMs),
      ...extra,
      healthy,
      status: Object.fromEntries(families),
    });
    return { status, headers: JSON_HEADERS, body };
  }

  #isHealthy({ pendingSinceMs }: FamilyHealth): boolean {
    const { clock, timeoutMs } = this.#options;
    return pendingSinceMs === undefined || clock.nowMs() - pendingSinceMs < timeoutMs;
  }

  #of(family: IpFamily): FamilyHealth {
    const known = this.#families.get(family) ?? { updatedAtMs: 0, pendingSinceMs: undefined };
    this.#families.set(family, known);
    return known;
  }
}

export const JSON_HEADERS = {
  'Content-Type': 'application/json',
  'X-Content-Type-Options': 'nosniff',
};

function stamp(ms: number): string {
  return formatTimestamp(ms, 3);
}

import type { Random } from '@nodeagent/base';

import { type Endpoint, endpointText } from '../../model/endpoint.js';

/**
 * Maximum number of clients remembered per Service port; beyond it, the client unseen for longest
 * is forgotten.
 */
export const MOST_REMEMBERED_CLIENTS = 16_384;

interface Remembered {
  readonly endpoint: string;
  readonly seenAtMs: number;
}

/**
 * Takes a port's endpoints in turn, in an order that is shuffled whenever the endpoints change, so
 * that different nodes start with different ones. With affinity a client keeps its endpoint as long
 * as it returns in time and the endpoint exists.
 *
 * @see Kubernetes 1.25 pkg/proxy/userspace/roundrobin.go, the last version that had this mode
 */
export class RoundRobin {
  #endpoints: readonly Endpoint[] = [];
  #byText = new Map<string, Endpoint>();
  #next = 0;
  #affinityMs: number | undefined;
  /** By client, the one seen longest ago first. */
  readonly #clients = new Map<string, Remembered>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** @param affinityMs undefined without affinity */
  update(endpoints: readonly Endpoint[], affinityMs: number | undefined): void {
    this.#affinityMs = affinityMs;
    if (affinityMs === undefined) this.#clients.clear();
    const byText = new Map(endpoints.map((endpoint) => [endpointText(endpoint), endpoint]));
    const isSame =
      byText.size === this.#byText.size && [...byText.keys()].every((key) => this.#byText.has(key));
    this.#byText = byText;
    if (isSame) return;
    for (const [client, { endpoint }] of this.#clients) {
      if (!byText.has(endpoint)) this.#clients.delete(client);
    }
    this.#endpoints = shuffled([...byText.values()], this.#random);
    this.#next = 0;
  }

  has(endpoint: Endpoint): boolean {
    return this.#byText.has(endpointText(endpoint));
  }

  /**
   * @param again true when an attempt for the same connection failed: its endpoint is forgotten
   * @returns undefined when there is no endpoint
   */
  pick(client: string, nowMs: number, again = false): Endpoint | undefined {
    const kept = again ? undefined : this.#remembered(client, nowMs);
    const endpoint = kept ?? this.#endpoints[this.#next];
    if (endpoint === undefined) return undefined;
    if (kept === undefined) this.#next = (this.#next + 1) % this.#endpoints.length;
    if (this.#affinityMs !== undefined) this.#remember(client, endpoint, nowMs);
    return endpoint;
  }

  #remembered(client: string, nowMs: number): Endpoint | undefined {
    const found = this.#clients.get(client);
    if (found === undefined || this.#affinityMs === undefined) return undefined;
    if (nowMs - found.seenAtMs >= this.#affinityMs) return undefined;
    return this.#byText.get(found.endpoint);
  }

  #remember(client: string, endpoint: Endpoint, seenAtMs: number): void {
    this.#clients.delete(client); // moves the client to the end
    this.#clients.set(client, { endpoint: endpointText(endpoint), seenAtMs });
    if (this.#clients.size <= MOST_REMEMBERED_CLIENTS) return;
    const [oldest] = this.#clients.keys();
    if (oldest !== undefined) this.#clients.delete(oldest);
  }
}

/** The Fisher–Yates shuffle. */
function shuffled<T>(items: T[], random: Random): readonly T[] {
  for (let i = items.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}

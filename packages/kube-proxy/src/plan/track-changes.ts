import { sameSlice, type Slice } from '../model/endpoint.js';
import type { ServicePort } from '../model/service.js';

/** Changes since the last call of `take`. Services are named `namespace/name`. */
export interface Changes {
  readonly services: ReadonlySet<string>;
  readonly endpoints: ReadonlySet<string>;
  /** True when a changed Service has, or had, UDP endpoints: tracked flows may lead nowhere. */
  readonly udpEndpointsChanged: boolean;
  /** Times of the endpoint changes, milliseconds since the Unix epoch. */
  readonly changedAtMs: readonly number[];
}

/**
 * Keeps the newest Services and slices of one address family, and the changes since the last
 * `take`. A change that is undone before that does not count. O(1) per event in the number of
 * Services.
 */
export class ChangeTracker {
  readonly #services = new Map<string, readonly ServicePort[]>();
  readonly #slices = new Map<string, Map<string, Slice>>();
  readonly #sliceOwner = new Map<string, string>();
  /** State at the last `take` of Services that may have changed. */
  readonly #servicesBefore = new Map<string, readonly ServicePort[]>();
  readonly #slicesBefore = new Map<string, Map<string, Slice | undefined>>();
  readonly #changedAtMs = new Map<string, number[]>();
  readonly #startedAtMs: number;

  /** @param startedAtMs earlier changes are not timed: the proxy was not running yet */
  constructor(startedAtMs: number) {
    this.#startedAtMs = startedAtMs;
  }

  portsOf(service: string): readonly ServicePort[] {
    return this.#services.get(service) ?? [];
  }

  slicesOf(service: string): Iterable<Slice> {
    return this.#slices.get(service)?.values() ?? [];
  }

  get pending(): Readonly<{ services: number; endpoints: number }> {
    return { services: this.#servicesBefore.size, endpoints: this.#slicesBefore.size };
  }

  /** @param ports empty when the Service is gone, or has nothing in this family */
  setService(service: string, ports: readonly ServicePort[]): void {
    const now = this.portsOf(service);
    const before = this.#servicesBefore.get(service) ?? now;
    if (ports.length === 0) this.#services.delete(service);
    else this.#services.set(service, ports);
    if (JSON.stringify(before) === JSON.stringify(ports)) this.#servicesBefore.delete(service);
    else this.#servicesBefore.set(service, before);
  }

  replaceServices(all: ReadonlyMap<string, readonly ServicePort[]>): void {
    for (const service of [...this.#services.keys()]) {
      if (!all.has(service)) this.setService(service, []);
    }
    for (const [service, ports] of all) this.setService(service, ports);
  }

  /** @param slice undefined when the slice is gone */
  setSlice(name: string, slice: Slice | undefined): void {
    const owner = this.#sliceOwner.get(name);
    if (owner !== undefined && owner !== slice?.service) this.#put(owner, name, undefined);
    if (slice !== undefined) this.#put(slice.service, name, slice);
  }

  replaceSlices(all: ReadonlyMap<string, Slice>): void {
    for (const name of [...this.#sliceOwner.keys()]) {
      if (!all.has(name)) this.setSlice(name, undefined);
    }
    for (const [name, slice] of all) this.setSlice(name, slice);
  }

  /** Returns everything since the last call. */
  take(): Changes {
    const changes: Changes = {
      services: new Set(this.#servicesBefore.keys()),
      endpoints: new Set(this.#slicesBefore.keys()),
      udpEndpointsChanged: [...this.#slicesBefore].some(([service, before]) =>
        [...before.values(), ...this.slicesOf(service)].some(hasUdp),
      ),
      changedAtMs: [...this.#changedAtMs.values()].flat(),
    };
    this.#servicesBefore.clear();
    this.#slicesBefore.clear();
    this.#changedAtMs.clear();
    return changes;
  }

  #put(service: string, name: string, slice: Slice | undefined): void {
    const slices = this.#slices.get(service) ?? new Map<string, Slice>();
    const now = slices.get(name);
    const known = this.#slicesBefore.get(service);
    const before = known?.has(name) === true ? known.get(name) : now;
    if (slice === undefined) {
      slices.delete(name);
      this.#sliceOwner.delete(name);
      this.#changedAtMs.delete(service);
    } else {
      slices.set(name, slice);
      this.#sliceOwner.set(name, service);
      if (!same(now, slice)) this.#noteTime(slice);
    }
    if (slices.size === 0) this.#slices.delete(service);
    else this.#slices.set(service, slices);
    this.#remember(service, name, { before, changed: !same(before, slice) });
  }

  #remember(
    service: string,
    name: string,
    { before, changed }: Readonly<{ before: Slice | undefined; changed: boolean }>,
  ): void {
    const known = this.#slicesBefore.get(service) ?? new Map<string, Slice | undefined>();
    if (changed) known.set(name, before);
    else known.delete(name);
    if (known.size === 0) this.#slicesBefore.delete(service);
    else this.#slicesBefore.set(service, known);
  }

  #noteTime({ service, changedAtMs }: Slice): void {
    if (changedAtMs === undefined || changedAtMs < this.#startedAtMs) return;
    this.#changedAtMs.set(service, [...(this.#changedAtMs.get(service) ?? []), changedAtMs]);
  }
}

function same(a: Slice | undefined, b: Slice | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameSlice(a, b);
}

function hasUdp(slice: Slice | undefined): boolean {
  return slice?.ports.some(({ protocol }) => protocol === 'UDP') ?? false;
}

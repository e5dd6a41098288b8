import type { Clock } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';

import { type Destination, destinationKey } from '../model/destination.js';
import { isIpvsError } from '../model/errors.js';
import type { Operation } from '../model/operation.js';
import { matchesOutline } from '../model/outline.js';
import { formatServiceId, type ServiceId } from '../model/service.js';
import { type DestinationState, type ServiceState, unusedState } from '../model/state.js';
import { diff, type VirtualServer } from '../plan/diff.js';
import { drain, type DrainRules } from '../plan/drain.js';
import type { Ipvs } from '../ports.js';

/** The services that are managed, and how destinations leave. */
export interface ReconcilerOptions {
  readonly ipvs: Ipvs;
  /** The system's clocks when absent. */
  readonly clock?: Clock;
  /** Selects the services to manage; others are left alone. All services when absent. */
  readonly manages?: (id: ServiceId) => boolean;
  /** Without it destinations are deleted at once. */
  readonly drain?: DrainRules & {
    /** A destination is deleted after this time even with connections; never when absent. */
    readonly maxMs?: number;
  };
}

/** How thoroughly a sync looks at what is there. */
export interface SyncOptions {
  /**
   * Also finds destinations that other programs changed: compares the outline, then reads the
   * services that differ. Without an outline it reads the destinations of each service.
   */
  readonly verify?: boolean;
  readonly signal?: AbortSignal;
}

/** The part of a service in the kernel that we wrote. */
interface Entry {
  /** The service as wanted, with its destinations. */
  readonly server: VirtualServer;
  /** Keys of destinations that are no longer wanted but still have connections. */
  readonly draining: readonly string[];
}

type Observed = VirtualServer<ServiceState, DestinationState>;

/**
 * Keeps the kernel's tables equal to the desired ones. It remembers the destinations that it wrote,
 * so when nothing differs a sync costs one dump of the services, however many destinations they
 * have; a sync with `verify` also reads the outline.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions & Readonly<{ clock: Clock }>;
  /** Services whose destinations are known exactly. */
  readonly #known = new Map<string, Entry>();
  /** Monotonic time at which each destination began to drain, by service and destination. */
  readonly #since = new Map<string, number>();

  constructor(options: ReconcilerOptions) {
    this.#options = { ...options, clock: options.clock ?? createSystemClock() };
  }

  /** Number of destinations being drained. */
  get draining(): number {
    return this.#since.size;
  }

  /**
   * Makes the kernel have exactly these services among the managed ones.
   *
   * @returns the operations carried out, in order
   * @throws {IpvsError} of `diff` and of `Ipvs`; `IPVS_PARTIAL` lists the operations done. The next
   * sync reads uncertain parts again.
   */
  async sync(
    desired: readonly VirtualServer[],
    { verify = false, signal }: SyncOptions = {},
  ): Promise<readonly Operation[]> {
    const { ipvs, manages } = this.#options;
    if (verify) await this.#forgetChanged(signal);
    const wanted = new Map(desired.map((server) => [formatServiceId(server.service.id), server]));
    const actual: Observed[] = [];
    for (const service of await ipvs.listServices(signal)) {
      const server = wanted.get(formatServiceId(service.id));
      // an unwanted service is deleted as a whole, or is not managed
      const destinations = server === undefined ? [] : await this.#destinations(server, signal);
      actual.push({ service, destinations });
    }
    const operations = diff(desired, actual, {
      ...(manages === undefined ? {} : { manages }),
      remove: (id, destination) => this.#remove(id, destination),
    });
    for (const operation of operations) this.#known.delete(serviceKeyOf(operation));
    await ipvs.apply(operations, signal);
    this.#remember(wanted, actual, operations);
    return operations;
  }

  /** Deletes the destinations that have become idle. @returns the number of destinations left */
  async drain(signal?: AbortSignal): Promise<number> {
    const { ipvs } = this.#options;
    for (const [key, { server, draining }] of [...this.#known]) {
      if (draining.length === 0) continue;
      const { id } = server.service;
      const states = await ipvs.listDestinations(id, signal).catch(noneIfGone);
      const leaving = states.filter((state) => draining.includes(destinationKey(state)));
      const operations = leaving.flatMap((state) => this.#remove(id, state));
      this.#known.delete(key);
      await ipvs.apply(operations, signal);
      this.#learn(server, states, operations);
    }
    return this.draining;
  }

  async #forgetChanged(signal: AbortSignal | undefined): Promise<void> {
    if (this.#known.size === 0) return;
    const outline = await this.#options.ipvs.outline(signal);
    for (const [key, { server, draining }] of this.#known) {
      if (draining.length > 0) continue; // read in any case
      if (!matchesOutline(server.destinations, outline?.get(key))) this.#known.delete(key);
    }
  }

  /** Returns them from memory, or from the kernel when memory is not enough. */
  async #destinations(
    wanted: VirtualServer,
    signal: AbortSignal | undefined,
  ): Promise<readonly DestinationState[]> {
    const entry = this.#known.get(formatServiceId(wanted.service.id));
    if (entry !== undefined && entry.draining.length === 0) {
      const had = entry.server.destinations;
      const keys = new Set(wanted.destinations.map(destinationKey));
      // only the kernel knows whether a leaving destination has connections
      const noneLeaves = had.every((each) => keys.has(destinationKey(each)));
      if (entry.server === wanted || noneLeaves) return had.map(unusedState);
    }
    return this.#options.ipvs.listDestinations(wanted.service.id, signal).catch(noneIfGone);
  }

  #remove(id: ServiceId, destination: DestinationState): readonly Operation[] {
    const { drain: rules, clock } = this.#options;
    const { address, port } = destination;
    const now: Operation = { kind: 'delete-destination', id, destination: { address, port } };
    if (rules === undefined) return [now];
    const since = this.#since.get(drainKey(id, destination));
    const isOverdue =
      since !== undefined && clock.monotonicMs() - since >= (rules.maxMs ?? Infinity);
    return isOverdue ? [now] : drain(id, destination, rules);
  }

  #remember(
    wanted: ReadonlyMap<string, VirtualServer>,
    actual: readonly Observed[],
    operations: readonly Operation[],
  ): void {
    const seen = new Map(
      actual.map(({ service, destinations }) => [formatServiceId(service.id), destinations]),
    );
    for (const key of this.#known.keys()) if (!wanted.has(key)) this.#known.delete(key);
    this.#forgetDrained(([service]) => !wanted.has(service));
    const byService = Map.groupBy(operations, serviceKeyOf);
    for (const [key, server] of wanted) {
      this.#learn(server, seen.get(key) ?? [], byService.get(key) ?? []);
    }
  }

  /** Records a service's destinations after these operations. */
  #learn(
    server: VirtualServer,
    states: readonly DestinationState[],
    operations: readonly Operation[],
  ): void {
    const key = formatServiceId(server.service.id);
    const known = this.#known.get(key);
    if (known?.server === server && known.draining.length === 0 && operations.length === 0) return;
    const wanted = new Set(server.destinations.map(destinationKey));
    const deleted = new Set(
      operations.flatMap((operation) =>
        operation.kind === 'delete-destination' ? [destinationKey(operation.destination)] : [],
      ),
    );
    const draining = states
      .map(destinationKey)
      .filter((each) => !wanted.has(each) && !deleted.has(each));
    this.#known.set(key, { server, draining });
    this.#forgetDrained(([service, each]) => service === key && !draining.includes(each));
    const nowMs = this.#options.clock.monotonicMs();
    for (const each of draining) {
      const name = `${key} → ${each}`;
      if (!this.#since.has(name)) this.#since.set(name, nowMs);
    }
  }

  #forgetDrained(isOver: (name: readonly [service: string, destination: string]) => boolean): void {
    for (const name of this.#since.keys()) {
      const [service = '', destination = ''] = name.split(' → ');
      if (isOver([service, destination])) this.#since.delete(name);
    }
  }
}

function drainKey(id: ServiceId, destination: Destination): string {
  return `${formatServiceId(id)} → ${destinationKey(destination)}`;
}

function serviceKeyOf(operation: Operation): string {
  switch (operation.kind) {
    case 'add-service':
    case 'update-service':
      return formatServiceId(operation.service.id);
    case 'zero':
    case 'flush':
      return operation.kind; // diff never makes these
    default:
      return formatServiceId(operation.id);
  }
}

/** A service that is deleted while it is read has no destinations. */
function noneIfGone(error: unknown): readonly DestinationState[] {
  if (isIpvsError(error, 'IPVS_SERVICE_MISSING')) return [];
  throw error;
}

import { BoundedRunner, type Clock, type Logger, runScope } from '@nodeagent/base';
import { isNetfilterError } from '@nodeagent/netfilter';
import type { Conntrack } from '@nodeagent/netfilter/conntrack';

import type { IpFamily } from '../model/address.js';
import type { Slice } from '../model/endpoint.js';
import type { ProxyMetrics } from '../model/metrics.js';
import type { ServicePort } from '../model/service.js';
import type { Topology } from '../plan/categorize-endpoints.js';
import { planHealthChecks } from '../plan/health-checks.js';
import { type NodeView, NodeViewBuilder } from '../plan/node-view.js';
import { staleFlowTest } from '../plan/stale-flows.js';
import { ChangeTracker } from '../plan/track-changes.js';
import type { Backend } from '../ports.js';
import type { ProxyHealth } from './proxy-health.js';
import type { ServiceHealth } from './service-health.js';

export interface FamilyProxyOptions {
  readonly family: IpFamily;
  readonly backend: Backend;
  readonly conntrack: Conntrack;
  readonly topology: Topology;
  readonly health: ProxyHealth;
  readonly serviceHealth: ServiceHealth;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ProxyMetrics;
  readonly syncPeriodMs: number;
  readonly minSyncPeriodMs: number;
}

/** Syncs happen at least this often, even without changes. */
const MAX_INTERVAL_MS = 3_600_000;

/**
 * Carries one address family from API changes into the kernel, independently of failures of the
 * other family.
 */
export class FamilyProxy {
  readonly family: IpFamily;
  readonly #options: FamilyProxyOptions;
  readonly #tracker: ChangeTracker;
  readonly #builder: NodeViewBuilder;
  readonly #runner: BoundedRunner;
  readonly #synced = { services: false, slices: false };
  /** Carried over from failed syncs. */
  #udpEndpointsChanged = false;
  #changedAtMs: readonly number[] = [];
  readonly #programmed = Promise.withResolvers<undefined>();

  constructor(options: FamilyProxyOptions) {
    const { family, clock, topology, minSyncPeriodMs, syncPeriodMs, log } = options;
    this.family = family;
    this.#options = options;
    this.#tracker = new ChangeTracker(clock.nowMs());
    this.#builder = new NodeViewBuilder(this.#tracker, family, topology);
    const retryMs = Math.min(syncPeriodMs, MAX_INTERVAL_MS);
    this.#runner = new BoundedRunner({
      clock,
      minIntervalMs: minSyncPeriodMs,
      maxIntervalMs: MAX_INTERVAL_MS,
      retry: { initialMs: retryMs, maxMs: retryMs },
      task: (signal) => this.#sync(signal),
      onError: (error) => {
        log.error({ family, err: error, retryInMs: retryMs }, 'sync failed');
      },
    });
  }

  /** Resolves when the rules have been written for the first time, or when the proxy stops. */
  get programmed(): Promise<unknown> {
    return this.#programmed.promise;
  }

  setService(service: string, ports: readonly ServicePort[]): void {
    this.#tracker.setService(service, ports);
    this.#options.metrics.serviceChanges.increment();
    this.#changed();
  }

  replaceServices(all: ReadonlyMap<string, readonly ServicePort[]>): void {
    this.#tracker.replaceServices(all);
    this.#synced.services = true;
    this.#changed();
    this.#request();
  }

  setSlice(name: string, slice: Slice | undefined): void {
    this.#tracker.setSlice(name, slice);
    this.#options.metrics.endpointChanges.increment();
    this.#changed();
  }

  replaceSlices(all: ReadonlyMap<string, Slice>): void {
    this.#tracker.replaceSlices(all);
    this.#synced.slices = true;
    this.#changed();
    this.#request();
  }

  setTopology(topology: Topology): void {
    this.#builder.setTopology(topology);
    this.#options.backend.requestFull();
    this.#request();
  }

  /** @param cidrs canonical prefixes of either family */
  setServiceCidrs(cidrs: readonly string[]): void {
    if (this.#builder.setServiceCidrs(cidrs)) this.#request();
  }

  /** Runs until the signal fires; the rules stay. */
  async run(signal: AbortSignal): Promise<void> {
    const { backend, health, serviceHealth, family } = this.#options;
    health.updated(family);
    try {
      await runScope(
        [
          (inner) => this.#runner.run(inner),
          (inner) => backend.watch(() => this.#request(), inner),
        ],
        signal,
      );
    } finally {
      this.#programmed.resolve(undefined);
      await serviceHealth.close();
    }
  }

  #changed(): void {
    const { services, endpoints } = this.#tracker.pending;
    this.#options.metrics.serviceChangesPending.set(services);
    this.#options.metrics.endpointChangesPending.set(endpoints);
    if (services + endpoints > 0) this.#request();
  }

  #request(): void {
    if (!this.#synced.services || !this.#synced.slices) return;
    const { health, metrics, clock, family } = this.#options;
    health.queued(family);
    metrics.lastQueued.set(clock.nowMs() / 1000, { ip_family: family });
    this.#runner.request();
  }

  async #sync(signal: AbortSignal): Promise<void> {
    if (!this.#synced.services || !this.#synced.slices) return;
    const { backend, clock, log, metrics, family } = this.#options;
    const labels = { ip_family: family };
    const startedMs = clock.monotonicMs();
    const change = this.#builder.update();
    for (const { service, error } of change.failures) {
      const [namespace = '', name = ''] = service.split('/');
      log.error(
        { kind: 'Service', namespace, name, family, err: error },
        'Service cannot be computed; it is served as before',
      );
    }
    this.#udpEndpointsChanged ||= change.udpEndpointsChanged;
    this.#changedAtMs = [...this.#changedAtMs, ...change.changedAtMs];
    metrics.serviceChangesPending.set(0);
    metrics.endpointChangesPending.set(0);
    const { view } = this.#builder;
    let kind: 'full' | 'partial' | 'failed' = 'failed';
    try {
      kind = await backend.sync(view, change, signal);
    } finally {
      const seconds = (clock.monotonicMs() - startedMs) / 1000;
      metrics.syncSeconds.observe(seconds, labels);
      if (kind === 'full') metrics.fullSyncSeconds.observe(seconds, labels);
      if (kind === 'partial') metrics.partialSyncSeconds.observe(seconds, labels);
    }
    const durationMs = clock.monotonicMs() - startedMs;
    log.debug({ family, kind, durationMs, changed: change.changedPorts.size }, 'rules synced');
    this.#programmed.resolve(undefined);
    await this.#afterSync(view, signal);
  }

  async #afterSync(view: NodeView, signal: AbortSignal): Promise<void> {
    const { clock, family, health, metrics, serviceHealth } = this.#options;
    const labels = { ip_family: family };
    const nowMs = clock.nowMs();
    for (const atMs of this.#changedAtMs) {
      metrics.programmingSeconds.observe((nowMs - atMs) / 1000, labels);
    }
    this.#changedAtMs = [];
    health.updated(family);
    metrics.lastSync.set(nowMs / 1000, labels);
    this.#countMissingLocal(view);
    await serviceHealth.update(planHealthChecks(view.ports.values()));
    if (this.#udpEndpointsChanged) await this.#cleanStaleFlows(view, signal);
    this.#udpEndpointsChanged = false;
  }

  #countMissingLocal({ ports }: NodeView): void {
    const { metrics, family } = this.#options;
    let internal = 0;
    let external = 0;
    for (const port of ports.values()) {
      if (port.hasAny && !port.hasInternal) internal += 1;
      if (port.hasAny && !port.hasExternal) external += 1;
    }
    const labels = { ip_family: family };
    metrics.noLocalEndpoints.set(internal, { ...labels, traffic_policy: 'internal' });
    metrics.noLocalEndpoints.set(external, { ...labels, traffic_policy: 'external' });
  }

  /** A failure to forget old flows must not undo a good sync: it is only logged. */
  async #cleanStaleFlows(view: NodeView, signal: AbortSignal): Promise<void> {
    const { conntrack, clock, metrics, log, family } = this.#options;
    const startedMs = clock.monotonicMs();
    let deleted = 0;
    try {
      const where = staleFlowTest(view.ports.values());
      if (where === undefined) return;
      const stale = await conntrack.list({ protocol: 'udp', where }, signal);
      deleted = await conntrack.delete(stale, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isNetfilterError(error, 'NETFILTER_COMMAND_MISSING', 'NETFILTER_UNSUPPORTED')) {
        log.warn({ family, err: error }, 'stale UDP flows stay until they time out');
      } else log.error({ family, err: error }, 'stale UDP flows cannot be removed');
    }
    const labels = { ip_family: family };
    metrics.conntrackSeconds.observe((clock.monotonicMs() - startedMs) / 1000, labels);
    if (deleted > 0) metrics.conntrackDeleted.increment(labels, deleted);
  }
}

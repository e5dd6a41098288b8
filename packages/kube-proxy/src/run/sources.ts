import type { Clock, Logger, Metrics, Random } from '@nodeagent/base';
import {
  ENDPOINT_SLICES,
  type EndpointSlice,
  type EventRecorder,
  type KubeClient,
  type KubeError,
  type ObjectFailure,
  type ReflectorSink,
  runReflector,
  type Service,
  SERVICE_CIDRS,
  type ServiceCidr,
  SERVICES,
} from '@nodeagent/kube-client';

import { canonicalCidr } from '../model/address.js';
import { isWhole, projectSlice, type Slice } from '../model/endpoint.js';
import { projectService, type ServicePorts } from '../model/service.js';
import { findServiceProblems, findSliceProblems } from '../plan/find-problems.js';
import type { Problems } from '../ports.js';
import type { FamilyProxy } from './family-proxy.js';

/** Receives the API's objects for one address family. */
export type FamilySink = Pick<
  FamilyProxy,
  'family' | 'setService' | 'replaceServices' | 'setSlice' | 'replaceSlices' | 'setServiceCidrs'
>;

export interface SourceOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Counts objects that cannot be used. */
  readonly counters?: Metrics;
  readonly events: EventRecorder;
  readonly nodeName: string;
  readonly families: readonly FamilySink[];
  readonly problems: Problems;
}

/** Headless Services and those that other proxies serve are never requested. */
const SERVICE_SELECTORS = {
  labelSelector: '!service.kubernetes.io/service-proxy-name',
  fieldSelector: 'spec.clusterIP!=None',
};
/** Services are small: pages of the usual size would need many requests. */
const SERVICES_PER_PAGE = 500;

const SLICE_SELECTORS = { labelSelector: '!service.kubernetes.io/headless' };

export function watchServices(options: SourceOptions, signal: AbortSignal): Promise<void> {
  const { client, families, problems } = options;
  const sink: ReflectorSink<ServicePorts> = {
    replace: (items) => {
      for (const proxy of families) {
        proxy.replaceServices(
          new Map([...items].map(([key, ports]) => [key, ports[proxy.family]])),
        );
      }
    },
    upsert: (key, ports) => {
      for (const proxy of families) proxy.setService(key, ports[proxy.family]);
    },
    remove: (key) => {
      problems.set({ kind: 'Service', name: key, part: 'object' }, []);
      for (const proxy of families) proxy.setService(key, []);
    },
  };
  const project = (service: Service): ServicePorts => {
    const about = { kind: 'Service', name: nameOf(service), part: 'object' } as const;
    problems.set(about, findServiceProblems(service));
    return projectService(service);
  };
  const selectors = SERVICE_SELECTORS;
  const { clock, random, log, counters: metrics } = options;
  return runReflector(
    client,
    {
      ...{ clock, random, log, metrics, selectors, project, sink },
      resource: SERVICES,
      pageSize: SERVICES_PER_PAGE,
      onError: logWatchError(log, 'services'),
      onObjectFailure: reportFailure(options),
    },
    signal,
  );
}

export function watchSlices(options: SourceOptions, signal: AbortSignal): Promise<void> {
  const { client, families, nodeName, problems } = options;
  const sink: ReflectorSink<Slice> = {
    replace: (items) => {
      for (const proxy of families) {
        const own = [...items].filter(([, slice]) => slice.family === proxy.family);
        proxy.replaceSlices(new Map(own));
      }
    },
    upsert: (key, slice) => {
      for (const proxy of families) {
        if (slice.family === proxy.family) proxy.setSlice(key, slice);
      }
    },
    remove: (key) => {
      problems.set({ kind: 'EndpointSlice', name: key, part: 'object' }, []);
      for (const proxy of families) proxy.setSlice(key, undefined);
    },
  };
  const project = (slice: EndpointSlice): Slice | undefined => {
    const about = { kind: 'EndpointSlice', name: nameOf(slice), part: 'object' } as const;
    const kept = projectSlice(slice, nodeName);
    const hasNone = kept !== undefined && isWhole(slice, kept);
    problems.set(about, hasNone ? [] : findSliceProblems(slice));
    return kept;
  };
  const selectors = SLICE_SELECTORS;
  const { clock, random, log, counters: metrics } = options;
  return runReflector(
    client,
    {
      ...{ clock, random, log, metrics, selectors, project, sink },
      resource: ENDPOINT_SLICES,
      onError: logWatchError(log, 'endpointslices'),
      onObjectFailure: reportFailure(options),
    },
    signal,
  );
}

function nameOf({ metadata }: Service | EndpointSlice): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

/** Reports a failure with an event on the object itself. */
function reportFailure({ events }: SourceOptions): (failure: ObjectFailure) => void {
  return ({ kind, namespace = '', name, uid, error }) => {
    if (name === '') return; // there is no object to report it on
    events.record({
      type: 'Warning',
      reason: 'NotServed',
      action: 'Program',
      message: `kube-proxy cannot use this object and continues with its earlier version: ${messageOf(error)}`,
      about: { kind, namespace, name, ...(uid === undefined ? {} : { uid }) },
    });
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Watches the ranges of cluster IPs; an API server without such objects (before 1.33) reports none.
 */
export function watchServiceCidrs(options: SourceOptions, signal: AbortSignal): Promise<void> {
  const { client, families } = options;
  const known = new Map<string, readonly string[]>();
  const changed = (): void => {
    const all = [...new Set([...known.values()].flat())];
    for (const proxy of families) proxy.setServiceCidrs(all);
  };
  const sink: ReflectorSink<readonly string[]> = {
    replace: (items) => {
      known.clear();
      for (const [name, cidrs] of items) known.set(name, cidrs);
      changed();
    },
    upsert: (name, cidrs) => {
      known.set(name, cidrs);
      changed();
    },
    remove: (name) => {
      known.delete(name);
      changed();
    },
  };
  const project = ({ spec }: ServiceCidr): readonly string[] =>
    (spec?.cidrs ?? []).flatMap((cidr) => canonicalCidr(cidr) ?? []);
  const { clock, random, log, counters: metrics } = options;
  const resource = SERVICE_CIDRS;
  const onError = logWatchError(log, 'servicecidrs');
  return runReflector(
    client,
    { clock, random, log, metrics, onError, resource, project, sink },
    signal,
  );
}

export function logWatchError(
  log: Logger,
  what: string,
): (error: KubeError, retryInMs: number) => void {
  return (error, retryInMs) => {
    log.warn({ err: error, retryInMs }, `${what} cannot be watched`);
  };
}

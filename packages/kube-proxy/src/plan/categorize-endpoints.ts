import {
  type Endpoint,
  endpointText,
  has,
  LOCAL,
  READY,
  SERVING,
  TERMINATING,
} from '../model/endpoint.js';
import { type ServicePort, usesClusterEndpoints, usesLocalEndpoints } from '../model/service.js';

/** The name and zone of this node. */
export interface Topology {
  readonly nodeName: string;
  /** Label `topology.kubernetes.io/zone`; undefined when the node has none. */
  readonly zone: string | undefined;
}

/** The endpoints of a Service port that may get traffic through this node. */
export interface CategorizedEndpoints {
  /** Endpoints for traffic that may go anywhere. */
  readonly cluster: readonly Endpoint[];
  /** Endpoints for traffic that must stay on this node. */
  readonly local: readonly Endpoint[];
  /** Endpoints that any traffic may reach from here. */
  readonly reachable: readonly Endpoint[];
  /** True when some endpoint anywhere could answer. */
  readonly hasAny: boolean;
}

const NONE: CategorizedEndpoints = { cluster: [], local: [], reachable: [], hasAny: false };

/**
 * Sorts a port's endpoints by the traffic that may be sent to them. Returns the given list itself
 * where it fits unchanged, so most ports cost no second list.
 *
 * @see Kubernetes 1.36 pkg/proxy/topology.go, CategorizeEndpoints
 */
export function categorizeEndpoints(
  all: readonly Endpoint[],
  service: ServicePort,
  topology: Topology,
): CategorizedEndpoints {
  if (all.length === 0) return NONE;
  const usesCluster = usesClusterEndpoints(service);
  const preference = usesCluster ? topologyPreference(all, topology) : undefined;
  const cluster = usesCluster ? clusterEndpoints(all, preference) : [];
  if (!usesLocalEndpoints(service)) {
    return { cluster, local: [], reachable: cluster, hasAny: cluster.length > 0 };
  }
  const hasAny = cluster.length > 0 || all.some(couldAnswer);
  const readyHere = all.filter((endpoint) => has(endpoint, LOCAL | READY));
  const fallback = readyHere.length === 0;
  const local = fallback
    ? all.filter((endpoint) => has(endpoint, LOCAL | SERVING | TERMINATING))
    : readyHere;
  if (!usesCluster) return { cluster, local, reachable: local, hasAny };
  const clusterHasAll = preference === undefined && !(fallback && local.length > 0);
  const reachable = clusterHasAll ? cluster : union(cluster, local);
  return { cluster, local, reachable, hasAny };
}

type Preference = (endpoint: Endpoint) => boolean;

function clusterEndpoints(
  all: readonly Endpoint[],
  preference: Preference | undefined,
): readonly Endpoint[] {
  if (preference === undefined && all.every((endpoint) => has(endpoint, READY))) return all;
  const ready = all.filter(
    (endpoint) => has(endpoint, READY) && (preference === undefined || preference(endpoint)),
  );
  if (ready.length > 0) return ready;
  return all.filter((endpoint) => has(endpoint, SERVING | TERMINATING));
}

/** Hints count only when every ready endpoint has them, and at least one is for this node. */
function topologyPreference(
  all: readonly Endpoint[],
  { nodeName, zone }: Topology,
): Preference | undefined {
  if (all.every(({ hints }) => hints === undefined)) return undefined;
  const ready = all.filter((endpoint) => has(endpoint, READY));
  if (ready.length === 0) return undefined;
  const forNode: Preference = ({ hints }) => hints?.nodes.includes(nodeName) ?? false;
  if (ready.every(({ hints }) => (hints?.nodes.length ?? 0) > 0) && ready.some(forNode)) {
    return forNode;
  }
  if (zone === undefined || zone === '') return undefined;
  const forZone: Preference = ({ hints }) => hints?.zones.includes(zone) ?? false;
  const allHinted = ready.every(({ hints }) => (hints?.zones.length ?? 0) > 0);
  return allHinted && ready.some(forZone) ? forZone : undefined;
}

function couldAnswer(endpoint: Endpoint): boolean {
  return has(endpoint, READY) || has(endpoint, SERVING | TERMINATING);
}

function union(a: readonly Endpoint[], b: readonly Endpoint[]): readonly Endpoint[] {
  const seen = new Set(a.map(endpointText));
  return [...a, ...b.filter((endpoint) => !seen.has(endpointText(endpoint)))];
}

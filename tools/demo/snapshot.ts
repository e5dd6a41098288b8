import type { KubeClient, Node, Pod, Service } from '@nodeagent/kube-client';
import { NODES, PODS, SERVICES } from '@nodeagent/kube-client';

export interface PodView {
  readonly name: string;
  readonly phase: string;
  readonly ready: boolean;
  readonly ip: string;
  readonly node: string;
  readonly restarts: number;
  /** The reason why its container waits, e.g. `CrashLoopBackOff`; empty when it does not wait. */
  readonly waiting: string;
}

export interface Snapshot {
  readonly node: Readonly<{ name: string; ready: boolean; reason: string }>;
  readonly pods: readonly PodView[];
  readonly service: Readonly<{ clusterIP: string; nodePort: number }>;
}

/** Reads the present state from the API. */
export async function takeSnapshot(
  client: KubeClient,
  nodeName: string,
  signal: AbortSignal,
): Promise<Snapshot> {
  const web = { namespace: 'default', labelSelector: 'app=web' };
  const [node, pods, service] = await Promise.all([
    client.get(NODES, { name: nodeName }, signal),
    client.list(PODS, web, signal),
    client.get(SERVICES, { namespace: 'default', name: 'web' }, signal),
  ]);
  const byName = pods.items.map(viewPod).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { node: viewNode(node, nodeName), pods: byName, service: viewService(service) };
}

function viewNode({ status }: Node, name: string): Snapshot['node'] {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return { name, ready: ready?.status === 'True', reason: ready?.message ?? '' };
}

function viewPod({ metadata, spec, status }: Pod): PodView {
  const containers = status?.containerStatuses ?? [];
  return {
    name: metadata?.name ?? '',
    phase: metadata?.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating',
    ready: status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True',
    ip: status?.podIP ?? '',
    node: spec?.nodeName ?? '',
    restarts: containers.reduce((sum, { restartCount }) => sum + restartCount, 0),
    waiting: containers.find(({ state }) => state?.waiting)?.state?.waiting?.reason ?? '',
  };
}

function viewService({ spec }: Service): Snapshot['service'] {
  return { clusterIP: spec?.clusterIP ?? '', nodePort: spec?.ports?.[0]?.nodePort ?? 0 };
}

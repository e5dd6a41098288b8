import { runScope, Wake } from '@nodeagent/base';
import {
  type KubeClient,
  type KubeObject,
  QueuedEventRecorder,
  runReflector,
} from '@nodeagent/kube-client';

import type { ViewName } from '../model/view.js';
import { planApprovals } from '../plan/approve.js';
import { planDaemonSets } from '../plan/daemon-sets.js';
import { planEndpoints } from '../plan/endpoints.js';
import { planEvictions } from '../plan/evict.js';
import { planGarbage } from '../plan/garbage.js';
import { type MissingNodes, noteMissingNodes, planLostPods } from '../plan/lost-pods.js';
import { planNamespaces } from '../plan/namespaces.js';
import { type Heartbeats, noteHeartbeats, planNodeLifecycle } from '../plan/node-lifecycle.js';
import { without } from '../plan/objects.js';
import { planReplicas } from '../plan/replicas.js';
import { planRollouts } from '../plan/rollout.js';
import { planSchedule } from '../plan/schedule.js';
import { planStatefulSets } from '../plan/stateful-sets.js';
import { planAttachments } from '../plan/storage/attachments.js';
import { planBinding } from '../plan/storage/bind-claims.js';
import { planEphemeralClaims } from '../plan/storage/ephemeral-claims.js';
import { planProtection } from '../plan/storage/protection.js';
import { Cluster, WATCHED } from './cluster.js';
import { type Controller, runController } from './controller.js';
import type { Settings } from './controllers-options.js';
import { OwnedObjects } from './owned-objects.js';
import { ToldEvents } from './told-events.js';

/** Runs every controller until the signal fires. */
export async function runAllControllers(
  client: KubeClient,
  options: Settings,
  signal: AbortSignal,
): Promise<void> {
  const cluster = new Cluster();
  const owned = new OwnedObjects(cluster);
  const synced = new Wake();
  const names = Object.keys(WATCHED) as ViewName[];
  let missing = names.length;
  const onSynced = (): void => {
    missing -= 1;
    if (missing === 0) synced.wake();
  };
  const reflectors = names.map((name) => (inner: AbortSignal) => {
    const { clock, random, log, metrics } = options;
    const { resource, selectors } = WATCHED[name];
    const reflector = {
      resource,
      project: withoutManagedFields,
      sink: cluster.sink(name),
      ...{ clock, random, log, metrics },
      onSynced,
      onError: (err: Error, retryInMs: number) => {
        log.warn({ resource: resource.plural, err, retryInMs }, 'controllers cannot watch');
      },
      ...(selectors === undefined ? {} : { selectors }),
    };
    return runReflector(client, reflector, inner);
  });
  const control = async (inner: AbortSignal): Promise<void> => {
    if ((await synced.wait(inner)) === 'aborted') return;
    options.onSynced?.();
    const tasks = controllersOf(cluster, owned, options).map(
      (controller) => (deepest: AbortSignal) =>
        runWithEvents({ controller, client, cluster, owned }, options, deepest),
    );
    await runScope(tasks, inner);
  };
  const own = (inner: AbortSignal): Promise<void> => owned.run(client, options, inner);
  await runScope([...reflectors, own, control], signal);
}

async function runWithEvents(
  what: Readonly<{
    controller: Controller;
    client: KubeClient;
    cluster: Cluster;
    owned: OwnedObjects;
  }>,
  options: Settings,
  signal: AbortSignal,
): Promise<void> {
  const { controller, client, cluster, owned } = what;
  const { clock, random, metrics, log } = options;
  const events = new QueuedEventRecorder({
    component: controller.component,
    clock,
    random,
    metrics,
    onDrop: (note, err) => log.debug({ note, err }, 'event dropped'),
  });
  const executor = { client, cluster, owned, clock, events, told: new ToldEvents(events) };
  await runScope(
    [
      (inner) => events.run(client, inner),
      (inner) => runController(controller, { executor, log }, inner),
    ],
    signal,
  );
}

function controllersOf(
  { view }: Cluster,
  owned: OwnedObjects,
  { clock, rootCaPem, nodeGraceMs }: Settings,
): readonly Controller[] {
  let heartbeats: Heartbeats = new Map();
  let missing: MissingNodes = new Map();
  const plans: Readonly<
    Record<string, readonly [string, readonly ViewName[], Controller['plan']]>
  > = {
    approvals: [
      'certificate-controller',
      ['signingRequests'],
      () => planApprovals(view, clock.nowMs()),
    ],
    scheduler: [
      'default-scheduler',
      [
        'pods',
        'nodes',
        'persistentVolumeClaims',
        'persistentVolumes',
        'storageClasses',
        'csiNodes',
      ],
      () => planSchedule(view, clock.nowMs()),
    ],
    replicas: [
      'replicaset-controller',
      ['replicaSets', 'pods'],
      () => planReplicas(view, clock.nowMs()),
    ],
    rollouts: [
      'deployment-controller',
      ['deployments', 'replicaSets', 'pods'],
      () => planRollouts(view, clock.nowMs()),
    ],
    daemonSets: [
      'daemonset-controller',
      ['daemonSets', 'pods', 'nodes'],
      () => planDaemonSets(view, clock.nowMs()),
    ],
    statefulSets: [
      'statefulset-controller',
      ['statefulSets', 'pods', 'persistentVolumeClaims'],
      () => planStatefulSets(view, clock.nowMs()),
    ],
    binding: [
      'persistentvolume-controller',
      ['persistentVolumeClaims', 'persistentVolumes', 'storageClasses', 'pods'],
      () => planBinding(view),
    ],
    protection: [
      'pvc-protection-controller',
      ['persistentVolumeClaims', 'persistentVolumes', 'pods'],
      () => planProtection(view),
    ],
    ephemeralClaims: [
      'ephemeral-volume-controller',
      ['pods', 'persistentVolumeClaims'],
      () => planEphemeralClaims(view),
    ],
    attachments: [
      'attachdetach-controller',
      [
        'pods',
        'nodes',
        'persistentVolumeClaims',
        'persistentVolumes',
        'volumeAttachments',
        'csiDrivers',
      ],
      () => planAttachments(view),
    ],
    endpoints: [
      'endpoint-slice-controller',
      ['services', 'pods', 'endpointSlices', 'nodes'],
      () => planEndpoints(view),
    ],
    nodes: [
      'node-controller',
      ['nodes', 'leases', 'pods'],
      () => {
        const monotonicMs = clock.monotonicMs();
        heartbeats = noteHeartbeats(heartbeats, view, monotonicMs);
        const times = { heartbeats, monotonicMs, nowMs: clock.nowMs() };
        const given = nodeGraceMs === undefined ? {} : { graceMs: nodeGraceMs };
        return planNodeLifecycle(view, { ...times, ...given });
      },
    ],
    evictions: [
      'taint-eviction-controller',
      ['nodes', 'pods'],
      () => planEvictions(view, clock.nowMs()),
    ],
    namespaces: [
      'namespace-controller',
      ['namespaces', 'serviceAccounts', 'configMaps'],
      () => planNamespaces(view, rootCaPem),
    ],
    lostPods: [
      'pod-garbage-collector',
      ['pods', 'nodes'],
      () => {
        const monotonicMs = clock.monotonicMs();
        missing = noteMissingNodes(missing, view, monotonicMs);
        return planLostPods(view, missing, monotonicMs);
      },
    ],
  };
  const garbage: Controller = {
    name: 'garbage',
    component: 'garbage-collector',
    watches: [],
    subscribe: (listener) => owned.subscribe(listener),
    plan: () => planGarbage(owned.kinds ?? []),
  };
  const others = Object.entries(plans).map(([name, [component, watches, plan]]) => ({
    name,
    component,
    watches,
    plan,
  }));
  return [...others, garbage];
}

/** Managed fields are large, and no controller here needs them. */
function withoutManagedFields(object: KubeObject): KubeObject {
  if (object.metadata?.managedFields === undefined) return object;
  return { ...object, metadata: without(object.metadata, 'managedFields') };
}

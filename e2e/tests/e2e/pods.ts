import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type CoreEvent, EVENTS, type Pod, PODS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';

import type { Fixture } from './fixture.ts';

type Spec = NonNullable<Pod['spec']>;
export type ContainerSpec = Spec['containers'][number];
export type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

const never = new AbortController().signal;

/**
 * A script that runs until it is stopped and reports what happens: `<name> runs`, `<name> stops`.
 * Stop it only after the first line: a first process misses signals for which it has not installed
 * a handler yet.
 *
 * @param first commands before it stops
 */
export const servesAndThen = (first: string): string =>
  `trap '${first}; say stops; exit 0' TERM; say runs; while :; do sleep 1000 & wait $!; done`;

/** Runs until it is stopped. */
export const SERVES = servesAndThen(':');

/** A container that runs a shell script; the script may `say` things to the ledger of its pod. */
export function aScript(name: string, script: string, more: object = {}): ContainerSpec {
  return {
    name,
    image: 'nodeagent.test/busybox:1',
    imagePullPolicy: 'Never',
    command: ['sh', '-c', `say() { echo "$NAME $1" >> /ledger/$POD; }; ${script}`],
    env: [
      { name: 'NAME', value: name },
      { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ],
    volumeMounts: [{ name: 'ledger', mountPath: '/ledger' }],
    ...more,
  };
}

export interface PodParts extends Partial<Omit<Spec, 'containers'>> {
  readonly containers: ContainerSpec[];
}

/** Creates the pod on the node, with a ledger: a file on the host that its containers write to. */
export async function createPod(e2e: Fixture, name: string, parts: PodParts): Promise<Pod> {
  const ledger = { path: join(e2e.cluster.space.dir, 'ledger'), type: 'DirectoryOrCreate' };
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: e2e.namespace },
    spec: {
      nodeName: e2e.cluster.nodeName,
      terminationGracePeriodSeconds: 5,
      ...parts,
      volumes: [{ name: 'ledger', hostPath: ledger }, ...(parts.volumes ?? [])],
    },
  };
  return e2e.client.create(PODS, pod, never);
}

/**
 * Returns the ledger of the pod's containers, in order. A container is running before its command
 * has written anything: wait for that with {@link untilSaid}.
 */
export async function ledgerOf(e2e: Fixture, name: string): Promise<readonly string[]> {
  const text = await readFile(join(e2e.cluster.space.dir, 'ledger', name), 'utf8').catch(
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    },
  );
  return text.split('\n').slice(0, -1);
}

/** Waits until the ledger has all these lines, each as often as listed. */
export function untilSaid(e2e: Fixture, name: string, ...lines: readonly string[]): Promise<true> {
  const timesIn = (said: readonly string[], line: string) => said.filter((s) => s === line).length;
  const isSaid = async () => {
    const said = await ledgerOf(e2e, name);
    return lines.every((line) => timesIn(said, line) >= timesIn(lines, line)) || undefined;
  };
  return waitFor(isSaid, { what: `${name} to have said ${lines.join(', ')}` });
}

/** Reasons, messages and counts of the events about a pod, `reason: message`, oldest first. */
export async function eventsOf(e2e: Fixture, name: string): Promise<readonly CoreEvent[]> {
  const { items } = await e2e.client.list(EVENTS, { namespace: e2e.namespace }, never);
  return items.filter(({ involvedObject }) => involvedObject.name === name);
}

export function waitForEvent(
  e2e: Fixture,
  name: string,
  is: Readonly<{ reason: string; message?: string | RegExp }>,
): Promise<CoreEvent> {
  const { reason, message = '' } = is;
  const look = async () =>
    (await eventsOf(e2e, name)).find(
      (event) => event.reason === reason && matches(event.message ?? '', message),
    );
  return waitFor(look, { what: `event ${reason} ${message} of pod ${name}` });
}

function matches(text: string, wanted: string | RegExp): boolean {
  return typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text);
}

export function statusOf(pod: Pod, container: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const ephemeral = pod.status?.ephemeralContainerStatuses ?? [];
  return [...initContainerStatuses, ...containerStatuses, ...ephemeral].find(
    ({ name }) => name === container,
  );
}

/** `True`, or `False ReasonWhy`. */
export function conditionOf(pod: Pod, type: string): string {
  const { status = '', reason = '' } =
    pod.status?.conditions?.find((condition) => condition.type === type) ?? {};
  return `${status} ${reason}`.trim();
}

export function hasPhase(phase: string): (pod: Pod) => boolean {
  return ({ status }) => status?.phase === phase;
}

export function isRunning(...containers: readonly string[]): (pod: Pod) => boolean {
  return (pod) => containers.every((name) => statusOf(pod, name)?.state?.running !== undefined);
}

export async function isGone(e2e: Fixture, name: string): Promise<boolean> {
  const { items } = await e2e.client.list(PODS, { namespace: e2e.namespace }, never);
  return !items.some(({ metadata }) => metadata?.name === name);
}

export async function deletePod(e2e: Fixture, name: string, grace?: number): Promise<void> {
  const options = grace === undefined ? {} : { gracePeriodSeconds: grace };
  await e2e.client.delete(PODS, { namespace: e2e.namespace, name }, options, never);
}

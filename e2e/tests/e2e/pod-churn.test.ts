import { setTimeout as delay } from 'node:timers/promises';

import {
  CONFIG_MAPS,
  ENDPOINT_SLICES,
  isKubeError,
  NODES,
  type ObjectName,
  PODS,
  type Resource,
  SECRETS,
  SERVICES,
} from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { createDice, type Dice } from '@nodeagent/testbed/chance';
import { describe, expect, it } from 'vitest';

import { type Expected, findLogProblems, problemsIn } from './churn/log-problems.ts';
import {
  CONTENT,
  type Manifest,
  POD_KINDS,
  randomPod,
  randomService,
  randomSlice,
} from './churn/random-objects.ts';
import { isReady, useCluster } from './fixture.ts';

const { NODEAGENT_POD_CHURN_SECONDS: LONG, NODEAGENT_POD_CHURN_SEED: GIVEN } = process.env;
/**
 * `NODEAGENT_POD_CHURN_SECONDS` sets the duration; kinds that nobody writes are then quiet for as
 * long. `NODEAGENT_POD_CHURN_SEED` replays a run's objects and changes.
 */
const SECONDS = Number(LONG ?? 20);
const SEED = Number(GIVEN ?? Math.floor(Math.random() * 2 ** 31));
const PODS_AT_ONCE = 25;
const SETTLE_MS = 180_000;

/** Warnings that the churn causes on purpose. Any other warning of either agent is a defect. */
const EXPECTED: readonly Expected[] = [
  {
    program: 'kubelet',
    line: /^"pod step failed" logger="workers" pod="[^"]+\/lost-\d+" err="[^"]*configmap \\"nowhere\\" not found/,
    because: 'its volume mounts a config map that does not exist',
  },
  {
    program: 'kubelet',
    line: /^"(container not started|pod step failed)" logger="\w+" pod="[^"]+\/imageless-\d+" .*err="Container image \\"nodeagent.test\/nowhere:1\\" is not present/,
    because: 'its image is not on the node and must not be pulled',
  },
  {
    program: 'kubelet',
    line: /^"preStop hook failed" logger="runtime" pod="[^"]+\/hookless-\d+" /,
    because:
      'its preStop hook is `false`, and fails differently when its container has no time left',
  },
  ...(['kubelet', 'kube-proxy'] as const).map((program) => ({
    program,
    line: /^"cannot set oom_score_adj" .*err="EACCES: permission denied/,
    because: 'the tests may run without CAP_SYS_RESOURCE',
  })),
  {
    program: 'kubelet',
    line: /^"cannot set the limit of open files" .*Operation not permitted/,
    because: 'the tests may run without CAP_SYS_RESOURCE',
  },
];

const e2e = useCluster();
const never = new AbortController().signal;

/** Names of the existing objects, by kind. */
interface World {
  readonly pods: Set<string>;
  readonly services: Set<string>;
  readonly slices: Set<string>;
}

describe('pods, Services and slices that come and go', () => {
  const timeout = SECONDS * 1000 + 3 * SETTLE_MS;
  it('cause only the expected warnings in both logs', { timeout }, async () => {
    const { kubelet, proxy } = e2e.cluster;
    const pids = [kubelet.pid, proxy.pid];
    const problems = () => findLogProblems([kubelet.logFile, proxy.logFile], EXPECTED);
    try {
      const world: World = { pods: new Set(), services: new Set(), slices: new Set() };
      await createContent();
      await churn(createDice(SEED), world);
      await expectService();
      await removeAll(world);
      expect([kubelet.pid, proxy.pid]).toEqual(pids);
      expect(await problems()).toEqual([]);
    } catch (cause) {
      const lines = (await problems()).join('\n');
      throw new Error(`NODEAGENT_POD_CHURN_SEED=${SEED}: ${String(cause)}\n${lines}`, { cause });
    }
  });

  it('would fail on an unexpected warning', () => {
    const stamp = '1122 10:00:00.000000 7 kubelet] ';
    const log = `I${stamp}"fine"\nW${stamp}"known" pod="n/a"\nW${stamp}"new"\n    at trace\n`;
    const known = { program: 'kubelet', line: /^"known" pod=/, because: 'it is' } as const;
    expect(problemsIn(log, [known])).toEqual([`W${stamp}"new"`, '    at trace']);
  });
});

async function createContent(): Promise<void> {
  const metadata = { name: CONTENT, namespace: e2e.namespace };
  await e2e.client.create(CONFIG_MAPS, { metadata, data: { key: '0' } }, never);
  await e2e.client.create(SECRETS, { metadata, data: { secret: 'MA==' } }, never);
}

async function churn(dice: Dice, world: World): Promise<void> {
  const endMs = performance.now() + SECONDS * 1000;
  for (let serial = 0; performance.now() < endMs; serial += 1) {
    e2e.cluster.assertRunning();
    const change = dice.pick(['pod', 'pod', 'service', 'slice', 'remove', 'content', 'node']);
    if (change === 'pod' && world.pods.size < PODS_AT_ONCE) await addPod(dice, serial, world);
    else if (change === 'pod' || change === 'remove') await removeOne(dice, world);
    else if (change === 'service') await addService(dice, serial, world);
    else if (change === 'slice') await addSlice(dice, serial, world);
    else if (change === 'content')
      await patch(CONFIG_MAPS, CONTENT, { data: { key: `${serial}` } });
    else await markNode(serial);
    await delay(dice.between(20, 400));
  }
}

async function addPod(dice: Dice, serial: number, { pods }: World): Promise<void> {
  const kind = dice.pick(POD_KINDS);
  const name = `${kind}-${serial}`;
  const { namespace, cluster } = e2e;
  const pod = randomPod(dice, kind, { name, namespace, nodeName: cluster.nodeName });
  await e2e.client.create(PODS, pod, never);
  pods.add(name);
}

async function addService(dice: Dice, serial: number, { services }: World): Promise<void> {
  const name = `s${serial}`;
  await create(SERVICES, randomService(dice, name));
  services.add(name);
}

async function addSlice(dice: Dice, serial: number, { services, slices }: World): Promise<void> {
  const name = `slice-${serial}`;
  const service = dice.pick([...services, 'nobody']);
  await create(ENDPOINT_SLICES, randomSlice(dice, name, service));
  slices.add(name);
}

async function removeOne(dice: Dice, world: World): Promise<void> {
  const kind = dice.pick(['pods', 'pods', 'services', 'slices'] as const);
  const name = dice.pick([undefined, ...world[kind]]);
  if (name === undefined) return;
  world[kind].delete(name);
  await remove(kind, name, dice.pick([undefined, 0, 1]));
}

async function remove(kind: keyof World, name: string, grace?: number): Promise<void> {
  const resource = { pods: PODS, services: SERVICES, slices: ENDPOINT_SLICES }[kind];
  const options = kind !== 'pods' || grace === undefined ? {} : { gracePeriodSeconds: grace };
  await e2e.client.delete<object>(resource, named(name), options, never).catch((error: unknown) => {
    if (!isKubeError(error, 'KUBE_NOT_FOUND')) throw error; // may disappear with its Service
  });
}

async function removeAll(world: World): Promise<void> {
  for (const kind of ['pods', 'services', 'slices'] as const) {
    for (const name of world[kind]) await remove(kind, name);
  }
  const isEmpty = async () => {
    const { items } = await e2e.client.list(PODS, { namespace: e2e.namespace }, never);
    return items.length === 0;
  };
  await waitFor(isEmpty, { what: 'all pods to be gone', timeoutMs: SETTLE_MS, everyMs: 500 });
}

/** Expects that a pod still runs and its Service answers afterwards. */
async function expectService(): Promise<void> {
  await e2e.createPod({ name: 'last', labels: { app: 'last' }, container: {} });
  const { spec } = await e2e.createService('last', 8080);
  await e2e.waitForPod('last', 'to be ready', isReady);
  const answers = async () => (await e2e.cluster.get(`http://${spec?.clusterIP}/`)) === 'last\n';
  await waitFor(answers, { what: 'the last Service to answer' });
  await remove('pods', 'last');
}

async function markNode(serial: number): Promise<void> {
  const body = { metadata: { labels: { 'e2e.test/churn': `${serial}` } } };
  const name = e2e.cluster.nodeName;
  await e2e.client.patch(NODES, { name }, { type: 'merge', body }, never);
}

function named(name: string): ObjectName {
  return { namespace: e2e.namespace, name };
}

async function create(
  resource: Resource<Manifest>,
  { metadata, ...rest }: Manifest,
): Promise<void> {
  const { namespace } = e2e;
  await e2e.client.create(resource, { ...rest, metadata: { ...metadata, namespace } }, never);
}

async function patch<T>(resource: Resource<T>, name: string, body: object): Promise<void> {
  await e2e.client.patch(resource, named(name), { type: 'merge', body }, never);
}

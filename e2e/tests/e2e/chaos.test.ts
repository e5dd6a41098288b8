import { setTimeout as delay } from 'node:timers/promises';

import { createCriClient } from '@nodeagent/cri-client/grpc';
import { isKubeError, NODES, type Pod, PODS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { createDice, type Dice } from '@nodeagent/testbed/chance';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { findUnmet, type Wishes } from './chaos/amounts.ts';
import { findLeaks } from './chaos/leaks.ts';
import {
  type Amounts,
  type PlannedPod,
  randomChange,
  randomPod,
  resourcesOf,
} from './chaos/random-pods.ts';
import { createRelease } from './chaos/stuck-tasks.ts';
import { watchForViolations, type Witness } from './chaos/watch.ts';
import { useCluster } from './fixture.ts';

const { NODEAGENT_CHAOS_SECONDS: LONG, NODEAGENT_CHAOS_SEED: GIVEN } = process.env;
/**
 * `NODEAGENT_CHAOS_SECONDS` sets the duration of the mishaps, among 50 pods; without it, both are
 * fewer. `NODEAGENT_CHAOS_SEED` replays a run's pods and mishaps: every failure names its seed.
 */
const SECONDS = Number(LONG ?? 12);
const PODS_AT_ONCE = LONG === undefined ? 25 : 50;
const SEED = Number(GIVEN ?? Math.floor(Math.random() * 2 ** 31));
const SETTLE_MS = 180_000;

const e2e = useCluster({}, { cuttable: true });
const never = new AbortController().signal;
let cri: ReturnType<typeof createCriClient>;

beforeAll(() => {
  const { endpoint } = e2e.cluster.containerd;
  cri = createCriClient({ endpoint, requestTimeoutMs: 30_000, onWarning: () => undefined });
});
afterAll(() => cri.close());

/** The pods that the API should have, by name. */
type Wanted = Map<string, PlannedPod>;

const wishes: Wishes = new Map();

describe('changing pods with a killed kubelet and an unreachable runtime', () => {
  const timeout = SECONDS * 1000 + 3 * SETTLE_MS;
  it('end up as their specs say, and leave nothing behind', { timeout }, async () => {
    const dice = createDice(SEED);
    const watching = new AbortController();
    const { client, namespace } = e2e;
    const witness = watchForViolations(
      { runtime: cri.runtime, client, namespace },
      watching.signal,
    );
    try {
      const wanted = await liveThroughMishaps(dice);
      await settle('pods to be as their specs say', () => misplaced(wanted));
      expect(replaced(wanted, await podsNow(), witness)).toEqual([]);
      for (const name of wanted.keys()) await remove(name, undefined);
      await settle('pods to be gone', async () => (await podsNow()).map(nameOf));
      const { containerd } = e2e.cluster;
      const restart = () => witness.lookAwayFor(() => containerd.restart());
      const release = createRelease(containerd, restart);
      await settle('nothing to be left', async () => {
        await release();
        return findLeaks(e2e.cluster, cri.runtime, never);
      });
      expect([...witness.violations]).toEqual([]);
    } catch (cause) {
      const seen = [...witness.violations].join('\n');
      throw new Error(`NODEAGENT_CHAOS_SEED=${SEED}: ${String(cause)}\n${seen}`, { cause });
    } finally {
      watching.abort();
      await witness.done;
    }
  });
});

/**
 * Creates and deletes pods while the kubelet is killed every few seconds and the runtime is cut
 * off.
 */
async function liveThroughMishaps(dice: Dice): Promise<Wanted> {
  const wanted: Wanted = new Map();
  const comingBack: Promise<void>[] = [];
  const plan = (name: string): PlannedPod =>
    randomPod(dice, { name, namespace: e2e.namespace, nodeName: e2e.cluster.nodeName });
  for (let i = 0; i < PODS_AT_ONCE; i += 1) await add(plan(`p${i}`), wanted);
  const endMs = performance.now() + SECONDS * 1000;
  let serial = PODS_AT_ONCE;
  while (performance.now() < endMs) {
    await delay(dice.between(500, 2500));
    const mishap = dice.pick([
      'kill',
      'kill',
      'cut',
      'replace',
      'replace',
      'delete',
      'resize',
      'resize',
    ] as const);
    if (mishap === 'kill') {
      await e2e.cluster.kubelet.kill9();
      await e2e.cluster.kubelet.start();
    } else if (mishap === 'cut') {
      await e2e.cluster.runtimeRelay?.cut();
      await delay(dice.between(100, 2000));
      await e2e.cluster.runtimeRelay?.mend();
    } else if (mishap === 'resize') {
      await resize(dice, dice.pick([...wanted.values()]));
    } else {
      const name = dice.pick([...wanted.keys()]);
      wanted.delete(name);
      wishes.delete(name);
      await remove(name, dice.pick([undefined, 0, 1, 5]));
      if (mishap === 'delete') await add(plan(`p${(serial += 1)}`), wanted);
      else comingBack.push(addAgain(plan(name), wanted));
    }
  }
  await e2e.cluster.runtimeRelay?.mend();
  await Promise.all(comingBack);
  return wanted;
}

/** Requests other amounts for one of the pod's containers, if there is one with amounts. */
async function resize(dice: Dice, planned: PlannedPod): Promise<void> {
  const able = planned.containers.filter(({ amounts }) => amounts !== undefined);
  if (able.length === 0) return;
  const { name: container } = dice.pick(able);
  const amounts = randomChange(dice, await nodeCpu());
  const { name } = planned;
  const others = [...(wishes.get(name) ?? [])].filter(([other]) => other !== container);
  if (amounts.tooMuch && others.some(([, { tooMuch }]) => tooMuch)) return; // a repeat is refused
  const body = { spec: { containers: [{ name: container, resources: resourcesOf(amounts) }] } };
  const patch = { type: 'strategic-merge', body, subresource: 'resize' } as const;
  await e2e.client.patch(PODS, { namespace: e2e.namespace, name }, patch, never);
  wishes.set(name, (wishes.get(name) ?? new Map<string, Amounts>()).set(container, amounts));
}

/** The amount for all pods together, in thousandths of a core. */
async function nodeCpu(): Promise<number> {
  const { status } = await e2e.client.get(NODES, { name: e2e.cluster.nodeName }, never);
  const cpu = status?.allocatable?.['cpu'] ?? '';
  return cpu.endsWith('m') ? Number(cpu.slice(0, -1)) : 1000 * Number(cpu);
}

async function add(planned: PlannedPod, wanted: Wanted): Promise<void> {
  wanted.set(planned.name, planned);
  await e2e.client.create(PODS, planned.manifest, never);
}

/**
 * Creates a pod of the same name as soon as the previous one is gone, while other things happen.
 */
async function addAgain(planned: PlannedPod, wanted: Wanted): Promise<void> {
  const { name } = planned;
  const isGone = async () => !(await podsNow()).some((pod) => nameOf(pod) === name);
  await waitFor(isGone, { what: `pod ${name} to be gone`, timeoutMs: SETTLE_MS });
  await add(planned, wanted);
}

async function remove(name: string, gracePeriodSeconds: number | undefined): Promise<void> {
  const options = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
  await e2e.client
    .delete(PODS, { namespace: e2e.namespace, name }, options, never)
    .catch((error: unknown) => {
      if (!isKubeError(error, 'KUBE_NOT_FOUND')) throw error;
    });
}

async function podsNow(): Promise<readonly Pod[]> {
  return (await e2e.client.list(PODS, { namespace: e2e.namespace }, never)).items;
}

/** Waits until there are no problems; the error names those that remain. */
async function settle(what: string, problems: () => Promise<readonly string[]>): Promise<void> {
  let last: readonly string[] = [];
  const look = async () => {
    e2e.cluster.assertRunning();
    last = await problems();
    return last.length === 0;
  };
  await waitFor(look, { what, timeoutMs: SETTLE_MS, everyMs: 500 }).catch((cause: unknown) => {
    throw new Error(`${String(cause)}\n${last.join('\n')}`, { cause });
  });
}

/** Returns the pods that are not as their specs say. */
async function misplaced(wanted: Wanted): Promise<readonly string[]> {
  const pods = await podsNow();
  const strangers = pods.filter((pod) => !wanted.has(nameOf(pod)));
  const unmet = await findUnmet(e2e, pods, [...wanted.values()], wishes);
  return [
    ...strangers.map((pod) => `${nameOf(pod)} is still there`),
    ...unmet,
    ...[...wanted.values()].flatMap((planned) => {
      const pod = pods.find((one) => nameOf(one) === planned.name);
      const problem = problemOf(planned, pod);
      return problem === undefined
        ? []
        : [`${planned.name} ${problem}: ${JSON.stringify(pod?.status)}`];
    }),
  ];
}

function problemOf(planned: PlannedPod, pod: Pod | undefined): string | undefined {
  if (pod === undefined) return 'is missing';
  if (pod.status?.phase !== planned.phase) return `should be ${planned.phase}`;
  if (planned.phase !== 'Running') return undefined;
  for (const { name, program, unsteady } of planned.containers) {
    const status = pod.status.containerStatuses?.find((one) => one.name === name);
    const { running, waiting, terminated } = status?.state ?? {};
    const lasts = program === 'serves' || program === 'stubborn';
    if (lasts && !unsteady && (running === undefined || status?.ready !== true)) {
      return `${name} should run and be ready`;
    }
    if (waiting !== undefined && waiting.reason !== 'CrashLoopBackOff') {
      return `${name} waits for ${waiting.reason}`;
    }
    const again = program === 'fails' && pod.spec?.restartPolicy !== 'Never';
    const told = terminated ?? status?.lastState?.terminated;
    if (again && told !== undefined && told.exitCode !== 3) return `${name} lost its exit code`;
  }
  return undefined;
}

/** Returns the containers that ran more than once without a reason to end. */
function replaced(wanted: Wanted, pods: readonly Pod[], { ran }: Witness): readonly string[] {
  return [...wanted.values()].flatMap(({ name: pod, containers }) => {
    const uid = pods.find((one) => nameOf(one) === pod)?.metadata?.uid;
    return containers.flatMap(({ name, program, unsteady }) => {
      const runs = ran.get(`${uid}/${name}`)?.size ?? 0;
      const steady = !unsteady && (program === 'serves' || program === 'stubborn');
      return steady && runs > 1 ? [`${pod}/${name} ran ${runs} times`] : [];
    });
  });
}

function nameOf(pod: Pod): string {
  return pod.metadata?.name ?? '';
}

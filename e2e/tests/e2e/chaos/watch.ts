import { setTimeout as delay } from 'node:timers/promises';

import type { RuntimeService } from '@nodeagent/cri-client';
import { type KubeClient, type Pod, PODS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';

const UID = 'io.kubernetes.pod.uid';
const NAME = 'io.kubernetes.container.name';

/** Observations, and those that must never happen. */
export interface Witness {
  readonly violations: ReadonlySet<string>;
  /** Ids of all containers that ever ran, by `<pod uid>/<container>`. */
  readonly ran: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface Watching extends Witness {
  readonly done: Promise<void>;
  /**
   * Pauses the observation while the work makes the runtime unavailable, until it answers again.
   */
  lookAwayFor(work: () => Promise<void>): Promise<void>;
}

export interface WitnessParts {
  readonly runtime: RuntimeService;
  readonly client: KubeClient;
  readonly namespace: string;
}

const EVERY_MS = 250;

/** Observes the runtime itself and the API repeatedly until the signal fires. */
export function watchForViolations(parts: WitnessParts, signal: AbortSignal): Watching {
  const violations = new Set<string>();
  const ran = new Map<string, Set<string>>();
  const told = new Map<string, Pod>();
  let isLooking = true;
  const look = async (): Promise<void> => {
    await lookAtRuntime(parts, { violations, ran }, signal);
    await lookAtApi(parts, { violations, told }, signal);
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      if (isLooking) {
        await look().catch((error: unknown) => {
          if (signal.aborted || !isLooking) return;
          violations.add(`the witness cannot see: ${String(error)}`);
        });
      }
      await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  };
  const lookAwayFor = async (work: () => Promise<void>): Promise<void> => {
    isLooking = false;
    try {
      await work();
      const answers = async () => (await parts.runtime.version(signal)).runtimeName !== '';
      await waitFor(answers, { what: 'the runtime to answer again' });
    } finally {
      isLooking = true;
    }
  };
  return { violations, ran, done: run(), lookAwayFor };
}

async function lookAtRuntime(
  { runtime }: WitnessParts,
  { violations, ran }: { violations: Set<string>; ran: Map<string, Set<string>> },
  signal: AbortSignal,
): Promise<void> {
  const running = new Map<string, string>();
  for (const { id, labels } of await runtime.listContainers({ state: 'running' }, signal)) {
    const key = `${labels[UID]}/${labels[NAME]}`;
    const other = running.get(key);
    if (other !== undefined) violations.add(`${key} runs twice: ${other} and ${id}`);
    running.set(key, id);
    ran.set(key, (ran.get(key) ?? new Set()).add(id));
  }
}

async function lookAtApi(
  { client, namespace }: WitnessParts,
  { violations, told }: { violations: Set<string>; told: Map<string, Pod> },
  signal: AbortSignal,
): Promise<void> {
  const { items } = await client.list(PODS, { namespace }, signal);
  for (const pod of items) {
    const uid = pod.metadata?.uid ?? '';
    const before = told.get(uid);
    told.set(uid, pod);
    if (before === undefined) continue;
    for (const text of regressions(before, pod)) violations.add(`${pod.metadata?.name}: ${text}`);
  }
}

/** Returns changes that a pod's status must never make. */
function regressions(before: Pod, after: Pod): readonly string[] {
  const [old, now] = [before.status ?? {}, after.status ?? {}];
  const ended = old.phase === 'Succeeded' || old.phase === 'Failed';
  const counts = new Map(
    (old.containerStatuses ?? []).map(({ name, restartCount }) => [name, restartCount]),
  );
  return [
    ...(ended && now.phase !== old.phase ? [`went from ${old.phase} to ${now.phase}`] : []),
    ...(old.startTime !== undefined && now.startTime !== old.startTime ? ['began twice'] : []),
    ...(now.containerStatuses ?? []).flatMap(({ name, restartCount }) => {
      const was = counts.get(name) ?? 0;
      return restartCount < was ? [`${name}: restarts fell from ${was} to ${restartCount}`] : [];
    }),
  ];
}

import type { Clock, Logger, Metrics } from '@nodeagent/base';
import { type ContainerEvent, isCriError, type RuntimeService } from '@nodeagent/cri-client';

import { LABEL_POD_UID } from '../../pod/index.js';
import {
  changedPods,
  type RuntimeSnapshot,
  snapshotOf,
  type StateComparison,
  statesOf,
  type ToldStates,
} from '../plan/runtime-diff.js';
import { createRelistMeter } from './relist-metrics.js';

export interface RuntimeWatchOptions {
  readonly cri: Pick<RuntimeService, 'listPodSandbox' | 'listContainers' | 'containerEvents'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether the runtime has an event stream. */
  readonly streams: boolean;
  /**
   * Compares states with what the pod's worker has seen. The worker looks after each of its own
   * actions; a report of them would only make it look once more.
   */
  readonly compare: (podUid: string, told: ToldStates) => StateComparison;
  /** Nothing is measured without. */
  readonly metrics?: Metrics | undefined;
}

/** Finds changes for as long as it runs. */
export interface RuntimeWatch {
  /** Lists and, where the runtime has one, the event stream; runs until the signal fires. */
  run(onChange: (podUid: string) => void, signal: AbortSignal): Promise<void>;
  /** Undefined when the last list worked and is recent; else the reason why the runtime is not well. */
  unhealthyReason(): string | undefined;
}

const RELIST_MS = 1000;
/** While events stream in, the lists only catch what a lost event would have told. */
const RELIST_WITH_EVENTS_MS = 30_000;
const STREAM_RETRY_MS = 5000;
const STALE_MS = 180_000;

/** Finds out which pods changed in the runtime: by its events where it has them, else by asking. */
export function createRuntimeWatch({
  cri,
  clock,
  log,
  streams,
  compare,
  metrics,
}: RuntimeWatchOptions): RuntimeWatch {
  let lastListMs: number | undefined;
  let streaming = false;
  const meter = metrics && createRelistMeter(metrics);
  /** Pods of which more was told than their workers had seen, in the middle of their work. */
  const early = new Set<string>();
  const judge = (uid: string, told: ToldStates, onChange: (uid: string) => void): void => {
    const comparison = compare(uid, told);
    if (comparison === 'different') onChange(uid);
    else if (comparison === 'too-early') early.add(uid);
  };
  const relist = async (
    before: RuntimeSnapshot | undefined,
    onChange: (uid: string) => void,
    signal: AbortSignal,
  ): Promise<RuntimeSnapshot> => {
    const startedMs = clock.monotonicMs();
    const [sandboxes, containers] = await Promise.all([
      cri.listPodSandbox({}, signal),
      cri.listContainers({}, signal),
    ]);
    meter?.listed({
      ...{ sandboxes, containers, nowMs: clock.nowMs() },
      tookMs: clock.monotonicMs() - startedMs,
      sinceMs: lastListMs === undefined ? undefined : startedMs - lastListMs,
    });
    lastListMs = startedMs;
    const now = snapshotOf(sandboxes, containers);
    const doubtful = new Set([...changedPods(before, now), ...early]);
    early.clear();
    for (const uid of doubtful) {
      judge(uid, { states: statesOf(now, uid), areAll: true }, onChange);
    }
    return now;
  };
  const runLists = async (onChange: (uid: string) => void, signal: AbortSignal): Promise<void> => {
    let known: RuntimeSnapshot | undefined;
    // A list from before the stream does not tell what happened until then: it does not count.
    let streamed = false;
    const isDue = (): boolean =>
      !streaming ||
      !streamed ||
      lastListMs === undefined ||
      clock.monotonicMs() - lastListMs >= RELIST_WITH_EVENTS_MS;
    while (!signal.aborted) {
      if (isDue()) {
        const listedWhileStreaming = streaming;
        try {
          known = await relist(known, onChange, signal);
          streamed = listedWhileStreaming;
        } catch (err) {
          if (signal.aborted) return;
          log.warn({ err }, 'runtime did not list its pods');
        }
      }
      if ((await clock.sleep(RELIST_MS, signal)) === 'aborted') return;
    }
  };
  const runStream = async (onChange: (uid: string) => void, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        for await (const event of cri.containerEvents(signal)) {
          streaming = true;
          const uid = podOf(event);
          const state = stateOf(event);
          if (uid === undefined) continue;
          if (state === undefined) onChange(uid);
          else judge(uid, { states: new Map([[event.id, state]]), areAll: false }, onChange);
        }
      } catch (err) {
        streaming = false;
        if (signal.aborted || isCriError(err, 'CRI_UNIMPLEMENTED')) return;
        log.warn({ err }, 'event stream of the runtime broke');
      }
      streaming = false;
      await clock.sleep(STREAM_RETRY_MS, signal);
    }
  };
  return {
    run: async (onChange, signal) => {
      await Promise.all([
        runLists(onChange, signal),
        ...(streams ? [runStream(onChange, signal)] : []),
      ]);
    },
    unhealthyReason: () => {
      if (lastListMs === undefined) return 'pleg has yet to be successful';
      const sinceMs = clock.monotonicMs() - lastListMs;
      if (sinceMs <= STALE_MS) return undefined;
      return `pleg was last seen active ${Math.round(sinceMs / 1000)}s ago; threshold is 3m0s`;
    },
  };
}

/**
 * Of what has been made; undefined where the event does not tell, and of what has ended: that may
 * come while a worker still reads that it runs, and without lists nobody would tell it again.
 */
function stateOf({ id, type, sandbox, containers }: ContainerEvent): string | undefined {
  if (type !== 'created' && type !== 'started') return undefined;
  if (sandbox?.id === id) return sandbox.state;
  return containers.find((container) => container.id === id)?.state;
}

function podOf({ sandbox, containers }: ContainerEvent): string | undefined {
  return sandbox?.metadata.uid ?? containers[0]?.labels[LABEL_POD_UID];
}

import { type Clock, isAborted, type Logger, type Metrics } from '@nodeagent/base';
import { type ContainerEvent, isCriError, type RuntimeService } from '@nodeagent/cri-client';

import { LABEL_POD_UID } from '../../pod/index.js';
import {
  changedPods,
  type ReportedStates,
  type RuntimeSnapshot,
  snapshotOf,
  type StateComparison,
  statesOf,
} from '../plan/runtime-diff.js';
import { createRelistMeter } from './relist-metrics.js';

export interface RuntimeWatchOptions {
  readonly cri: Pick<RuntimeService, 'listPodSandbox' | 'listContainers' | 'containerEvents'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** The runtime has an event stream. */
  readonly streams: boolean;
  /**
   * Compares states with the last observation by the pod's worker. The worker observes after each
   * of its own actions, so a report of them would only cause another observation.
   */
  readonly compare: (podUid: string, reported: ReportedStates) => StateComparison;
  /** If absent, nothing is measured. */
  readonly metrics?: Metrics | undefined;
}

/** Detects changes while it runs. */
export interface RuntimeWatch {
  /** Lists the runtime and reads its event stream, if it has one; runs until the signal fires. */
  run(onChange: (podUid: string) => void, signal: AbortSignal): Promise<void>;
  /**
   * Undefined if the last list succeeded and is recent; else the reason why the runtime is
   * unhealthy.
   */
  unhealthyReason(): string | undefined;
}

const RELIST_MS = 1000;
/** While events arrive, the lists only make up for lost events. */
const RELIST_WITH_EVENTS_MS = 30_000;
const STREAM_RETRY_MS = 5000;
const STALE_MS = 180_000;

/** Detects which pods changed in the runtime: by its events if it has them, else by lists. */
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
  /** Pods whose report contained more than their busy workers had observed. */
  const early = new Set<string>();
  const judge = (uid: string, reported: ReportedStates, onChange: (uid: string) => void): void => {
    const comparison = compare(uid, reported);
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
      sandboxes,
      containers,
      nowMs: clock.nowMs(),
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
    // A list from before the stream misses the events between the two, so it does not count.
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
          if (isAborted(signal)) return;
          log.warn({ err }, 'pods of the runtime not listed');
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
        if (isAborted(signal) || isCriError(err, 'CRI_UNIMPLEMENTED')) return;
        log.warn({ err }, 'event stream of the runtime failed');
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
 * The state of a created object. Undefined if the event does not contain it, and for objects that
 * ended: that event may arrive while a worker still reads that the object runs, and without lists
 * nothing would report it again.
 */
function stateOf({ id, type, sandbox, containers }: ContainerEvent): string | undefined {
  if (type !== 'created' && type !== 'started') return undefined;
  if (sandbox?.id === id) return sandbox.state;
  return containers.find((container) => container.id === id)?.state;
}

function podOf({ sandbox, containers }: ContainerEvent): string | undefined {
  return sandbox?.metadata.uid ?? containers[0]?.labels[LABEL_POD_UID];
}

import type { Clock, Logger, Metrics } from '@nodeagent/base';

import { parseState, renderState } from '../codec/state.js';
import type { ShutdownTimes } from '../model/shutdown-period.js';
import type { ShutdownStateFile } from '../ports.js';

export interface ShutdownTimesOptions {
  readonly file: ShutdownStateFile;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Keeps the times of the last shutdown in a file and in metrics. */
export interface ShutdownRecord {
  /** Shows the times that the file has. */
  load(): Promise<void>;
  start(): Promise<void>;
  end(): Promise<void>;
}

/** @see Kubernetes 1.36 pkg/kubelet/metrics/metrics.go, GracefulShutdownStartTime */
export function createShutdownRecord(options: ShutdownTimesOptions): ShutdownRecord {
  const { file, metrics, clock, log } = options;
  const startTime = metrics.gauge({
    name: 'kubelet_graceful_shutdown_start_time_seconds',
    help: 'Last graceful shutdown start time since unix epoch in seconds',
  });
  const endTime = metrics.gauge({
    name: 'kubelet_graceful_shutdown_end_time_seconds',
    help: 'Last graceful shutdown end time since unix epoch in seconds',
  });
  const seconds = (ms: number): number => Math.floor(ms / 1000);
  let startMs: number | undefined;
  const store = async (times: ShutdownTimes): Promise<void> => {
    try {
      await file.write(renderState(times));
    } catch (err) {
      log.warn({ err }, 'cannot keep the times of the shutdown');
    }
  };
  return {
    load: async () => {
      try {
        const content = await file.read();
        if (content === undefined) return;
        const times = parseState(content);
        if (times.startMs !== undefined) startTime.set(seconds(times.startMs));
        if (times.endMs !== undefined) endTime.set(seconds(times.endMs));
      } catch (err) {
        log.warn({ err }, 'cannot read the times of the last shutdown');
      }
    },
    start: async () => {
      startMs = clock.nowMs();
      startTime.set(seconds(startMs));
      endTime.set(0);
      await store({ startMs, endMs: undefined });
    },
    end: async () => {
      const endMs = clock.nowMs();
      endTime.set(seconds(endMs));
      await store({ startMs, endMs });
    },
  };
}

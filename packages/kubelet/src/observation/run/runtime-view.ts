import type { Clock, Logger, Metrics } from '@nodeagent/base';
import type { RuntimeService } from '@nodeagent/cri-client';

import type { RuntimeView } from '../../pod/index.js';
import { runtimePods } from '../plan/runtime-pods.js';
import type { MessageFiles, PodChanges } from '../ports.js';
import { Observer } from './observer.js';
import { createRuntimeWatch } from './runtime-watch.js';

export interface RuntimeViewPorts {
  readonly cri: RuntimeService;
  readonly files: MessageFiles;
  readonly clock: Clock;
  readonly log: Logger;
  /** The runtime has an event stream. */
  readonly streams: boolean;
  /** Containers may specify their stop signal, and their statuses include it. */
  readonly stopSignals: boolean;
  /** If absent, nothing is measured. */
  readonly metrics?: Metrics | undefined;
}

/**
 * Creates the view of a CRI runtime, and the port that records changes to it. Observations and
 * changes share one memory: a change that an observation has shown is not reported, and a reported
 * change is read again.
 */
export function createRuntimeView(
  ports: RuntimeViewPorts,
): Readonly<{ view: RuntimeView; changes: PodChanges }> {
  const { cri, files, clock, log, streams, stopSignals, metrics } = ports;
  const observer = new Observer({ cri, files, clock, stopSignals });
  const watch = createRuntimeWatch({
    ...{ cri, clock, log, streams, metrics },
    compare: (uid, reported) => observer.compare(uid, reported),
  });
  const view: RuntimeView = {
    observe: (uid, signal) => observer.observe(uid, signal),
    listPods: async (signal) => {
      const [sandboxes, containers] = await Promise.all([
        cri.listPodSandbox({}, signal),
        cri.listContainers({}, signal),
      ]);
      const pods = runtimePods(sandboxes, containers);
      observer.holds(new Set(pods.map(({ uid }) => uid)));
      return pods;
    },
    onChange: (listener, signal) => {
      const report = (uid: string): void => {
        observer.noticed(uid);
        listener(uid);
      };
      return watch.run(report, signal);
    },
    unhealthyReason: () => watch.unhealthyReason(),
  };
  const changes: PodChanges = {
    making: (uid, act, madeBy) => observer.changing(uid, act, madeBy),
    ending: (id, act) => {
      const uid = observer.podOf(id);
      return uid === undefined ? act() : observer.changing(uid, act);
    },
    forget: (uid) => observer.forget(uid),
  };
  return { view, changes };
}

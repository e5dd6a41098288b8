import type { Pod } from '@nodeagent/kube-client';

import { containerGraceSeconds, type PodObservation, type PodRuntime } from '../../pod/index.js';
import { stopOrder, type StopTarget } from '../plan/stop-order.js';

export interface StopPodRequest {
  /** Undefined for a pod that only the runtime knows. */
  readonly pod: Pod | undefined;
  readonly seen: PodObservation;
  /** Applies to every container; each has its own if undefined. */
  readonly graceSeconds: number | undefined;
}

/** The grace period of an orphan is unknown. */
const ORPHAN_GRACE_S = 1;

/**
 * Stops all containers at once, sidecars in their order, and then every sandbox. Lost sandboxes are
 * stopped too, to free their network.
 *
 * @throws the first failure, after everything was tried
 */
export async function stopPod(
  request: StopPodRequest,
  runtime: PodRuntime,
  signal: AbortSignal,
): Promise<void> {
  const targets = stopOrder(request.pod, request.seen);
  const ends = new Map(
    targets.map(({ container }) => [container.id, Promise.withResolvers<undefined>()]),
  );
  const stopOne = async (target: StopTarget): Promise<void> => {
    const { container, preStop, after } = target;
    const turn = Promise.all(after.flatMap((id) => ends.get(id)?.promise ?? [])).then(
      () => undefined,
    );
    const graceSeconds =
      request.graceSeconds ??
      (request.pod ? containerGraceSeconds(request.pod, container.name) : ORPHAN_GRACE_S);
    try {
      await runtime.stopContainer(
        {
          containerId: container.id,
          name: container.name,
          pod: request.pod,
          graceSeconds,
          preStop: preStop && graceSeconds > 0,
          ...(after.length > 0 && { turn }),
          why: `Stopping container ${container.name}`,
        },
        signal,
      );
    } finally {
      ends.get(container.id)?.resolve(undefined);
    }
  };
  const containers = await Promise.allSettled(targets.map(stopOne));
  signal.throwIfAborted();
  // The process of a sandbox may end, and close its connection to the runtime, during the call that
  // stops it. containerd 1.6 then fails, but reports the sandbox as stopped on the next call.
  const stopSandbox = (id: string): Promise<void> =>
    runtime.stopSandbox(id, signal).catch(() => {
      signal.throwIfAborted();
      return runtime.stopSandbox(id, signal);
    });
  const sandboxes = await Promise.allSettled(
    request.seen.sandboxes.map(({ id }) => stopSandbox(id)),
  );
  const failed = [...containers, ...sandboxes].find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

import type { Pod } from '@nodeagent/kube-client';

import { containerGraceSeconds, type PodObservation, type PodRuntime } from '../../pod/index.js';
import { stopOrder, type StopTarget } from '../plan/stop-order.js';

export interface StopPodRequest {
  /** Undefined for a pod of which only the runtime knows. */
  readonly pod: Pod | undefined;
  readonly seen: PodObservation;
  /** For every container; each one's own when undefined. */
  readonly graceSeconds: number | undefined;
}

/** An orphan's own grace period is not known. */
const ORPHAN_GRACE_S = 1;

/**
 * Stops all containers at once, sidecars waiting for their turn, and then every sandbox, also those
 * that are lost, to free their network.
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
  // The process that holds a sandbox may end, and close its connection to the runtime, while it is
  // asked to: containerd 1.6 then fails, and finds the sandbox stopped when it is asked again.
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

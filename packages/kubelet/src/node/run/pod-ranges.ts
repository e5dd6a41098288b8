import type { Clock, Logger } from '@nodeagent/base';
import type { RuntimeService } from '@nodeagent/cri-client';
import type { Node } from '@nodeagent/kube-client';

export interface PodRangesOptions {
  readonly cri: Pick<RuntimeService, 'updateRuntimeConfig'>;
  /** `podCIDR` of the configuration: used until the node has ranges of its own; `''` for none. */
  readonly configured: string;
  readonly node: () => Node | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** As often as other kubelets report the node's status, which is when they compare the ranges. */
const CHECK_MS = 10_000;

/**
 * Passes the address ranges of this node's pods to the container runtime until the signal fires: at
 * start and after each change, and again every 10 s while the runtime refuses them. Runtimes with a
 * CNI template write their network configuration from it; others ignore it.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet_network.go, updatePodCIDR
 */
export async function runPodRanges(
  { cri, configured, node, clock, log }: PodRangesOptions,
  signal: AbortSignal,
): Promise<void> {
  let passed = '';
  const pass = async (podCidr: string): Promise<void> => {
    try {
      await cri.updateRuntimeConfig(podCidr, signal);
      log.info({ podCidr, before: passed }, 'the runtime has the address ranges of pods');
      passed = podCidr;
    } catch (err) {
      if (signal.aborted) return;
      const fields = { err, podCidr, retryInMs: CHECK_MS };
      log.warn(fields, 'the runtime refused the address ranges of pods');
    }
  };
  do {
    const podCidr = rangesOf(node()) ?? configured;
    if (podCidr !== '' && podCidr !== passed) await pass(podCidr);
  } while ((await clock.sleep(CHECK_MS, signal)) === 'elapsed');
}

/** @returns the ranges of both IP families, joined by commas; undefined if the node has none */
function rangesOf(node: Node | undefined): string | undefined {
  const ranges: unknown = node?.spec?.podCIDRs;
  // the object may come from any server: a wrong type must not end the kubelet
  if (!Array.isArray(ranges) || ranges.length === 0) return undefined;
  return ranges.every((range) => typeof range === 'string') ? ranges.join(',') : undefined;
}

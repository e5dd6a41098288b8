import { parseQuantity, quantityToUnits } from '@nodeagent/base';

import type { KubeletConfig } from '../model/config-file.js';

/** A threshold as bytes, or as a share of the capacity. */
export type Threshold = Readonly<{ bytes: number }> | Readonly<{ fraction: number }>;

/** Of a configuration file that names none. @see Kubernetes 1.36 pkg/kubelet/eviction/defaults_linux.go */
export const EVICTION_HARD: Readonly<Record<string, string>> = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
  'imagefs.inodesFree': '5%',
};

/** Hard eviction thresholds by signal. */
export function hardThresholds({ evictionHard }: KubeletConfig): ReadonlyMap<string, Threshold> {
  return new Map(
    Object.entries(evictionHard).flatMap(([signal, text]) => {
      const threshold = parseThreshold(text);
      return threshold === undefined ? [] : [[signal, threshold] as const];
    }),
  );
}

/** Zero, as an amount or a share, switches a signal off. */
function parseThreshold(text: string): Threshold | undefined {
  const share = /^(\d+(?:\.\d+)?)%$/.exec(text);
  if (share !== null) {
    // In single precision, as the kubelet has always reckoned: 10 % is a little more than a tenth.
    const fraction = Math.fround(Math.fround(Number(share[1])) / 100);
    return fraction > 0 && fraction < 1 ? { fraction } : undefined;
  }
  const bytes = quantityToUnits(parseQuantity(text) ?? 0n);
  return bytes > 0 ? { bytes } : undefined;
}

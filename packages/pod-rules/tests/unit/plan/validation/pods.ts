import type { Container, Pod, PodSpec } from '@nodeagent/kube-client';

import { defaultPod, validateNewPod } from '../../../../src/index.js';

/** Parts that are laid over a pod without a fault; loosely typed, since most of them are wrong. */
export type Parts = Readonly<Record<string, unknown>>;

export function podWith(parts: Parts, annotations: Record<string, string> = {}): Pod {
  const spec = { containers: [{ name: 'app', image: 'a' }], ...parts } as unknown as PodSpec;
  defaultPod(spec);
  return { metadata: { name: 'web', annotations }, spec };
}

/** Each fault as `field: message`. */
export function faultsOf(pod: Pod): readonly string[] {
  return validateNewPod(pod).map(({ field, message }) => `${field}: ${message}`);
}

export function faults(parts: Parts): readonly string[] {
  return faultsOf(podWith(parts));
}

/** Errors of the only container; paths are relative to `spec.containers[0]`. */
export function faultsInside(container: Parts, more: Parts = {}): readonly string[] {
  const one = { name: 'app', image: 'a', ...container } as unknown as Container;
  return faults({ ...more, containers: [one] }).map((fault) =>
    fault.replace(/^spec\.containers\[0\]\.?/, ''),
  );
}

import type { VolumeMount } from '@nodeagent/kube-client';

import { expandReferences, StartError } from '../../pod/index.js';

/**
 * The path below its volume that a mount exposes; empty for the whole volume.
 *
 * @throws {StartError} `CreateContainerConfigError` for a path that leaves the volume, or that
 *   refers to a variable that is not set
 */
export function subPathOf(
  { name, subPath, subPathExpr }: VolumeMount,
  lookup: (name: string) => string | undefined,
): string {
  if (subPathExpr) {
    const missing = new Set<string>();
    const path = expandReferences(subPathExpr, (variable) => {
      const value = lookup(variable);
      if (value === undefined || value === '') missing.add(variable);
      return value;
    });
    if (missing.size > 0) throw refuse(`missing value for ${[...missing].sort().join(', ')}`);
    return checked(path, name);
  }
  return subPath ? checked(subPath, name) : '';
}

/**
 * The mount is read-only recursively: mounts below the volume are read-only too.
 *
 * @param supported by the runtime handler of the pod
 * @throws {StartError} `CreateContainerConfigError`
 * @see Kubernetes 1.36 pkg/kubelet/kubelet_pods.go, resolveRecursiveReadOnly
 */
export function isRecursiveReadOnly(
  { name, readOnly, recursiveReadOnly, mountPropagation }: VolumeMount,
  supported: boolean,
): boolean {
  if (!asksRecursiveReadOnly({ recursiveReadOnly })) return false;
  const refuseMode = (why: string): StartError =>
    refuse(
      `failed to resolve recursive read-only mode: volume ${JSON.stringify(name)} requested recursive read-only mode, but it is not ${why}`,
    );
  if (readOnly !== true) throw refuseMode('read-only');
  if (mountPropagation !== undefined && mountPropagation !== 'None') {
    throw refuseMode(`compatible with propagation ${JSON.stringify(mountPropagation)}`);
  }
  if (recursiveReadOnly === 'Enabled' && !supported) throw refuseMode('supported by the runtime');
  return supported;
}

/** Only such mounts depend on a feature of the runtime. */
export function asksRecursiveReadOnly({
  recursiveReadOnly,
}: Readonly<{ recursiveReadOnly?: string | undefined }>): boolean {
  return recursiveReadOnly === 'Enabled' || recursiveReadOnly === 'IfPossible';
}

function checked(path: string, volume: string): string {
  if (path.startsWith('/'))
    throw refuse(`error SubPath ${JSON.stringify(path)} must not be an absolute path`);
  if (path.split('/').includes('..'))
    throw refuse(
      `unable to provision SubPath ${JSON.stringify(path)} of volume ${volume}: must not contain ".."`,
    );
  return path;
}

function refuse(message: string): StartError {
  return new StartError('CreateContainerConfigError', message);
}

import type { ContainerLabels } from '../model/container-labels.js';
import type { LabelledVolume } from '../model/labelled-volume.js';
import { fileLabel, optionsFor } from './file-label.js';

/** The label with which a volume would be mounted, if its access modes allow that; or why none. */
export type LabelPlan =
  | { readonly kind: 'label'; readonly label: string }
  | { readonly kind: 'untranslatable' | 'ambiguous'; readonly why: string };

/** @see Kubernetes 1.36 pkg/volume/util/selinux.go, GetMountSELinuxLabel */
export function planLabel(
  { pod, name, mountsWithLabel }: LabelledVolume,
  policy: ContainerLabels,
): LabelPlan {
  const labels = new Set<string>();
  for (const options of optionsFor(pod, name)) {
    const label = fileLabel(options, policy);
    if (label instanceof Error) return { kind: 'untranslatable', why: label.message };
    labels.add(label);
  }
  if (labels.size > 1) {
    const why = `multiple SELinux labels found: ${[...labels].sort().join(',')}`;
    return { kind: 'ambiguous', why };
  }
  const [label = ''] = labels;
  const isRecursive = pod.spec?.securityContext?.seLinuxChangePolicy === 'Recursive';
  return { kind: 'label', label: mountsWithLabel && !isRecursive ? label : '' };
}

/**
 * True if wrong labels keep the pod from its volume, and right ones are used for mounting.
 *
 * @param everyMode feature gate SELinuxMount; otherwise only volumes for one pod
 * @see Kubernetes 1.36 pkg/volume/util/selinux.go, VolumeSupportsSELinuxMount
 */
export function isLabelled(
  { accessModes }: Pick<LabelledVolume, 'accessModes'>,
  everyMode: boolean,
): boolean {
  if (accessModes === undefined) return false;
  return everyMode || (accessModes.length === 1 && accessModes[0] === 'ReadWriteOncePod');
}

const SHORT = [
  ['ReadWriteMany', 'RWX'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteOnce', 'RWO'],
  ['ReadWriteOncePod', 'RWOP'],
] as const;

/** The widest access mode, in the words of metrics. */
export function accessModeLabel(accessModes: readonly string[] | undefined): string {
  if (accessModes === undefined) return 'inline';
  return SHORT.find(([mode]) => accessModes.includes(mode))?.[1] ?? '';
}

/** A label may contain commas, which separate options. */
export function contextOption(label: string): string {
  return `context=${JSON.stringify(label)}`;
}

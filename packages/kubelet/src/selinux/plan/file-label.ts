import type { Pod } from '@nodeagent/kube-client';

import { allContainers } from '../../pod/index.js';
import type { ContainerLabels } from '../model/container-labels.js';

type Options = NonNullable<
  NonNullable<NonNullable<Pod['spec']>['securityContext']>['seLinuxOptions']
>;

/** The options of all containers that have the volume as files; those without any are left out. */
export function optionsFor(pod: Pod, volume: string): readonly Options[] {
  const ofPod = pod.spec?.securityContext?.seLinuxOptions;
  return allContainers(pod).flatMap(({ spec }) => {
    const hasIt = (spec.volumeMounts ?? []).some(({ name }) => name === volume);
    const options = spec.securityContext?.seLinuxOptions ?? ofPod;
    return hasIt && options !== undefined ? [options] : [];
  });
}

/**
 * The label of a container's files; empty if only the runtime knows it. The runtime chooses a level
 * for each pod that names none.
 *
 * @returns an error for a policy with a label that is none
 * @see selinux(8); opencontainers/selinux, InitLabels
 */
export function fileLabel(options: Options, { process, file }: ContainerLabels): string | Error {
  if (Object.values(options).every((value) => value === '')) return '';
  if (process === '' || file === '') return file;
  const own = partsOf(process);
  const parts = partsOf(file);
  if (own === undefined || parts === undefined) {
    const wrong = own === undefined ? process : file;
    return new Error(
      `failed to construct SELinux label from context ${JSON.stringify(options)}: the policy has the label ${JSON.stringify(wrong)}`,
    );
  }
  const [user, role, type, level = ''] = parts;
  const hasLevels = own[3] !== undefined;
  if (hasLevels && !options.level) return '';
  const last = options.level || level;
  return [options.user || user, role, type, ...(last === '' ? [] : [last])].join(':');
}

/** A level may contain colons. */
function partsOf(label: string): readonly string[] | undefined {
  const [user = '', role = '', type = '', ...level] = label.split(':');
  if (type === '') return undefined;
  return [user, role, type, ...(level.length === 0 ? [] : [level.join(':')])];
}

import { access } from 'node:fs/promises';
import { join } from 'node:path';

import { readForeignText } from '@nodeagent/base/files';

import { parseContainerLabels, parsePolicyName } from '../codec/policy-files.js';
import type { ContainerLabels } from '../model/container-labels.js';

/** The administrator's files, some of which are links. */
const LIMITS = { links: 'followed', limitBytes: 1 << 20 } as const;

/** The label of every process until a policy is loaded. */
const NO_POLICY = 'kernel';

/**
 * The labels of the machine's policy; undefined if its kernel has SELinux off.
 *
 * @param root the root directory of another machine, for tests
 */
export async function readContainerLabels(root = '/'): Promise<ContainerLabels | undefined> {
  const text = (path: string): Promise<string | undefined> =>
    readForeignText(join(root, path), LIMITS);
  const isOn = await access(join(root, 'sys/fs/selinux/enforce')).then(
    () => true,
    () => false,
  );
  if (!isOn) return undefined;
  const own = await text('proc/self/attr/current');
  if (own?.replace('\0', '').trim() === NO_POLICY) return undefined;
  const policy = parsePolicyName((await text('etc/selinux/config')) ?? '');
  const contexts =
    (await text('usr/share/containers/selinux/contexts')) ??
    (await text(`etc/selinux/${policy}/contexts/lxc_contexts`));
  return parseContainerLabels(contexts ?? '');
}

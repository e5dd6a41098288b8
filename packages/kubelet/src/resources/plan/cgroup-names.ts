import type { CgroupDriver } from '@nodeagent/cgroups';

import { parsePodUid, type PodUid, type QosClass } from '../../pod/index.js';

export interface CgroupLayout {
  readonly driver: CgroupDriver;
  /** `cgroupRoot` of the configuration, the parent of `kubepods`. */
  readonly root: string;
}

/** The cgroup above all pods. */
export function kubepodsNames({ root }: CgroupLayout): readonly string[] {
  return [...root.split('/').filter((part) => part !== ''), 'kubepods'];
}

/** The cgroup above the pods of one QoS class; Guaranteed pods are directly in `kubepods`. */
export function qosNames(layout: CgroupLayout, qos: QosClass): readonly string[] {
  const above = kubepodsNames(layout);
  return qos === 'Guaranteed' ? above : [...above, qos.toLowerCase()];
}

/**
 * The uid of the pod whose cgroup has this name; undefined for other cgroups. systemd names contain
 * `_` in place of the uid's `-`; no uid contains `_`.
 */
export function podUidOf(name: string, driver: CgroupDriver): PodUid | undefined {
  const found = driver === 'cgroupfs' ? /^pod(.+)$/ : /(?:^|-)pod([^-]+)\.slice$/;
  const uid = found.exec(name)?.[1];
  if (uid === undefined) return undefined;
  return parsePodUid(driver === 'cgroupfs' ? uid : uid.replaceAll('_', '-'));
}

export function podNames(layout: CgroupLayout, qos: QosClass, uid: PodUid): readonly string[] {
  return [...qosNames(layout, qos), `pod${uid}`];
}

/**
 * The names of a cgroup that is configured by its path. systemd's slices nest by name, so the last
 * part of a path contains all of them; cgroupfs has one name per part.
 *
 * @see Kubernetes 1.36 pkg/kubelet/cm/cgroup_manager_linux.go, ParseSystemdToCgroupName
 */
export function namesOfPath(path: string, driver: CgroupDriver): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '');
  if (driver === 'cgroupfs') return parts;
  const names = (parts.at(-1) ?? '').replace(/\.slice$/, '').split('-');
  return names.filter((name) => name !== '').map((name) => name.replaceAll('_', '-'));
}

import { parsePodUid, type PodUid, type QosClass } from '../../pod/index.js';

export type CgroupDriver = 'cgroupfs' | 'systemd';

export interface CgroupLayout {
  readonly driver: CgroupDriver;
  /** `cgroupRoot` of the configuration: below it lies `kubepods`. */
  readonly root: string;
}

/**
 * A cgroup as its names from the root, `['kubepods', 'burstable', 'pod1234']`, written as a path in
 * the driver's syntax. systemd nests slices by name, and keeps `-` for that.
 *
 * @see Kubernetes 1.36 pkg/kubelet/cm/cgroup_manager_linux.go
 */
export function cgroupPath(names: readonly string[], driver: CgroupDriver): string {
  if (driver === 'cgroupfs') return `/${names.join('/')}`;
  const escaped = names.map((name) => name.replaceAll('-', '_'));
  return escaped.map((_, at) => `/${escaped.slice(0, at + 1).join('-')}.slice`).join('');
}

/** Where all pods live. */
export function kubepodsNames({ root }: CgroupLayout): readonly string[] {
  return [...root.split('/').filter((part) => part !== ''), 'kubepods'];
}

/** Where the pods of one class live; Guaranteed ones have no level of their own. */
export function qosNames(layout: CgroupLayout, qos: QosClass): readonly string[] {
  const above = kubepodsNames(layout);
  return qos === 'Guaranteed' ? above : [...above, qos.toLowerCase()];
}

/**
 * The uid of the pod whose cgroup has this name in a hierarchy; undefined for other cgroups. systemd's
 * names have `_` for `-`, which no uid has.
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

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

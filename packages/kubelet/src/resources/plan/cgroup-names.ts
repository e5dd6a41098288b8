import type { CgroupDriver } from '@nodeagent/cgroups';

import { parsePodUid, type PodUid, type QosClass } from '../../pod/index.js';

export interface CgroupLayout {
  readonly driver: CgroupDriver;
  /** `cgroupRoot` of the configuration: below it lies `kubepods`. */
  readonly root: string;
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

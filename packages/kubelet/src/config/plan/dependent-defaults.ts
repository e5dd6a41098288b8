import { parseGoDuration } from '@nodeagent/base';
import { isPlainObject, type PlainObject } from '@nodeagent/component-base';

/**
 * Used when a configuration file has no `evictionHard`.
 *
 * @see Kubernetes 1.36 pkg/kubelet/eviction/defaults_linux.go
 */
const EVICTION_HARD: PlainObject = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
  'imagefs.inodesFree': '5%',
};

/**
 * Fills in defaults that depend on other fields. They depend on the main file only (or on nothing
 * if there is none): drop-ins and flags apply later and do not change them.
 *
 * @see Kubernetes 1.36 cmd/kubelet/app/server.go, pkg/kubelet/apis/config/v1beta1/defaults.go
 */
export function withDependentDefaults(file: PlainObject | undefined): PlainObject {
  const given = file ?? {};
  const { maxParallelImagePulls: pulls } = given;
  return {
    ...given,
    serializeImagePulls: given['serializeImagePulls'] ?? !(typeof pulls === 'number' && pulls > 1),
    nodeStatusReportFrequency: isSet(given['nodeStatusReportFrequency'])
      ? given['nodeStatusReportFrequency']
      : isSet(given['nodeStatusUpdateFrequency'])
        ? given['nodeStatusUpdateFrequency']
        : '5m',
    ...(file !== undefined && { evictionHard: evictionHard(file) }),
  };
}

/** Without a file there are no thresholds. */
function evictionHard(file: PlainObject): unknown {
  const { evictionHard: given, mergeDefaultEvictionSettings: merges } = file;
  if (given === undefined || given === null) return EVICTION_HARD;
  return merges === true && isPlainObject(given) ? { ...EVICTION_HARD, ...given } : given;
}

/**
 * Zero counts as unset here. A text that is no duration counts as set; its error is reported later.
 */
function isSet(duration: unknown): boolean {
  if (duration === undefined || duration === null || duration === '') return false;
  return typeof duration !== 'string' || parseGoDuration(duration) !== 0;
}

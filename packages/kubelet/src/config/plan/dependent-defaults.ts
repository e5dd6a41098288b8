import { parseGoDuration } from '@nodeagent/base';
import { isPlainObject, type PlainObject } from '@nodeagent/component-base';

/** Of a configuration file that names none. @see Kubernetes 1.36 pkg/kubelet/eviction/defaults_linux.go */
const EVICTION_HARD: PlainObject = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
  'imagefs.inodesFree': '5%',
};

/**
 * Defaults that follow from other fields. They are made of the main file alone, or of nothing where
 * there is none, before drop-ins and flags come over it: those change what stands there by then, and
 * nothing follows from them.
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

/** Zero is no duration here; what is none at all is reported later. */
function isSet(duration: unknown): boolean {
  if (duration === undefined || duration === null || duration === '') return false;
  return typeof duration !== 'string' || parseGoDuration(duration) !== 0;
}

import type { CapacityRange, VolumeCapability } from '../codec/volume.js';
import { CsiError } from '../model/errors.js';

/** A check of one field; returns the problem, or undefined. */
type Check = (value: unknown, field: string) => string | undefined;

/** The checks of a request, by field. */
export type RequestChecks = Readonly<Record<string, Check>>;

/**
 * @see the CSI specification 1.9, "Size Limits": strings 128 bytes, maps 4 KiB, unless stated
 *   otherwise
 */
const MAX_STRING_BYTES = 128;
const MAX_MAP_BYTES = 4096;
/** @see Linux include/uapi/linux/limits.h, PATH_MAX including the final NUL */
const MAX_PATH_BYTES = 4095;

const id: Check = (value, field) => {
  if (value === '') return `${field} is missing`;
  if (Buffer.byteLength(value as string) > MAX_STRING_BYTES) {
    return `${field} is longer than ${MAX_STRING_BYTES} bytes`;
  }
  return undefined;
};

/** A path that a driver may pass to the kernel: absolute and without `..`. */
const path: Check = (value, field) =>
  value === '' ? `${field} is missing` : optionalPath(value, field);

const optionalPath: Check = (value, field) => {
  const text = value as string;
  if (text === '' || text.startsWith('/')) return unsafePart(text, field);
  return `${field} is not absolute: ${text}`;
};

/** The path of a published volume: no volume is at a relative one. @see {@link assertPlace} */
const place: Check = (value, field) =>
  value === '' ? `${field} is missing` : unsafePart(value as string, field);

const unsafePart = (text: string, field: string): string | undefined => {
  if (text.includes('\0')) return `${field} contains a NUL`;
  if (text.split('/').includes('..')) return `${field} contains ..: ${text}`;
  if (Buffer.byteLength(text) > MAX_PATH_BYTES) {
    return `${field} is longer than ${MAX_PATH_BYTES} bytes`;
  }
  return undefined;
};

const map: Check = (value, field) => {
  const entries = Object.entries(value as Record<string, string>);
  const bytes = entries.reduce(
    (sum, [k, v]) => sum + Buffer.byteLength(k) + Buffer.byteLength(v),
    0,
  );
  return bytes > MAX_MAP_BYTES ? `${field} is larger than ${MAX_MAP_BYTES} bytes` : undefined;
};

const capability: Check = (value, field) => {
  if (value === undefined) return `${field} is missing`;
  const { access, accessMode } = value as VolumeCapability;
  if (access === undefined) return `${field} is neither block nor mount`;
  if (accessMode === undefined || accessMode.mode === 'unknown') {
    return `${field} has no access mode that this driver knows`;
  }
  return undefined;
};

const capabilities: Check = (value, field) => {
  const list = value as readonly VolumeCapability[];
  if (list.length === 0) return `${field} is empty`;
  return list
    .map((one, i) => capability(one, `${field}[${i}]`))
    .find((problem) => problem !== undefined);
};

const range: Check = (value, field) => {
  if (value === undefined) return undefined;
  const { requiredBytes, limitBytes } = value as CapacityRange;
  if (requiredBytes < 0 || limitBytes < 0) return `${field} is negative`;
  if (limitBytes > 0 && limitBytes < requiredBytes) {
    return `${field}: the limit of ${limitBytes} bytes is below the ${requiredBytes} required`;
  }
  return undefined;
};

const neededRange: Check = (value, field) => {
  const { requiredBytes = 0, limitBytes = 0 } = (value ?? {}) as Partial<CapacityRange>;
  return requiredBytes === 0 && limitBytes === 0 ? `${field} is missing` : range(value, field);
};

const notNegative: Check = (value, field) =>
  (value as number) < 0 ? `${field} is negative: ${value as number}` : undefined;

/** By the name of the call. A call that is missing here needs no check. */
export const REQUEST_CHECKS = {
  stageVolume: {
    volumeId: id,
    stagingTargetPath: path,
    volumeCapability: capability,
    publishContext: map,
    volumeContext: map,
  },
  unstageVolume: { volumeId: id, stagingTargetPath: path },
  publishVolume: {
    volumeId: id,
    targetPath: path,
    stagingTargetPath: optionalPath,
    volumeCapability: capability,
    publishContext: map,
    // the caller adds service account tokens, whose size a driver cannot refuse
  },
  unpublishVolume: { volumeId: id, targetPath: path },
  getVolumeStats: { volumeId: id, volumePath: place, stagingTargetPath: optionalPath },
  nodeExpandVolume: {
    volumeId: id,
    volumePath: place,
    stagingTargetPath: optionalPath,
    capacityRange: range,
  },
  createVolume: {
    name: id,
    volumeCapabilities: capabilities,
    capacityRange: range,
    parameters: map,
  },
  deleteVolume: { volumeId: id },
  controllerPublishVolume: { volumeId: id, nodeId: nodeId, volumeCapability: capability },
  controllerUnpublishVolume: { volumeId: id },
  validateVolumeCapabilities: { volumeId: id, volumeCapabilities: capabilities },
  listVolumes: { maxEntries: notNegative },
  controllerExpandVolume: { volumeId: id, capacityRange: neededRange },
  getVolume: { volumeId: id },
  modifyVolume: { volumeId: id },
  createSnapshot: { name: id, sourceVolumeId: id },
  deleteSnapshot: { snapshotId: id },
  listSnapshots: { maxEntries: notNegative },
  getSnapshot: { snapshotId: id },
} as const satisfies Readonly<Record<string, RequestChecks>>;

function nodeId(value: unknown, field: string): string | undefined {
  if (value === '') return `${field} is missing`;
  return Buffer.byteLength(value as string) > 256 ? `${field} is longer than 256 bytes` : undefined;
}

/** @throws {CsiError} `CSI_INVALID_ARGUMENT` with all problems of the request */
export function assertRequest(checks: RequestChecks, request: object): void {
  const values = request as Readonly<Record<string, unknown>>;
  const problems = Object.entries(checks).flatMap(([field, check]) => {
    return check(values[field], field) ?? [];
  });
  if (problems.length > 0) throw new CsiError('CSI_INVALID_ARGUMENT', problems.join('; '));
}

/**
 * Other callers' suites expect this answer, not `CSI_INVALID_ARGUMENT`, for a relative path.
 *
 * @throws {CsiError} `CSI_NOT_FOUND`
 */
export function assertPlace({
  volumeId,
  volumePath,
}: Readonly<{ volumeId: string; volumePath: string }>): void {
  if (volumePath.startsWith('/')) return;
  const detail = `volume ${volumeId} is not at ${volumePath}, which is not absolute`;
  throw new CsiError('CSI_NOT_FOUND', detail);
}

import type { CapacityRange, VolumeCapability } from '../codec/volume.js';
import { CsiError } from '../model/errors.js';
import type { Backing } from '../model/hostpath-volume.js';

/** For a request without a size. */
const DEFAULT_BYTES = 1 << 30;
/** @see mkfs.xfs(8): xfsprogs 5.19 and later refuse smaller file systems */
const LEAST_XFS_BYTES = 300 << 20;

export interface Layout {
  readonly backing: Backing;
  readonly fsType: string;
  readonly capacityBytes: number;
}

/**
 * The form of a volume on disk.
 *
 * @param parameters `backing` is `directory` (the default) or `image`; block volumes always have an
 *   image
 * @throws {CsiError} `CSI_INVALID_ARGUMENT`, `CSI_OUT_OF_RANGE`
 */
export function layoutOf(
  capabilities: readonly VolumeCapability[],
  range: CapacityRange | undefined,
  parameters: Readonly<Record<string, string>>,
): Layout {
  const kinds = new Set(capabilities.map(({ access }) => access?.kind));
  if (kinds.size > 1) {
    throw new CsiError(
      'CSI_INVALID_ARGUMENT',
      'a volume is either a block device or a file system',
    );
  }
  const { requiredBytes = 0, limitBytes = 0 } = range ?? {};
  const asked =
    requiredBytes > 0 ? requiredBytes : Math.min(limitBytes || DEFAULT_BYTES, DEFAULT_BYTES);
  if (kinds.has('block')) return { backing: 'block', fsType: '', capacityBytes: asked };
  const { backing = 'directory' } = parameters;
  if (backing === 'directory') return { backing, fsType: '', capacityBytes: asked };
  if (backing !== 'image') {
    throw new CsiError('CSI_INVALID_ARGUMENT', `backing is directory or image, not ${backing}`);
  }
  const fsType = fsTypeOf(capabilities) || parameters['fsType'] || 'ext4';
  if (fsType !== 'ext4' && fsType !== 'xfs') {
    throw new CsiError('CSI_INVALID_ARGUMENT', `file system ext4 or xfs, not ${fsType}`);
  }
  const capacityBytes = fsType === 'xfs' ? Math.max(asked, LEAST_XFS_BYTES) : asked;
  if (limitBytes > 0 && capacityBytes > limitBytes) {
    const detail = `xfs needs ${LEAST_XFS_BYTES} bytes, the limit is ${limitBytes}`;
    throw new CsiError('CSI_OUT_OF_RANGE', detail);
  }
  return { backing, fsType, capacityBytes };
}

function fsTypeOf(capabilities: readonly VolumeCapability[]): string {
  const [access] = capabilities.flatMap(({ access }) => (access?.kind === 'mount' ? access : []));
  return access?.value.fsType ?? '';
}

/** A host path exists on one node only, so modes for several nodes are refused. */
export function unsupportedMode({ accessMode }: VolumeCapability): string | undefined {
  const mode = accessMode?.mode ?? 'unknown';
  return mode.startsWith('multi-node') ? `${mode}: a host path is on one node only` : undefined;
}

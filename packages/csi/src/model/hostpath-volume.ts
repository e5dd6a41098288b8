import { createHash } from 'node:crypto';

import { CsiError } from './errors.js';

/** The form of a host-path volume on disk. */
export type Backing =
  /** A directory, without a size limit. */
  | 'directory'
  /** A file with a file system in it, mounted through a loop device, which limits its size. */
  | 'image'
  /** A file that is presented as a block device. */
  | 'block';

/** The stored record of a volume, beside its data. */
export interface HostPathVolume {
  readonly volumeId: string;
  /** The name that `CreateVolume` was given; the id itself for a volume of one pod. */
  readonly name: string;
  readonly backing: Backing;
  readonly capacityBytes: number;
  /** `ext4` or `xfs` for an image. */
  readonly fsType: string;
}

/** Parses the stored form of a {@link HostPathVolume}. @throws {CsiError} `CSI_INTERNAL` */
export function parseHostPathVolume(text: string): HostPathVolume {
  const value: unknown = JSON.parse(text);
  if (!isHostPathVolume(value))
    throw new CsiError('CSI_INTERNAL', `no volume: ${text.slice(0, 200)}`);
  return value;
}

function isHostPathVolume(value: unknown): value is HostPathVolume {
  if (typeof value !== 'object' || value === null) return false;
  const volume = value as Readonly<Record<string, unknown>>;
  return (
    isHostPathId(String(volume['volumeId'])) &&
    typeof volume['name'] === 'string' &&
    ['directory', 'image', 'block'].includes(String(volume['backing'])) &&
    typeof volume['capacityBytes'] === 'number' &&
    typeof volume['fsType'] === 'string'
  );
}

/**
 * Returns the same id for the same name, so that a repeated `CreateVolume` finds the first volume.
 */
export function hostPathId(name: string): string {
  return `hp-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

/**
 * Ids are used as directory names: at most 128 letters, digits, `-`, `_`, and inner `.`. The
 * kubelet chooses the ids of volumes that one pod declares.
 */
export function isHostPathId(id: string): boolean {
  return id.length <= 128 && /^[A-Za-z0-9][-A-Za-z0-9_.]*$/.test(id);
}

import { mkdir, open, readdir, rename, truncate } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { readForeignText, removeTree } from '@nodeagent/base/files';

import { CsiError } from '../../model/errors.js';
import {
  type HostPathVolume,
  isHostPathId,
  parseHostPathVolume,
} from '../../model/hostpath-volume.js';

/** The driver's volumes on disk: one directory each, which appears and disappears atomically. */
export class VolumeStore {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Creates the directory if missing, and removes what a killed driver left incomplete. */
  static async open(dir: string): Promise<VolumeStore> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(dir)) {
      if (name.startsWith('.')) await removeTree(join(dir, name));
    }
    return new VolumeStore(dir);
  }

  /** The directory that holds a pod's files. */
  dataOf(volumeId: string): string {
    return join(this.#dir, volumeId, 'data');
  }

  /** The image file of a volume. */
  imageOf(volumeId: string): string {
    return join(this.#dir, volumeId, 'image');
  }

  /** The volume that this file is the image of; undefined for other files. */
  volumeOfFile(file: string): string | undefined {
    const id = basename(dirname(file));
    return isHostPathId(id) && file === this.imageOf(id) ? id : undefined;
  }

  async find(volumeId: string): Promise<HostPathVolume | undefined> {
    if (!isHostPathId(volumeId)) return undefined;
    const path = join(this.#dir, volumeId, 'volume.json');
    const text = await readForeignText(path, { links: 'refused', limitBytes: 1 << 16 });
    return text === undefined ? undefined : parseHostPathVolume(text);
  }

  /** @throws {CsiError} `CSI_NOT_FOUND` */
  async get(volumeId: string): Promise<HostPathVolume> {
    const volume = await this.find(volumeId);
    if (volume !== undefined) return volume;
    throw new CsiError('CSI_NOT_FOUND', `there is no volume ${volumeId}`);
  }

  /** Sorted by id. */
  async list(): Promise<readonly HostPathVolume[]> {
    const names = (await readdir(this.#dir)).filter((name) => isHostPathId(name)).sort();
    const found = await Promise.all(names.map((name) => this.find(name)));
    return found.filter((volume) => volume !== undefined);
  }

  async create(volume: HostPathVolume): Promise<void> {
    const made = join(this.#dir, `.new-${volume.volumeId}`);
    await removeTree(made);
    await mkdir(made, { mode: 0o700 });
    if (volume.backing === 'directory') await mkdir(join(made, 'data'), { mode: 0o777 });
    else await makeSparse(join(made, 'image'), volume.capacityBytes);
    await writeSynced(join(made, 'volume.json'), JSON.stringify(volume));
    await rename(made, join(this.#dir, volume.volumeId));
  }

  async grow(volume: HostPathVolume, capacityBytes: number): Promise<HostPathVolume> {
    const grown = { ...volume, capacityBytes };
    if (volume.backing !== 'directory')
      await truncate(this.imageOf(volume.volumeId), capacityBytes);
    const path = join(this.#dir, volume.volumeId, 'volume.json');
    await writeSynced(`${path}.new`, JSON.stringify(grown));
    await rename(`${path}.new`, path);
    return grown;
  }

  async remove(volumeId: string): Promise<void> {
    const going = join(this.#dir, `.gone-${volumeId}`);
    await removeTree(going);
    await rename(join(this.#dir, volumeId), going);
    await removeTree(going);
  }
}

async function makeSparse(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.truncate(bytes);
  } finally {
    await file.close();
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

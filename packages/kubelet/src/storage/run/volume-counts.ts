import { IN_TREE_PLUGINS } from '../../disks/index.js';
import type { BackingVolume } from '../model/csi-volume.js';
import { csiPlugin, type StorageMeter } from './storage-meter.js';

interface Counted {
  readonly plugin: string;
  isReady: boolean;
}

/**
 * Publishes `volume_manager_total_volumes` for volumes by claims and of drivers: requested by pods,
 * and mounted.
 */
export class VolumeCounts {
  readonly #meter: Pick<StorageMeter, 'show'>;
  /** By pod uid, then by the pod's name of the volume. */
  readonly #pods = new Map<string, Map<string, Counted>>();

  constructor(meter: Pick<StorageMeter, 'show'>) {
    this.#meter = meter;
  }

  noteWanted(uid: string, volume: string, plugin: string): void {
    const own = this.#pods.get(uid) ?? new Map<string, Counted>();
    this.#pods.set(uid, own);
    if (own.has(volume)) return;
    own.set(volume, { plugin, isReady: false });
    this.#show(plugin);
  }

  noteReady(uid: string, volume: string): void {
    const found = this.#pods.get(uid)?.get(volume);
    if (found === undefined || found.isReady) return;
    found.isReady = true;
    this.#show(found.plugin);
  }

  forget(uid: string): void {
    const own = [...(this.#pods.get(uid)?.values() ?? [])];
    this.#pods.delete(uid);
    for (const plugin of new Set(own.map((one) => one.plugin))) this.#show(plugin);
  }

  #show(plugin: string): void {
    const all = [...this.#pods.values()].flatMap((own) => [...own.values()]);
    const ours = all.filter((one) => one.plugin === plugin);
    this.#meter.show(plugin, 'desired_state_of_world', ours.length);
    this.#meter.show(plugin, 'actual_state_of_world', ours.filter((one) => one.isReady).length);
  }
}

/** The plug-in of a volume, as named in metrics. */
export function pluginOf(backing: BackingVolume): string {
  return backing.kind === 'csi' ? csiPlugin(backing.driver) : IN_TREE_PLUGINS[backing.kind];
}

import type { Clock, Logger } from '@nodeagent/base';

import type { CsiDrivers } from './csi-drivers.js';
import type { NodeAnnouncer } from './csi-node.js';
import type { StorageApi } from './storage-api.js';

export interface LimitUpdatesOptions {
  readonly registry: Pick<CsiDrivers, 'names' | 'node'>;
  readonly announcer: Pick<NodeAnnouncer, 'announce'>;
  readonly api: Pick<StorageApi, 'driverRules'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The least period that the API accepts. */
const LOOK_MS = 10_000;
/** How soon a change of a CSIDriver without a period is noticed. */
const IDLE_MS = 300_000;

/**
 * Asks drivers anew how many volumes this node can have, as often as their CSIDriver says, and tells the
 * scheduler by the CSINode.
 *
 * @see Kubernetes 1.36 pkg/volume/csi/csi_node_updater.go
 */
export class LimitUpdates {
  readonly #options: LimitUpdatesOptions;
  /** When a driver is due, with whether a whole period has passed by then. */
  readonly #due = new Map<string, Readonly<{ atMs: number; asks: boolean }>>();

  constructor(options: LimitUpdatesOptions) {
    this.#options = options;
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, registry } = this.#options;
    while ((await clock.sleep(LOOK_MS, signal)) !== 'aborted') {
      const names = new Set(registry.names());
      for (const name of this.#due.keys()) if (!names.has(name)) this.#due.delete(name);
      for (const name of names) await this.#look(name, signal);
    }
  }

  /** Asks the driver now; a failure is logged, and the next period makes up for it. */
  async refresh(name: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#update(name, signal);
    } catch (err) {
      signal.throwIfAborted();
      this.#options.log.warn({ driver: name, err }, 'limit of volumes not updated');
    }
  }

  async #look(name: string, signal: AbortSignal): Promise<void> {
    const { clock, api, log } = this.#options;
    const due = this.#due.get(name);
    if (due !== undefined && clock.monotonicMs() < due.atMs) return;
    try {
      const { limitsPeriodMs } = await api.driverRules(name, signal);
      if (due?.asks === true && limitsPeriodMs !== undefined) await this.#update(name, signal);
      this.#wait(name, limitsPeriodMs);
    } catch (err) {
      signal.throwIfAborted();
      log.warn({ driver: name, err }, 'limit of volumes not updated');
      this.#wait(name, due?.asks === true ? LOOK_MS : undefined);
    }
  }

  async #update(name: string, signal: AbortSignal): Promise<void> {
    const { registry, announcer } = this.#options;
    const info = await registry.node(name).getInfo({}, signal);
    await announcer.announce(name, info, signal);
  }

  #wait(name: string, periodMs: number | undefined): void {
    const atMs = this.#options.clock.monotonicMs() + (periodMs ?? IDLE_MS);
    this.#due.set(name, { atMs, asks: periodMs !== undefined });
  }
}

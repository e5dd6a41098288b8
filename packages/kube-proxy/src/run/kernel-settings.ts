import { type BackoffState, type Clock, type Logger, nextBackoff } from '@nodeagent/base';
import type { EventRecorder } from '@nodeagent/kube-client';

import { CONNTRACK_MAX, type KernelSetting } from '../plan/kernel-settings.js';
import type { Sysctl } from '../ports.js';

/** A path below /sys; only newer kernels increase it automatically. */
const HASH_SIZE = '/sys/module/nf_conntrack/parameters/hashsize';
const FLOWS_PER_BUCKET = 4;

const RETRY = { initialMs: 1000, maxMs: 5 * 60_000 };

export interface KernelSettingsOptions {
  readonly sysctl: Sysctl;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventRecorder;
  readonly nodeName: string;
  /**
   * A setting that cannot be written ends the process: right for `--init-only`, which does nothing
   * else.
   */
  readonly strict: boolean;
}

/**
 * Kernel settings that must have a value. One that cannot be written (a read-only /proc/sys, a
 * missing module) is reported by log and event and tried again with growing waits, 1 s to 5 min;
 * Services are served meanwhile.
 */
export class KernelSettings {
  readonly #options: KernelSettingsOptions;
  #failed: readonly KernelSetting[] = [];

  constructor(options: KernelSettingsOptions) {
    this.#options = options;
  }

  /**
   * Writes the settings that differ.
   *
   * @throws {ProxyError} `PROXY_SYSCTL` with the key, if strict
   */
  async want(settings: readonly KernelSetting[]): Promise<void> {
    const { log, events, nodeName, strict } = this.#options;
    for (const setting of settings) {
      try {
        await this.#make(setting);
      } catch (error) {
        if (strict) throw error;
        this.#failed = [...this.#failed, setting];
        const { message } = error as Error;
        log.error({ err: error, key: setting.key }, 'kernel setting not written; will retry');
        events.record({
          type: 'Warning',
          reason: 'KernelSettingFailed',
          action: 'StartKubeProxy',
          message,
          about: { kind: 'Node', name: nodeName },
        });
      }
    }
  }

  /** Retries failed settings until none is left or the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    let backoff: BackoffState | undefined;
    while (this.#failed.length > 0 && !signal.aborted) {
      backoff = nextBackoff(backoff, RETRY, clock.monotonicMs());
      if ((await clock.sleep(backoff.delayMs, signal)) === 'aborted') return;
      const left: KernelSetting[] = [];
      for (const setting of this.#failed) {
        try {
          await this.#make(setting);
        } catch (error) {
          left.push(setting);
          log.debug({ err: error, key: setting.key }, 'kernel setting still not written');
        }
      }
      this.#failed = left;
    }
  }

  async #make({ key, value }: KernelSetting): Promise<void> {
    await this.#ensure({ key, value });
    if (key !== CONNTRACK_MAX) return;
    const { sysctl } = this.#options;
    const wanted = Math.floor(value / FLOWS_PER_BUCKET);
    if (Number(await sysctl.read(HASH_SIZE)) < wanted) {
      await this.#ensure({ key: HASH_SIZE, value: wanted });
    }
  }

  async #ensure({ key, value }: KernelSetting): Promise<void> {
    const { sysctl, log } = this.#options;
    const found = await sysctl.read(key);
    if (found === String(value)) return;
    await sysctl.write(key, String(value));
    log.info({ key, from: found, to: value }, 'kernel setting changed');
  }
}

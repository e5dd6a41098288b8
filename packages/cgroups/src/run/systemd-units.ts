import type { Clock } from '@nodeagent/base';
import {
  type Dbus,
  type DbusValue,
  isDbusError,
  isDbusRefusal,
  variantValue,
} from '@nodeagent/dbus';

import { CgroupError } from '../model/errors.js';
import { systemdVersion, type UnitProperty } from '../plan/unit-properties.js';

/** A connection to D-Bus that tells when it was opened again. */
export interface LastingBus extends Dbus {
  onOpen(listener: () => void): () => void;
}

export interface SystemdUnitsOptions {
  readonly dbus: LastingBus;
  readonly clock: Clock;
}

const SYSTEMD = 'org.freedesktop.systemd1';
const PATH = '/org/freedesktop/systemd1';
const MANAGER = `${SYSTEMD}.Manager`;
const MODE = 'replace';

/** How long systemd may take for a job. */
const JOB_MS = 30_000;
const LOOK_MS = 1000;
/** Results of jobs that ended before the call that made them was answered. */
const MAX_EARLY = 256;

/** The result of a job, `lost` when the connection ended meanwhile. */
type JobResult = string;

/** Units of systemd: started, changed and stopped by its D-Bus interface. */
export class SystemdUnits {
  readonly #options: SystemdUnitsOptions;
  /** By the path of the job. */
  readonly #waiting = new Map<string, (result: JobResult) => void>();
  readonly #early = new Map<string, JobResult>();
  readonly #reloadListeners = new Set<() => void>();
  #version: number | undefined;
  #listening: Promise<void> | undefined;

  constructor(options: SystemdUnitsOptions) {
    this.#options = options;
    options.dbus.onOpen(() => {
      if (this.#listening !== undefined || this.#reloadListeners.size > 0) {
        this.#listening = this.#subscribe();
        this.#listening.catch(() => undefined); // the next connection subscribes again
      }
      for (const tell of this.#waiting.values()) tell('lost');
      this.#tellReload(); // it may have happened meanwhile
    });
  }

  /** systemd's own version, 252. */
  async version(): Promise<number> {
    if (this.#version !== undefined) return this.#version;
    const [found] = await this.#call({
      ...{ interface: 'org.freedesktop.DBus.Properties', member: 'Get' },
      ...{ signature: 'ss', body: [MANAGER, 'Version'] },
    });
    const text = variantValue(found);
    this.#version = systemdVersion(typeof text === 'string' ? text : '');
    return this.#version;
  }

  /**
   * Starts a unit that lives until it is stopped.
   *
   * @returns `exists`: there is one of that name, and its properties stay as they are
   */
  async startTransient(
    unit: string,
    properties: readonly UnitProperty[],
  ): Promise<'started' | 'exists'> {
    try {
      await this.#job(unit, 'StartTransientUnit', 'ssa(sv)a(sa(sv))', [
        ...[unit, MODE, pairs(properties)],
        [],
      ]);
      return 'started';
    } catch (error) {
      if (!isDbusRefusal(error, `${SYSTEMD}.UnitExists`)) throw error;
      return 'exists';
    }
  }

  /** Starts a unit that systemd knows; one that runs stays as it is. */
  async start(unit: string): Promise<void> {
    await this.#job(unit, 'StartUnit', 'ss', [unit, MODE]);
  }

  /** Sets properties until the machine's next start. */
  async setProperties(unit: string, properties: readonly UnitProperty[]): Promise<void> {
    await this.#manager('SetUnitProperties', 'sba(sv)', [unit, true, pairs(properties)]);
  }

  /** Stops a unit; one that is not there is fine. */
  async stop(unit: string): Promise<void> {
    try {
      await this.#job(unit, 'StopUnit', 'ss', [unit, MODE]);
      await this.#manager('ResetFailedUnit', 's', [unit]);
    } catch (error) {
      if (!isDbusRefusal(error, `${SYSTEMD}.NoSuchUnit`)) throw error;
    }
  }

  /**
   * Waits until systemd has written to the kernel what it was told: it does so between two calls.
   */
  async settle(): Promise<void> {
    await this.#call({ interface: 'org.freedesktop.DBus.Peer', member: 'Ping' });
  }

  /**
   * Calls back when systemd has read its units again, or may have.
   *
   * @returns a function that stops the calls
   */
  async onReload(listener: () => void): Promise<() => void> {
    this.#reloadListeners.add(listener);
    await (this.#listening ??= this.#subscribe());
    return () => this.#reloadListeners.delete(listener);
  }

  /** @throws {CgroupError} `CGROUP_UNIT_FAILED` */
  async #job(
    unit: string,
    member: string,
    signature: string,
    body: readonly DbusValue[],
  ): Promise<void> {
    await (this.#listening ??= this.#subscribe());
    const [path] = await this.#manager(member, signature, body);
    const result = await this.#ended(typeof path === 'string' ? path : '');
    if (result === 'done' || result === 'lost') return; // what the kernel has is read afterwards
    const what = result === undefined ? `did not end within ${JOB_MS} ms` : `ended as "${result}"`;
    throw new CgroupError('CGROUP_UNIT_FAILED', `${member} of ${unit} ${what}`);
  }

  /** @returns undefined when it takes too long */
  async #ended(job: string): Promise<JobResult | undefined> {
    const early = this.#early.get(job);
    this.#early.delete(job);
    if (early !== undefined) return early;
    const { clock } = this.#options;
    const ended = new Promise<JobResult>((resolve) => this.#waiting.set(job, resolve));
    const done = new AbortController();
    try {
      for (let waitedMs = 0; waitedMs < JOB_MS; waitedMs += LOOK_MS) {
        const result = await Promise.race([ended, clock.sleep(LOOK_MS, done.signal)]);
        if (result !== 'elapsed') return result;
        await this.settle(); // opens a lost connection again, which ends the wait
      }
      return undefined;
    } finally {
      done.abort();
      this.#waiting.delete(job);
    }
  }

  async #subscribe(): Promise<void> {
    const { dbus } = this.#options;
    const from = { sender: SYSTEMD, path: PATH, interface: MANAGER };
    try {
      if (!this.#hasMatches) {
        await dbus.subscribe({ ...from, member: 'JobRemoved' }, ({ body }) => this.#onJob(body));
        await dbus.subscribe({ ...from, member: 'Reloading' }, ({ body }) => {
          if (body[0] === false) this.#tellReload();
        });
        this.#hasMatches = true;
      }
      await this.#manager('Subscribe', '', []);
    } catch (error) {
      this.#listening = undefined;
      if (!isDbusRefusal(error, `${SYSTEMD}.AlreadySubscribed`)) throw error;
    }
  }

  #hasMatches = false;

  #onJob([, job, , result]: readonly DbusValue[]): void {
    if (typeof job !== 'string' || typeof result !== 'string') return;
    const tell = this.#waiting.get(job);
    if (tell !== undefined) {
      tell(result);
      return;
    }
    this.#early.set(job, result);
    const [oldest] = this.#early.keys();
    if (this.#early.size > MAX_EARLY && oldest !== undefined) this.#early.delete(oldest);
  }

  #tellReload(): void {
    for (const listener of this.#reloadListeners) listener();
  }

  #manager(
    member: string,
    signature: string,
    body: readonly DbusValue[],
  ): Promise<readonly DbusValue[]> {
    return this.#call({ interface: MANAGER, member, signature, body });
  }

  /** Once more after a lost connection: systemd was started anew, or the bus was. */
  async #call(call: {
    readonly interface: string;
    readonly member: string;
    readonly signature?: string;
    readonly body?: readonly DbusValue[];
  }): Promise<readonly DbusValue[]> {
    const { dbus } = this.#options;
    const whole = { destination: SYSTEMD, path: PATH, ...call };
    try {
      return await dbus.call(whole);
    } catch (error) {
      if (!isDbusError(error, 'DBUS_CLOSED')) throw error;
      return dbus.call(whole);
    }
  }
}

function pairs(properties: readonly UnitProperty[]): readonly DbusValue[] {
  return properties.map(({ name, signature, value }) => [name, { signature, value }]);
}

import { type DbusCall, DbusError, type DbusValue, variantValue } from '@nodeagent/dbus';
import { type MemoryAnswer, MemoryBus } from '@nodeagent/dbus/testing';

import type { CgroupValues } from '../model/limits.js';
import { weightToShares } from '../plan/cpu-amounts.js';
import type { MemoryCgroups } from './memory-cgroups.js';

const SYSTEMD = 'org.freedesktop.systemd1';
const MANAGER = { path: '/org/freedesktop/systemd1', interface: `${SYSTEMD}.Manager` };
const OWNER = ':1.0';
const NOTHING: MemoryAnswer = { signature: '', body: [] };
const US_PER_S = 1_000_000;
const INFINITY = 2n ** 64n - 1n;

/** Limits that systemd writes to a cgroup whose unit says nothing of them. */
const DEFAULTS: CgroupValues = {
  ...{ cpuShares: 1024, cpuPeriodUs: 100_000, cpuQuotaUs: -1, memoryLimitBytes: -1, pidsMax: -1 },
};

/**
 * systemd in memory, as far as it makes slices: it speaks D-Bus, makes the cgroups above a slice with it,
 * ignores limits that others wrote, and writes its own over them when it reads its units again.
 */
export class MemorySystemd {
  readonly bus: MemoryBus;
  readonly #cgroups: MemoryCgroups;
  /** Properties of the slices that run. */
  readonly #units = new Map<string, Map<string, DbusValue>>();
  #jobs = 0;
  #isSubscribed = false;
  /** Result of the next job; `done` unless a test sets it. */
  nextResult = 'done';

  /** @param cgroups with the driver `systemd` */
  constructor(cgroups: MemoryCgroups) {
    this.#cgroups = cgroups;
    this.bus = new MemoryBus({
      owners: { [SYSTEMD]: OWNER },
      onCall: (call) => this.#answer(call),
    });
  }

  /** Names of the slices that run. */
  get units(): readonly string[] {
    return [...this.#units.keys()];
  }

  /** A property of a slice that runs. */
  property(unit: string, name: string): DbusValue | undefined {
    return this.#units.get(unit)?.get(name);
  }

  /** `systemctl daemon-reload`: the kernel has the units' own limits afterwards. */
  async reload(): Promise<void> {
    this.#emit('Reloading', 'b', [true]);
    for (const unit of this.#units.keys()) await this.#realize(unit);
    this.#emit('Reloading', 'b', [false]);
  }

  /** Ends as its process does: limits stay, and nobody listens. */
  restart(): void {
    this.#isSubscribed = false;
    this.bus.drop();
  }

  async #answer({ member, body = [] }: DbusCall): Promise<MemoryAnswer> {
    const unit = typeof body[0] === 'string' ? body[0] : '';
    switch (member) {
      case 'Ping':
      case 'ResetFailedUnit':
        return NOTHING;
      case 'Get':
        return { signature: 'v', body: [{ signature: 's', value: '252.38-1~deb12u1' }] };
      case 'Subscribe':
        this.#isSubscribed = true;
        return NOTHING;
      case 'StartTransientUnit':
        if (this.#units.has(unit)) throw refusal('UnitExists', unit);
        return this.#start(unit, body[2]);
      case 'StartUnit':
        return this.#start(unit, []);
      case 'SetUnitProperties':
        return this.#set(unit, body[2]);
      case 'StopUnit':
        return this.#stop(unit);
      default:
        throw refusal('UnknownMethod', member);
    }
  }

  async #start(unit: string, properties: DbusValue | undefined): Promise<MemoryAnswer> {
    const names = namesOf(unit);
    for (let depth = 1; depth <= names.length; depth += 1) {
      const above = `${names.slice(0, depth).join('-')}.slice`;
      if (this.#units.has(above)) continue;
      this.#units.set(above, new Map());
      if (above === unit) this.#take(unit, properties);
      await this.#realize(above);
    }
    return this.#job(unit);
  }

  async #set(unit: string, properties: DbusValue | undefined): Promise<MemoryAnswer> {
    if (!this.#units.has(unit)) throw refusal('NoSuchUnit', unit);
    this.#take(unit, properties);
    await this.#realize(unit);
    return NOTHING;
  }

  /** Units below end with it. A cgroup with processes stays. */
  #stop(unit: string): MemoryAnswer {
    if (!this.#units.has(unit)) throw refusal('NoSuchUnit', unit);
    const below = `${unit.slice(0, -'.slice'.length)}-`;
    for (const one of this.units) if (one.startsWith(below)) this.#units.delete(one);
    this.#units.delete(unit);
    const path = this.#cgroups.pathOf(namesOf(unit));
    if (!this.#cgroups.isBusy(path)) this.#cgroups.remove(path);
    return this.#job(unit);
  }

  #take(unit: string, properties: DbusValue | undefined): void {
    for (const [name, variant] of properties as readonly [string, DbusValue][]) {
      this.#units.get(unit)?.set(name, variantValue(variant) ?? '');
    }
  }

  /** Writes the limits that the unit has, and systemd's own where it says nothing. */
  async #realize(unit: string): Promise<void> {
    const properties = this.#units.get(unit);
    const number = (name: string): bigint | undefined => {
      const value = properties?.get(name);
      return typeof value === 'bigint' ? value : undefined;
    };
    const weight = number('CPUWeight');
    const period = Number(number('CPUQuotaPeriodUSec') ?? 100_000n);
    const perSecond = amount(number('CPUQuotaPerSecUSec'));
    await this.#cgroups.tree.ensure(namesOf(unit), {
      ...DEFAULTS,
      ...(weight !== undefined && { cpuShares: weightToShares(Number(weight)) }),
      cpuPeriodUs: period,
      cpuQuotaUs: perSecond < 0 ? -1 : Math.floor((perSecond * period) / US_PER_S),
      memoryLimitBytes: amount(number('MemoryMax')),
      ...kept('memoryMinBytes', number('MemoryMin')),
      ...kept('memoryLowBytes', number('MemoryLow')),
      pidsMax: amount(number('TasksMax')),
    });
  }

  #job(unit: string): MemoryAnswer {
    this.#jobs += 1;
    const path = `/org/freedesktop/systemd1/job/${this.#jobs}`;
    const result = this.nextResult;
    this.nextResult = 'done';
    // systemd may tell of the end before it answers the call
    this.#emit('JobRemoved', 'uoss', [this.#jobs, path, unit, result]);
    return { signature: 'o', body: [path] };
  }

  #emit(member: string, signature: string, body: readonly DbusValue[]): void {
    if (this.#isSubscribed) this.bus.emit({ sender: SYSTEMD, ...MANAGER, member, signature, body });
  }
}

function namesOf(unit: string): readonly string[] {
  return unit.slice(0, -'.slice'.length).split('-');
}

function kept(name: 'memoryMinBytes' | 'memoryLowBytes', value: bigint | undefined): CgroupValues {
  return value === undefined ? {} : { [name]: amount(value) };
}

function amount(value: bigint | undefined): number {
  return value === undefined || value === INFINITY ? -1 : Number(value);
}

function refusal(name: string, text: string): DbusError {
  return new DbusError('DBUS_REFUSED', text, { errorName: `${SYSTEMD}.${name}` });
}

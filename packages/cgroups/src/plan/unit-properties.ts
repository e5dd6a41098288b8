import type { CgroupValues } from '../model/limits.js';
import { sharesToWeight } from './cpu-amounts.js';

/** A property of a unit of systemd, and its type on D-Bus. */
export interface UnitProperty {
  readonly name: string;
  readonly signature: string;
  readonly value: bigint | boolean | string | readonly string[];
}

/** The oldest systemd that has a period for CPU quotas. */
const PERIOD_SINCE = 242;
const DEFAULT_PERIOD_US = 100_000;
/** systemd keeps whole percents of a CPU: 10 ms in each second. */
const STEP_US = 10_000;
const US_PER_S = 1_000_000;
const INFINITY = 2n ** 64n - 1n;

/** The slice of systemd for a cgroup: `kubepods-burstable.slice`. */
export function sliceName(names: readonly string[]): string {
  return names.length === 0
    ? '-.slice'
    : `${names.map((name) => name.replaceAll('-', '_')).join('-')}.slice`;
}

/** Properties that every new slice has, whatever its limits. */
export function newSliceProperties(
  names: readonly string[],
  version: 1 | 2,
): readonly UnitProperty[] {
  const accounting = ['MemoryAccounting', 'CPUAccounting', 'TasksAccounting'];
  const disks = version === 1 ? 'BlockIOAccounting' : 'IOAccounting';
  return [
    text('Description', `cgroup ${names.join('/')}`),
    { name: 'Wants', signature: 'as', value: [sliceName(names.slice(0, -1))] },
    // Without accounting systemd leaves the controllers away.
    ...[...accounting, disks].map((name) => flag(name, true)),
    flag('DefaultDependencies', false),
  ];
}

/**
 * The properties of a unit for limits of its cgroup.
 *
 * @param system the version of cgroups and systemd's own
 * @see Kubernetes 1.36 vendor/github.com/opencontainers/cgroups/systemd, genV2ResourcesProperties,
 *   genV1ResourcesProperties
 */
export function limitProperties(
  values: CgroupValues,
  system: Readonly<{ version: 1 | 2; systemd: number }>,
): readonly UnitProperty[] {
  const { cpuShares, cpuPeriodUs, cpuQuotaUs, memoryLimitBytes, pidsMax } = values;
  const isV1 = system.version === 1;
  const properties: UnitProperty[] = [];
  const add = (name: string, value: bigint): void => {
    properties.push({ name, signature: 't', value });
  };
  if (memoryLimitBytes !== undefined) {
    add(isV1 ? 'MemoryLimit' : 'MemoryMax', amount(memoryLimitBytes));
  }
  if (!isV1) {
    const { memoryMinBytes, memoryLowBytes } = values;
    if (memoryMinBytes !== undefined) add('MemoryMin', amount(memoryMinBytes));
    if (memoryLowBytes !== undefined) add('MemoryLow', amount(memoryLowBytes));
  }
  if (cpuShares !== undefined) {
    if (isV1) add('CPUShares', BigInt(cpuShares));
    else add('CPUWeight', BigInt(sharesToWeight(cpuShares)));
  }
  if (cpuPeriodUs !== undefined && system.systemd >= PERIOD_SINCE) {
    add('CPUQuotaPeriodUSec', BigInt(cpuPeriodUs));
  }
  if (cpuQuotaUs !== undefined) {
    add('CPUQuotaPerSecUSec', cpuQuotaUs < 0 ? INFINITY : BigInt(quotaPerSecond(values)));
  }
  // systemd takes 0 for a mistake
  if (pidsMax !== undefined) add('TasksMax', pidsMax === 0 ? 1n : amount(pidsMax));
  return properties;
}

/** The values that a cgroup has when systemd was given them: a quota is rounded up to its steps. */
export function valuesOfSystemd(values: CgroupValues): CgroupValues {
  const { cpuQuotaUs, pidsMax, cpuPeriodUs = DEFAULT_PERIOD_US } = values;
  const isQuota = cpuQuotaUs !== undefined && cpuQuotaUs > 0;
  return {
    ...values,
    ...(isQuota && { cpuQuotaUs: Math.floor((quotaPerSecond(values) * cpuPeriodUs) / US_PER_S) }),
    ...(pidsMax === 0 && { pidsMax: 1 }),
  };
}

/** The version in systemd's own text: 252 of `252.38-1~deb12u1`; 0 if there is none. */
export function systemdVersion(text: string): number {
  return Number(/^v?(\d{1,6})/.exec(text)?.[1] ?? 0);
}

function quotaPerSecond({ cpuQuotaUs = 0, cpuPeriodUs = DEFAULT_PERIOD_US }: CgroupValues): number {
  const exact = Math.floor((cpuQuotaUs * US_PER_S) / cpuPeriodUs);
  return Math.ceil(exact / STEP_US) * STEP_US;
}

function amount(limit: number): bigint {
  return limit < 0 ? INFINITY : BigInt(limit);
}

function flag(name: string, value: boolean): UnitProperty {
  return { name, signature: 'b', value };
}

function text(name: string, value: string): UnitProperty {
  return { name, signature: 's', value };
}

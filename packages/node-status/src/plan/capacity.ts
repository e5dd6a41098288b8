import { formatQuantity, parseQuantity, type Quantity } from '@nodeagent/base';

import type { NodeConfig, Reserve } from '../model/config.js';
import { NodeStatusError } from '../model/errors.js';
import type { DeviceResources, MachineFacts } from '../model/facts.js';

/** Quantities in Kubernetes' notation by resource: `{ cpu: '4', memory: '16Gi' }`. */
export type ResourceList = Readonly<Record<string, string>>;

/** All resources of the machine, and the part that pods may request. */
export interface Capacity {
  readonly capacity: ResourceList;
  readonly allocatable: ResourceList;
}

/** The measured machine, and the entries of other writers. */
export interface CapacityFacts {
  readonly machine: MachineFacts;
  readonly devices: DeviceResources | undefined;
  /** The present status.capacity; entries of other writers stay. */
  readonly previous: ResourceList;
}

const NANO = 1_000_000_000n;
const HUGE_PAGES = 'hugepages-';

type CapacityConfig = Pick<
  NodeConfig,
  | 'systemReserved'
  | 'kubeReserved'
  | 'evictionReserved'
  | 'maxPods'
  | 'podsPerCore'
  | 'localStorageCapacityIsolation'
>;

/**
 * Computes capacity and allocatable. Allocatable is capacity minus reservations and eviction
 * thresholds; huge pages are subtracted from memory.
 *
 * @see Kubernetes 1.36 pkg/kubelet/nodestatus/setters.go, MachineInfo
 */
export function planCapacity(config: CapacityConfig, facts: CapacityFacts): Capacity {
  const { devices } = facts;
  const capacity = new Map<string, Quantity>();
  for (const [name, text] of Object.entries(facts.previous)) {
    const old = name.startsWith(HUGE_PAGES) ? undefined : parseQuantity(text);
    if (old !== undefined) capacity.set(name, old);
  }
  for (const [name, amount] of machineCapacity(config, facts.machine)) capacity.set(name, amount);
  for (const name of devices?.removed ?? []) capacity.set(name, 0n);
  for (const [name, count] of Object.entries(devices?.capacity ?? {})) {
    capacity.set(name, units(count));
  }
  const allocatable = planAllocatable(config, capacity, devices);
  return { capacity: texts(capacity), allocatable: texts(allocatable) };
}

function machineCapacity(
  { maxPods, podsPerCore, localStorageCapacityIsolation }: CapacityConfig,
  { cpuCount, memoryBytes, hugePages, rootFsBytes }: MachineFacts,
): readonly (readonly [string, Quantity])[] {
  const pods = podsPerCore > 0 ? Math.min(maxPods, cpuCount * podsPerCore) : maxPods;
  const huge = hugePages.map(({ sizeBytes, pages }): [string, Quantity] => [
    `${HUGE_PAGES}${formatQuantity(units(sizeBytes), 'binary')}`,
    units(pages * sizeBytes),
  ]);
  return [
    ['cpu', units(cpuCount)],
    ['memory', units(memoryBytes)],
    ['pods', units(pods)],
    ...huge,
    ...(localStorageCapacityIsolation
      ? [['ephemeral-storage', units(rootFsBytes)] as [string, Quantity]]
      : []),
  ];
}

function planAllocatable(
  config: CapacityConfig,
  capacity: ReadonlyMap<string, Quantity>,
  devices: DeviceResources | undefined,
): ReadonlyMap<string, Quantity> {
  const allocatable = new Map<string, Quantity>();
  for (const [name, amount] of capacity) {
    allocatable.set(name, floorZero(amount - reservedOf(config, name, amount)));
  }
  for (const [name, amount] of capacity) {
    if (!name.startsWith(HUGE_PAGES)) continue;
    allocatable.set('memory', floorZero((allocatable.get('memory') ?? 0n) - amount));
  }
  for (const name of devices?.removed ?? []) allocatable.set(name, 0n);
  for (const [name, count] of Object.entries(devices?.allocatable ?? {})) {
    allocatable.set(name, units(count));
  }
  return allocatable;
}

/** Sums the reservations for the system, for Kubernetes and for eviction. */
function reservedOf(config: CapacityConfig, name: string, capacity: Quantity): Quantity {
  const { systemReserved, kubeReserved, evictionReserved } = config;
  const { memory, ephemeralStorage } = evictionReserved;
  const reserve =
    name === 'memory' ? memory : name === 'ephemeral-storage' ? ephemeralStorage : undefined;
  const forEviction = reserve === undefined ? 0n : evictionAmount(reserve, capacity);
  return (systemReserved[name] ?? 0n) + (kubeReserved[name] ?? 0n) + forEviction;
}

function evictionAmount(reserve: Reserve, capacity: Quantity): Quantity {
  if ('bytes' in reserve) return units(reserve.bytes);
  return units(Math.trunc(Number(capacity / NANO) * reserve.fraction));
}

/**
 * Refuses reservations larger than the machine.
 *
 * @throws {NodeStatusError} `NODE_ALLOCATABLE_INVALID`, naming every such resource
 * @see Kubernetes 1.36 pkg/kubelet/cm/node_container_manager_linux.go, validateNodeAllocatable
 */
export function assertReservable(config: CapacityConfig, machine: MachineFacts): void {
  const problems = machineCapacity(config, machine).flatMap(([name, amount]) => {
    const reserved = reservedOf(config, name, amount);
    if (reserved <= amount) return [];
    const [wanted, have] = [text(name, reserved), text(name, amount)];
    return `Resource "${name}" has a reservation of ${wanted} but capacity of ${have}. Expected capacity >= reservation.`;
  });
  if (problems.length === 0) return;
  const message = `invalid Node Allocatable configuration. ${problems.join(' ')}`;
  throw new NodeStatusError('NODE_ALLOCATABLE_INVALID', message);
}

const BINARY = /^(memory|ephemeral-storage|hugepages-.*)$/;

function texts(list: ReadonlyMap<string, Quantity>): ResourceList {
  return Object.fromEntries([...list].map(([name, amount]) => [name, text(name, amount)]));
}

function text(name: string, amount: Quantity): string {
  return formatQuantity(amount, BINARY.test(name) ? 'binary' : 'decimal');
}

function units(count: number): Quantity {
  return BigInt(Math.trunc(count)) * NANO;
}

function floorZero(amount: Quantity): Quantity {
  return amount < 0n ? 0n : amount;
}

import { familyOf } from '../model/address.js';
import {
  assertFits,
  type Destination,
  destinationKey,
  sameDestination,
} from '../model/destination.js';
import { IpvsError } from '../model/errors.js';
import type { Operation } from '../model/operation.js';
import {
  formatServiceId,
  sameService,
  type Service,
  serviceFamily,
  type ServiceId,
} from '../model/service.js';

/** A service with its destinations: the desired ones, or those in the kernel. */
export interface VirtualServer<S extends Service = Service, D extends Destination = Destination> {
  readonly service: S;
  readonly destinations: readonly D[];
}

/** Limits of a comparison: which services it is about, and how destinations leave. */
export interface DiffOptions<D extends Destination> {
  /** Selects the services to manage; others stay as they are. All services when absent. */
  readonly manages?: (id: ServiceId) => boolean;
  /** Plans the removal of an unwanted destination; it is deleted when absent. */
  readonly remove?: (id: ServiceId, destination: D) => readonly Operation[];
}

/**
 * Plans the operations that turn `actual` into `desired`: additions and changes first, then
 * removals, so that no service is ever without a destination that it should have. O(n + m).
 *
 * @throws {IpvsError} `IPVS_INVALID` when a service or destination is listed twice, `IPVS_FAMILY`
 * @example
 * ```ts
 * import { diff, formatOperation, parseSave } from '@nodeagent/ipvs';
 *
 * const actual = parseSave('-A -t 192.0.2.10:80 -s rr');
 * const wanted = parseSave('-A -t 192.0.2.10:80 -s wrr');
 * for (const operation of diff(wanted, actual)) console.log(formatOperation(operation)); // update-service tcp 192.0.2.10:80 (scheduler rr → wrr)
 * ```
 */
export function diff<D extends Destination>(
  desired: readonly VirtualServer[],
  actual: readonly VirtualServer<Service, D>[],
  options: DiffOptions<D> = {},
): readonly Operation[] {
  const { manages = () => true, remove = deleteNow } = options;
  const leftover = new Map(actual.map((server) => [formatServiceId(server.service.id), server]));
  const wanted = new Set<string>();
  const first: Operation[] = [];
  const last: Operation[] = [];
  for (const server of desired) {
    const key = formatServiceId(server.service.id);
    if (wanted.has(key)) throw twice(`service ${key}`);
    wanted.add(key);
    const have = leftover.get(key);
    leftover.delete(key);
    first.push(...serviceChange(server.service, have?.service));
    const changes = diffDestinations(server, have?.destinations ?? [], remove);
    first.push(...changes.first);
    last.push(...changes.last);
  }
  for (const { service } of leftover.values()) {
    if (manages(service.id)) last.push({ kind: 'delete-service', id: service.id });
  }
  return [...first, ...last];
}

function serviceChange(want: Service, have: Service | undefined): readonly Operation[] {
  if (have === undefined) return [{ kind: 'add-service', service: want }];
  return sameService(want, have) ? [] : [{ kind: 'update-service', service: want, before: have }];
}

function diffDestinations<D extends Destination>(
  { service, destinations }: VirtualServer,
  actual: readonly D[],
  remove: NonNullable<DiffOptions<D>['remove']>,
): { first: readonly Operation[]; last: readonly Operation[] } {
  const { id } = service;
  const leftover = new Map(actual.map((destination) => [destinationKey(destination), destination]));
  const wanted = new Set<string>();
  const first: Operation[] = [];
  const family = serviceFamily(id);
  for (const destination of destinations) {
    const key = destinationKey(destination);
    if (wanted.has(key)) throw twice(`destination ${key} of service ${formatServiceId(id)}`);
    wanted.add(key);
    if (familyOf(destination.address) !== family) assertFits(id, destination);
    const have = leftover.get(key);
    leftover.delete(key);
    if (have === undefined) first.push({ kind: 'add-destination', id, destination });
    else if (!sameDestination(destination, have)) {
      first.push({ kind: 'update-destination', id, destination, before: have });
    }
  }
  return { first, last: [...leftover.values()].flatMap((left) => remove(id, left)) };
}

function deleteNow(id: ServiceId, { address, port }: Destination): readonly Operation[] {
  return [{ kind: 'delete-destination', id, destination: { address, port } }];
}

function twice(what: string): IpvsError {
  return new IpvsError('IPVS_INVALID', `The ${what} is listed twice`);
}

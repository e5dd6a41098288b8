import { assertFits, defineDestination, type DestinationSpec } from '../model/destination.js';
import { invalid, IpvsError } from '../model/errors.js';
import { defineService, type ServiceSpec } from '../model/service.js';
import type { ServiceState, DestinationState, Statistics } from '../model/state.js';
import type { VirtualServer } from '../plan/diff.js';

const SERVICE_KEYS = [
  'id',
  'scheduler',
  'schedulerFlags',
  'persistence',
  'persistenceEngine',
  'onePacket',
  'destinations',
  'statistics',
];
const DESTINATION_KEYS = [
  'address',
  'port',
  'forwarding',
  'weight',
  'upperThreshold',
  'lowerThreshold',
  'activeConnections',
  'inactiveConnections',
  'persistentConnections',
  'statistics',
];

/**
 * The table as JSON: an array of services as {@link ServiceSpec} has them, each with `destinations`
 * as {@link DestinationSpec} has them. What only the kernel knows may be there and is passed over.
 *
 * @throws {IpvsError} `IPVS_PARSE` for text that is no JSON; `IPVS_INVALID`, `IPVS_FAMILY`
 */
export function parseJson(text: string): readonly VirtualServer[] {
  const input = parse(text);
  if (!Array.isArray(input)) throw new IpvsError('IPVS_PARSE', 'Not an array of services');
  return input.map((entry: unknown, index): VirtualServer => {
    const fields = checkedObject(`Service ${index + 1}`, entry, SERVICE_KEYS);
    checkedObject(`Service ${index + 1}: id`, fields['id'], [
      'kind',
      'protocol',
      'address',
      'port',
      'family',
      'mark',
    ]);
    const service = defineService(fields as unknown as ServiceSpec);
    const list = fields['destinations'] ?? [];
    if (!Array.isArray(list)) throw invalid(`Service ${index + 1}: destinations`, list, 'no array');
    const destinations = list.map((each: unknown, at) => {
      const what = `Service ${index + 1}: destination ${at + 1}`;
      const spec = checkedObject(what, each, DESTINATION_KEYS);
      const destination = defineDestination(spec as unknown as DestinationSpec);
      assertFits(service.id, destination);
      return destination;
    });
    return { service, destinations };
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new IpvsError('IPVS_PARSE', `Not JSON: ${(cause as Error).message}`, { cause });
  }
}

function checkedObject(
  what: string,
  input: unknown,
  keys: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw invalid(what, input, 'must be an object');
  }
  const unknown = Object.keys(input).find((key) => !keys.includes(key));
  if (unknown === undefined) return input as Readonly<Record<string, unknown>>;
  throw invalid(`${what}: field`, unknown, `there are ${keys.join(', ')}`);
}

/** Totals are strings: they have 64 bits, and numbers in JSON do not. */
export function renderJson(
  servers: readonly VirtualServer<ServiceState, DestinationState>[],
): string {
  const plain = servers.map(({ service, destinations }) => ({
    ...service,
    statistics: plainStatistics(service.statistics),
    destinations: destinations.map((destination) => ({
      ...destination,
      statistics: plainStatistics(destination.statistics),
    })),
  }));
  return `${JSON.stringify(plain, undefined, 2)}\n`;
}

function plainStatistics({ rates, ...totals }: Statistics): Readonly<Record<string, unknown>> {
  const strings = Object.entries(totals).map(([name, total]) => [name, String(total)]);
  return { ...Object.fromEntries(strings), rates };
}

import {
  type Destination,
  type DestinationId,
  destinationKey,
  type Tunnel,
} from './destination.js';
import { formatServiceId, type Service, type ServiceId } from './service.js';

/** One change of the kernel's tables. Deleting a service also deletes its destinations. */
export type Operation =
  | { readonly kind: 'add-service'; readonly service: Service }
  | {
      readonly kind: 'update-service';
      readonly service: Service;
      /** The service as it was, for {@link formatOperation}; the kernel does not need it. */
      readonly before?: Service;
    }
  | { readonly kind: 'delete-service'; readonly id: ServiceId }
  | { readonly kind: 'add-destination'; readonly id: ServiceId; readonly destination: Destination }
  | {
      readonly kind: 'update-destination';
      readonly id: ServiceId;
      readonly destination: Destination;
      /** The destination as it was, for {@link formatOperation}; the kernel does not need it. */
      readonly before?: Destination;
    }
  | {
      readonly kind: 'delete-destination';
      readonly id: ServiceId;
      readonly destination: DestinationId;
    }
  /** Resets the statistics of one service with its destinations, or of all services. */
  | { readonly kind: 'zero'; readonly id?: ServiceId }
  /** Deletes everything. */
  | { readonly kind: 'flush' };

/**
 * `add-destination tcp 10.0.0.1:80 → 10.1.0.1:8080`; an update says what changes when it knows what
 * there was: `update-destination tcp 10.0.0.1:80 → 10.1.0.1:8080 (weight 1 → 0)`.
 */
export function formatOperation(operation: Operation): string {
  switch (operation.kind) {
    case 'add-service':
      return `${operation.kind} ${formatServiceId(operation.service.id)}`;
    case 'update-service': {
      const { kind, service, before } = operation;
      return `${kind} ${formatServiceId(service.id)}${changes(before, service, serviceFields)}`;
    }
    case 'delete-service':
      return `${operation.kind} ${formatServiceId(operation.id)}`;
    case 'update-destination': {
      const { kind, id, destination, before } = operation;
      const name = `${formatServiceId(id)} → ${destinationKey(destination)}`;
      return `${kind} ${name}${changes(before, destination, destinationFields)}`;
    }
    case 'add-destination':
    case 'delete-destination': {
      const { kind, id, destination } = operation;
      return `${kind} ${formatServiceId(id)} → ${destinationKey(destination)}`;
    }
    case 'zero':
      return operation.id === undefined ? 'zero' : `zero ${formatServiceId(operation.id)}`;
    case 'flush':
      return 'flush';
  }
}

type Fields = Readonly<Record<string, string | number>>;

function changes<T>(before: T | undefined, after: T, fieldsOf: (value: T) => Fields): string {
  if (before === undefined) return '';
  const old = fieldsOf(before);
  const changed = Object.entries(fieldsOf(after)).filter(([name, value]) => value !== old[name]);
  if (changed.length === 0) return '';
  return ` (${changed.map(([name, value]) => `${name} ${old[name] ?? ''} → ${value}`).join(', ')})`;
}

function serviceFields(service: Service): Fields {
  const { scheduler, schedulerFlags, persistence, persistenceEngine, onePacket } = service;
  return {
    scheduler,
    flags: schedulerFlags.join('+') || 'none',
    persistence: persistence === undefined ? 'none' : `${persistence.timeoutSeconds} s`,
    'prefix length': persistence?.prefixLength ?? 'none',
    engine: persistenceEngine ?? 'none',
    'one-packet': onePacket ? 'on' : 'off',
  };
}

function destinationFields(destination: Destination): Fields {
  const { forwarding, weight, upperThreshold, lowerThreshold } = destination;
  return {
    forwarding: typeof forwarding === 'string' ? forwarding : formatTunnel(forwarding),
    weight,
    'upper threshold': upperThreshold,
    'lower threshold': lowerThreshold,
  };
}

function formatTunnel({ kind, port, checksum }: Tunnel): string {
  return [kind, ...(port === 0 ? [] : [port]), ...(checksum === 'none' ? [] : [checksum])].join(
    ' ',
  );
}

import { type Destination, type DestinationId, destinationKey } from './destination.js';
import { formatServiceId, type Service, type ServiceId } from './service.js';

/** One change of the kernel's tables. Deleting a service also deletes its destinations. */
export type Operation =
  | { readonly kind: 'add-service'; readonly service: Service }
  | { readonly kind: 'update-service'; readonly service: Service }
  | { readonly kind: 'delete-service'; readonly id: ServiceId }
  | { readonly kind: 'add-destination'; readonly id: ServiceId; readonly destination: Destination }
  | {
      readonly kind: 'update-destination';
      readonly id: ServiceId;
      readonly destination: Destination;
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

/** `add-destination tcp 10.0.0.1:80 → 10.1.0.1:8080` */
export function formatOperation(operation: Operation): string {
  switch (operation.kind) {
    case 'add-service':
    case 'update-service':
      return `${operation.kind} ${formatServiceId(operation.service.id)}`;
    case 'delete-service':
      return `${operation.kind} ${formatServiceId(operation.id)}`;
    case 'add-destination':
    case 'update-destination':
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

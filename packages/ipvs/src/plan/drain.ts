import type { Operation } from '../model/operation.js';
import type { Protocol, ServiceId } from '../model/service.js';
import type { DestinationState } from '../model/state.js';

/** Decides which destinations wait for their connections. */
export interface DrainRules {
  /**
   * Protocols whose connections may end by themselves. TCP only when absent: other protocols have
   * no end to wait for. Services by mark are always drained.
   */
  readonly protocols?: readonly Protocol[];
}

/**
 * Takes a destination out gently: with connections left it gets no new ones (weight 0); without any
 * it is deleted. Pass it as `remove` of `diff`; run again until nothing is left.
 */
export function drain(
  id: ServiceId,
  destination: DestinationState,
  { protocols = ['tcp'] }: DrainRules = {},
): readonly Operation[] {
  const { address, port } = destination;
  const patient = id.kind === 'mark' || protocols.includes(id.protocol);
  if (!patient || isIdle(destination)) {
    return [{ kind: 'delete-destination', id, destination: { address, port } }];
  }
  if (destination.weight === 0) return [];
  const { forwarding, upperThreshold, lowerThreshold } = destination;
  const rest = { address, port, forwarding, upperThreshold, lowerThreshold };
  return [
    {
      kind: 'update-destination',
      id,
      destination: { ...rest, weight: 0 },
      before: destination,
    },
  ];
}

/** True when no connection is left, not even a closing one. */
export function isIdle(destination: DestinationState): boolean {
  return destination.activeConnections + destination.inactiveConnections === 0;
}

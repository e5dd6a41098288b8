import type { Operation } from '../model/operation.js';
import type { Protocol, ServiceId } from '../model/service.js';
import type { DestinationState } from '../model/state.js';

export interface DrainRules {
  /**
   * Whose connections are let end by themselves. TCP only when absent: others have no end that could
   * be waited for. Services by mark are always drained.
   */
  readonly protocols?: readonly Protocol[];
}

/**
 * The gentle way to take a destination out: while it has connections it gets no new ones (weight 0);
 * once it has none it goes. For `remove` of `diff`; run again until nothing is left.
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
  return [{ kind: 'update-destination', id, destination: { ...rest, weight: 0 } }];
}

/** Without connections, also without those that are closing. */
export function isIdle(destination: DestinationState): boolean {
  return destination.activeConnections + destination.inactiveConnections === 0;
}

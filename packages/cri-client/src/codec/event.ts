import type { runtime } from '../adapters/generated/runtime-v1.js';
import type { ContainerEvent } from '../model/event.js';
import { decodeContainerStatus } from './container.js';
import { decodeSandboxStatus } from './sandbox.js';
import { enumCodec, optional, toMs } from './scalar.js';

const eventType = enumCodec(['created', 'started', 'stopped', 'deleted']);

export function decodeContainerEvent(
  message: runtime.v1.ContainerEventResponse.$Properties,
): ContainerEvent {
  return {
    id: message.containerId ?? '',
    type: eventType.decode(message.containerEventType),
    atMs: toMs(message.createdAt),
    sandbox: optional(message.podSandboxStatus, decodeSandboxStatus),
    containers: (message.containersStatuses ?? []).map(decodeContainerStatus),
  };
}

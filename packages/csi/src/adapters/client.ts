import { createServiceClient, openChannel } from '@nodeagent/unix-grpc/client';

import { CONTROLLER } from '../codec/controller.js';
import { GROUP_CONTROLLER } from '../codec/group-controller.js';
import { IDENTITY } from '../codec/identity.js';
import { NODE } from '../codec/node.js';
import { REGISTRATION } from '../codec/registration.js';
import { SNAPSHOT_METADATA } from '../codec/snapshot-metadata.js';
import { fromFailure } from '../model/errors.js';
import type { CsiServices, RegistrationService } from '../ports.js';

/** The driver's socket, and the time limit of a call. */
export interface CsiClientOptions {
  /** The absolute path of the driver's socket, at most 107 bytes. */
  readonly socketPath: string;
  /** Limit of each call, two minutes when absent. */
  readonly timeoutMs?: number | undefined;
}

export interface CsiClient extends CsiServices {
  /** Closes the connection; current and later calls fail. */
  close(): void;
}

/**
 * A client of a CSI driver. It connects at the first call. Failed calls throw a `CsiError`; while
 * the driver is unavailable they fail at once with `CSI_UNAVAILABLE`.
 *
 * @example
 * ```typescript
 * import { createCsiClient } from '@nodeagent/csi/client';
 *
 * const client = createCsiClient({ socketPath: '/var/lib/kubelet/plugins/example/csi.sock' });
 * console.log((await client.identity.getPluginInfo({}, AbortSignal.timeout(5000))).name);
 * client.close();
 * ```
 */
export function createCsiClient({ socketPath, timeoutMs = 120_000 }: CsiClientOptions): CsiClient {
  const channel = openChannel(socketPath, { toError: fromFailure });
  return {
    identity: createServiceClient(channel, IDENTITY, timeoutMs),
    controller: createServiceClient(channel, CONTROLLER, timeoutMs),
    groupController: createServiceClient(channel, GROUP_CONTROLLER, timeoutMs),
    snapshotMetadata: createServiceClient(channel, SNAPSHOT_METADATA, timeoutMs),
    node: createServiceClient(channel, NODE, timeoutMs),
    close: () => channel.close(),
  };
}

export interface RegistrationClient extends RegistrationService {
  close(): void;
}

/** A client of a registration socket, as the kubelet uses. */
export function createRegistrationClient(options: CsiClientOptions): RegistrationClient {
  const { socketPath, timeoutMs = 5000 } = options;
  const channel = openChannel(socketPath, { toError: fromFailure });
  const { getInfo, notifyRegistrationStatus } = createServiceClient(
    channel,
    REGISTRATION,
    timeoutMs,
  );
  return { getInfo, notifyRegistrationStatus, close: () => channel.close() };
}

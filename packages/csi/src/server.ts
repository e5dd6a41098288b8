import { type RunningServer, service, startServer } from '@nodeagent/unix-grpc/server';

import { CONTROLLER } from './codec/controller.js';
import { GROUP_CONTROLLER } from './codec/group-controller.js';
import { IDENTITY } from './codec/identity.js';
import { NODE } from './codec/node.js';
import { REGISTRATION, type RegistrationStatus } from './codec/registration.js';
import { SNAPSHOT_METADATA } from './codec/snapshot-metadata.js';
import { toFailure } from './model/errors.js';
import type { CsiHandlers, Driver } from './ports.js';
import { createDriver } from './run/driver.js';

/** The sockets of a driver. */
export interface ServeOptions {
  /** The absolute path on which the driver listens, at most 107 bytes. */
  readonly socketPath: string;
  readonly registration?: RegistrationOptions | undefined;
  /** Called for each failed call, for the log. */
  readonly onError?: ((error: unknown, method: string) => void) | undefined;
}

/**
 * How the driver makes itself known to the kubelet, in place of the sidecar node-driver-registrar.
 */
export interface RegistrationOptions {
  /** A socket in the kubelet's `plugins_registry`: `/var/lib/kubelet/plugins_registry/NAME-reg.sock`. */
  readonly socketPath: string;
  /**
   * The driver's socket as the kubelet sees it, if its path differs there, as for a driver in a
   * container.
   */
  readonly endpoint?: string | undefined;
  /** Receives the kubelet's verdict, again after each restart of the kubelet. */
  readonly onStatus?: ((status: RegistrationStatus) => void) | undefined;
}

/** The CSI versions that the kubelet is offered. */
const SUPPORTED_VERSIONS = ['1.0.0'];

/**
 * Serves a driver on its socket, and registers it with this node's kubelet if requested.
 *
 * @throws {CsiError} `CSI_BAD_DRIVER`; an Error if a socket is in use or cannot be created
 */
export async function serveDriver(driver: Driver, options: ServeOptions): Promise<RunningServer> {
  const { socketPath, registration, onError } = options;
  const reported = (error: unknown, method: string): ReturnType<typeof toFailure> => {
    onError?.(error, method);
    return toFailure(error);
  };
  const handlers = createDriver(driver);
  const server = await startServer({
    socketPath,
    services: servicesOf(handlers),
    toFailure: reported,
  });
  if (registration === undefined) return server;
  const getInfo = async () => ({
    type: 'CSIPlugin',
    name: driver.name,
    endpoint: registration.endpoint ?? socketPath,
    supportedVersions: SUPPORTED_VERSIONS,
  });
  const notifyRegistrationStatus = async (status: RegistrationStatus) => {
    registration.onStatus?.(status);
    return {};
  };
  try {
    const door = await startServer({
      socketPath: registration.socketPath,
      services: [service(REGISTRATION, { getInfo, notifyRegistrationStatus })],
      toFailure: reported,
    });
    return {
      close: async (graceMs) => {
        await door.close(graceMs); // first, so that the kubelet sends no further calls
        await server.close(graceMs);
      },
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

function servicesOf(handlers: CsiHandlers): Parameters<typeof startServer>[0]['services'] {
  return [
    service(IDENTITY, handlers.identity),
    service(CONTROLLER, handlers.controller),
    service(GROUP_CONTROLLER, handlers.groupController),
    service(SNAPSHOT_METADATA, handlers.snapshotMetadata),
    service(NODE, handlers.node),
  ];
}

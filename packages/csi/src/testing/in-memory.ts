import { loopback } from '@nodeagent/unix-grpc/testing';

import { CONTROLLER } from '../codec/controller.js';
import { GROUP_CONTROLLER } from '../codec/group-controller.js';
import { IDENTITY } from '../codec/identity.js';
import { NODE } from '../codec/node.js';
import { SNAPSHOT_METADATA } from '../codec/snapshot-metadata.js';
import type { CsiServices, Driver } from '../ports.js';
import { createDriver } from '../run/driver.js';

/** A client of a driver without a socket. Messages are still encoded and decoded. */
export function connectInMemory(driver: Driver): CsiServices {
  const handlers = createDriver(driver);
  return {
    identity: loopback(IDENTITY, handlers.identity),
    controller: loopback(CONTROLLER, handlers.controller),
    groupController: loopback(GROUP_CONTROLLER, handlers.groupController),
    snapshotMetadata: loopback(SNAPSHOT_METADATA, handlers.snapshotMetadata),
    node: loopback(NODE, handlers.node),
  };
}

import { encodeGeneric, FLAG, type OutgoingMessage } from '@nodeagent/netlink-codec';

import type { Operation } from '../model/operation.js';
import { COMMAND, COMMAND_ATTRS, type CommandAttrs, IPVS_FAMILY } from './attrs.js';
import { destinationAttrs, destinationIdAttrs } from './destination-attrs.js';
import { serviceAttrs, serviceIdAttrs } from './service-attrs.js';

/**
 * @param familyId what this kernel calls the IPVS family
 * @param flags beside `request`
 */
export function encodeCommand(
  familyId: number,
  command: number,
  values: CommandAttrs = {},
  flags = 0,
): OutgoingMessage {
  return encodeGeneric(
    { id: familyId, version: IPVS_FAMILY.version },
    { command, flags: FLAG.request | flags },
    { table: COMMAND_ATTRS, values },
  );
}

export function encodeOperation(familyId: number, operation: Operation): OutgoingMessage {
  const encode = (command: number, values: CommandAttrs) =>
    encodeCommand(familyId, command, values);
  switch (operation.kind) {
    case 'add-service':
      return encode(COMMAND.newService, { service: serviceAttrs(operation.service) });
    case 'update-service':
      return encode(COMMAND.setService, { service: serviceAttrs(operation.service) });
    case 'delete-service':
      return encode(COMMAND.deleteService, { service: serviceIdAttrs(operation.id) });
    case 'add-destination':
      return encode(COMMAND.newDestination, {
        service: serviceIdAttrs(operation.id),
        destination: destinationAttrs(operation.destination),
      });
    case 'update-destination':
      return encode(COMMAND.setDestination, {
        service: serviceIdAttrs(operation.id),
        destination: destinationAttrs(operation.destination),
      });
    case 'delete-destination':
      return encode(COMMAND.deleteDestination, {
        service: serviceIdAttrs(operation.id),
        destination: destinationIdAttrs(operation.destination),
      });
    case 'zero':
      if (operation.id === undefined) return encode(COMMAND.zero, {});
      return encode(COMMAND.zero, { service: serviceIdAttrs(operation.id) });
    case 'flush':
      return encode(COMMAND.flush, {});
  }
}

import {
  type ByteWriter,
  encodeGeneric,
  FLAG,
  type MessageSource,
  type OutgoingMessage,
  writeAttr,
  writeGenericHeader,
} from '@nodeagent/netlink-codec';

import { addressBytes } from '../model/address.js';
import type { Destination } from '../model/destination.js';
import type { Operation } from '../model/operation.js';
import type { Service, ServiceId } from '../model/service.js';
import { COMMAND, COMMAND_ATTRS, type CommandAttrs, IPVS_FAMILY } from './attrs.js';
import { destinationAttrs, destinationIdAttrs } from './destination-attrs.js';
import { serviceAttrs, serviceIdAttrs } from './service-attrs.js';

/**
 * @param familyId number of the IPVS family in this kernel
 * @param flags in addition to `request`
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

/**
 * Yields the messages of many operations, to be used one after the other: consecutive operations on
 * the same service share its encoded name.
 */
export function encodeOperations(
  familyId: number,
  operations: readonly Operation[],
): MessageSource {
  const writer = new OperationWriter();
  return {
    length: operations.length,
    typeOf: () => familyId,
    flagsOf: () => FLAG.request,
    write: (out, index) => writer.write(out, operations[index] as Operation),
  };
}

/** Offset of address and port in a destination's attribute: they come first in its table. */
const ADDRESS_AT = 8;
const PORT_AFTER = 4;

/**
 * Most operations of a large table differ from the one before only in a destination's address and
 * port, so the equal part is copied: a whole table takes a third of the time.
 */
class OperationWriter {
  /** The start of a message about a service, up to the command's own attributes. */
  #named: { command: number; id: ServiceId; bytes: Buffer } | undefined;
  /** A destination in its encoded form. */
  #like: { destination: Destination; addressBytes: number; bytes: Buffer } | undefined;

  write(out: ByteWriter, operation: Operation): void {
    switch (operation.kind) {
      case 'add-service':
        return this.#service(out, COMMAND.newService, operation.service);
      case 'update-service':
        return this.#service(out, COMMAND.setService, operation.service);
      case 'delete-service':
        return this.#name(out, COMMAND.deleteService, operation.id);
      case 'add-destination':
        this.#name(out, COMMAND.newDestination, operation.id);
        return this.#destination(out, operation.destination);
      case 'update-destination':
        this.#name(out, COMMAND.setDestination, operation.id);
        return this.#destination(out, operation.destination);
      case 'delete-destination': {
        this.#name(out, COMMAND.deleteDestination, operation.id);
        const attrs = destinationIdAttrs(operation.destination);
        return writeAttr(out, COMMAND_ATTRS.destination, attrs);
      }
      case 'zero':
        if (operation.id === undefined) return this.#header(out, COMMAND.zero);
        return this.#name(out, COMMAND.zero, operation.id);
      case 'flush':
        return this.#header(out, COMMAND.flush);
    }
  }

  #header(out: ByteWriter, command: number): void {
    writeGenericHeader(out, { command, version: IPVS_FAMILY.version });
  }

  #service(out: ByteWriter, command: number, service: Service): void {
    this.#header(out, command);
    writeAttr(out, COMMAND_ATTRS.service, serviceAttrs(service));
  }

  #name(out: ByteWriter, command: number, id: ServiceId): void {
    const before = this.#named;
    if (before?.id === id && before.command === command) return out.bytes(before.bytes);
    const at = out.length;
    this.#header(out, command);
    writeAttr(out, COMMAND_ATTRS.service, serviceIdAttrs(id));
    this.#named = { command, id, bytes: out.copy(at) };
  }

  #destination(out: ByteWriter, destination: Destination): void {
    const address = addressBytes(destination.address);
    const at = out.length;
    const like = this.#like;
    if (like?.addressBytes === address.length && isAlike(like.destination, destination)) {
      out.bytes(like.bytes);
      out.patch(at + ADDRESS_AT, address);
      out.patchU16be(at + ADDRESS_AT + address.length + PORT_AFTER, destination.port);
      return;
    }
    writeAttr(out, COMMAND_ATTRS.destination, destinationAttrs(destination, address));
    const bytes = out.copy(at);
    this.#like = { destination, addressBytes: address.length, bytes };
  }
}

/** True when everything except address and port is equal. */
function isAlike(a: Destination, b: Destination): boolean {
  const isPort = Number.isInteger(b.port) && b.port >= 0 && b.port <= 0xffff;
  return (
    isPort &&
    a.forwarding === b.forwarding &&
    a.weight === b.weight &&
    a.upperThreshold === b.upperThreshold &&
    a.lowerThreshold === b.lowerThreshold
  );
}

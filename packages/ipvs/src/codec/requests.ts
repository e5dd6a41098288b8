import {
  ByteWriter,
  encodeGeneric,
  FLAG,
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

/**
 * The messages of many operations. One call after the other: what names a service is written once
 * for the operations in a row that are about it.
 */
export function encodeOperations(
  familyId: number,
  operations: readonly Operation[],
): readonly OutgoingMessage[] {
  const out = new ByteWriter(operations.length * TYPICAL_BYTES);
  const ends: number[] = [];
  const writer = new OperationWriter(out);
  for (const operation of operations) {
    writer.write(operation);
    ends.push(out.length);
  }
  const bytes = out.view();
  return ends.map((end, i) => ({
    type: familyId,
    flags: FLAG.request,
    payload: bytes.subarray(ends[i - 1] ?? 0, end),
  }));
}

/** Of an operation about an IPv4 destination. */
const TYPICAL_BYTES = 128;

/** Where an address and its port stand in the attribute of a destination: they come first in its table. */
const ADDRESS_AT = 8;
const PORT_AFTER = 4;

/**
 * Most operations of a large table differ from the one before in a destination's address and port
 * only, so what is equal is copied: a whole table takes a third of the time.
 */
class OperationWriter {
  readonly #out: ByteWriter;
  /** A command about a service, up to what the command is about there. */
  #named: { command: number; id: ServiceId; bytes: Buffer } | undefined;
  /** A destination, as the attribute that it is. */
  #like: { destination: Destination; addressBytes: number; bytes: Buffer } | undefined;

  constructor(out: ByteWriter) {
    this.#out = out;
  }

  write(operation: Operation): void {
    switch (operation.kind) {
      case 'add-service':
        return this.#service(COMMAND.newService, operation.service);
      case 'update-service':
        return this.#service(COMMAND.setService, operation.service);
      case 'delete-service':
        return this.#name(COMMAND.deleteService, operation.id);
      case 'add-destination':
        this.#name(COMMAND.newDestination, operation.id);
        return this.#destination(operation.destination);
      case 'update-destination':
        this.#name(COMMAND.setDestination, operation.id);
        return this.#destination(operation.destination);
      case 'delete-destination': {
        this.#name(COMMAND.deleteDestination, operation.id);
        const attrs = destinationIdAttrs(operation.destination);
        return writeAttr(this.#out, COMMAND_ATTRS.destination, attrs);
      }
      case 'zero':
        if (operation.id === undefined) return this.#header(COMMAND.zero);
        return this.#name(COMMAND.zero, operation.id);
      case 'flush':
        return this.#header(COMMAND.flush);
    }
  }

  #header(command: number): void {
    writeGenericHeader(this.#out, { command, version: IPVS_FAMILY.version });
  }

  #service(command: number, service: Service): void {
    this.#header(command);
    writeAttr(this.#out, COMMAND_ATTRS.service, serviceAttrs(service));
  }

  #name(command: number, id: ServiceId): void {
    const before = this.#named;
    if (before?.id === id && before.command === command) return this.#out.bytes(before.bytes);
    const at = this.#out.length;
    this.#header(command);
    writeAttr(this.#out, COMMAND_ATTRS.service, serviceIdAttrs(id));
    this.#named = { command, id, bytes: this.#out.copy(at) };
  }

  #destination(destination: Destination): void {
    const address = addressBytes(destination.address);
    const at = this.#out.length;
    const like = this.#like;
    if (like?.addressBytes === address.length && isAlike(like.destination, destination)) {
      this.#out.bytes(like.bytes);
      this.#out.patch(at + ADDRESS_AT, address);
      this.#out.patchU16be(at + ADDRESS_AT + address.length + PORT_AFTER, destination.port);
      return;
    }
    writeAttr(this.#out, COMMAND_ATTRS.destination, destinationAttrs(destination, address));
    const bytes = this.#out.copy(at);
    this.#like = { destination, addressBytes: address.length, bytes };
  }
}

/** But for address and port, which has to be one. */
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

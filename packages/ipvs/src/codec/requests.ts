import {
  ByteWriter,
  encodeAttrs,
  encodeGeneric,
  FLAG,
  type OutgoingMessage,
  writeAttr,
  writeGenericHeader,
} from '@nodeagent/netlink-codec';

import type { Operation } from '../model/operation.js';
import type { Service, ServiceId } from '../model/service.js';
import {
  COMMAND,
  COMMAND_ATTRS,
  type CommandAttrs,
  type DestinationAttrs,
  IPVS_FAMILY,
} from './attrs.js';
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

class OperationWriter {
  readonly #out: ByteWriter;
  #id: ServiceId | undefined;
  /** What names {@link #id}, as the attribute that it is. */
  #name: Uint8Array = Buffer.alloc(0);

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
        return this.#named(COMMAND.deleteService, operation.id);
      case 'add-destination':
        this.#named(COMMAND.newDestination, operation.id);
        return this.#destination(destinationAttrs(operation.destination));
      case 'update-destination':
        this.#named(COMMAND.setDestination, operation.id);
        return this.#destination(destinationAttrs(operation.destination));
      case 'delete-destination':
        this.#named(COMMAND.deleteDestination, operation.id);
        return this.#destination(destinationIdAttrs(operation.destination));
      case 'zero':
        if (operation.id === undefined) return this.#command(COMMAND.zero);
        return this.#named(COMMAND.zero, operation.id);
      case 'flush':
        return this.#command(COMMAND.flush);
    }
  }

  #command(command: number): void {
    writeGenericHeader(this.#out, { command, version: IPVS_FAMILY.version });
  }

  #service(command: number, service: Service): void {
    this.#command(command);
    writeAttr(this.#out, COMMAND_ATTRS.service, serviceAttrs(service));
  }

  #named(command: number, id: ServiceId): void {
    this.#command(command);
    if (this.#id !== id) {
      this.#name = encodeAttrs(COMMAND_ATTRS, { service: serviceIdAttrs(id) });
      this.#id = id;
    }
    this.#out.bytes(this.#name);
  }

  #destination(attrs: DestinationAttrs): void {
    writeAttr(this.#out, COMMAND_ATTRS.destination, attrs);
  }
}

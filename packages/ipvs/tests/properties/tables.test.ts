import assert from 'node:assert/strict';

import { decodeAttrs, isNetlinkError } from '@nodeagent/netlink-codec';
import {
  checkReader,
  mapped,
  mutatedBytes,
  mutatedTexts,
  mutatedTrees,
  oneOf,
} from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { COMMAND_ATTRS } from '../../src/codec/attrs.js';
import { decodeDaemon } from '../../src/codec/daemon-attrs.js';
import { decodeDestination } from '../../src/codec/destination-attrs.js';
import { parseSave } from '../../src/codec/ipvsadm.js';
import { parseJson } from '../../src/codec/json.js';
import { parseProcTable } from '../../src/codec/proc-table.js';
import { decodeService } from '../../src/codec/service-attrs.js';
import { isIpvsError, type Operation } from '../../src/index.js';
import { defineDestination } from '../../src/model/destination.js';
import { defineService } from '../../src/model/service.js';
import { renderSave } from '../../src/render/ipvsadm.js';
import { messagesOf } from '../unit/messages-of.js';

const PROC = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A600001:0050 rr 
  -> 0A010001:1F90      Masq    5      0          0         
  -> [fd00:0000:0000:0000:0000:0000:0000:0009]:0050      Tunnel  1      2          3         
UDP  0A600002:0035 wrr ops persistent 100 FFFFFF00
FWM  00000007 rr 
  -> 0A010009:0000      Local   1      0          0         
`;

const SAVED = `-A -t 10.96.0.1:80 -s rr
-a -t 10.96.0.1:80 -r 10.1.0.1:8080 -m -w 5
-A -u 10.96.0.2:53 -s wrr -o -p 100 -M 255.255.255.0
-A -t [fd00::1]:80 -s mh -b mh-port,mh-fallback
-a -t [fd00::1]:80 -r [fd00::2]:80 -g -w 1 -x 10 -y 5
-A -f 7 -s sh
`;

const JSON_TABLE = [
  {
    id: { kind: 'address', protocol: 'tcp', address: '10.96.0.1', port: 80 },
    scheduler: 'rr',
    destinations: [
      {
        address: '10.1.0.1',
        port: 8080,
        weight: 5,
        forwarding: { kind: 'gue', port: 6080, checksum: 'remote' },
      },
    ],
  },
  {
    id: { kind: 'mark', family: 'IPv6', mark: 7 },
    persistence: { timeoutSeconds: 10, prefixLength: 64 },
    schedulerFlags: [1],
  },
];

const v4 = { kind: 'address', protocol: 'tcp', address: '10.96.0.1', port: 80 } as const;
const operations: Operation[] = [
  {
    kind: 'add-service',
    service: defineService({
      id: v4,
      scheduler: 'mh',
      schedulerFlags: [1, 3],
      persistence: { timeoutSeconds: 10_800, prefixLength: 20 },
      persistenceEngine: 'sip',
    }),
  },
  {
    kind: 'add-destination',
    id: v4,
    destination: defineDestination({
      address: '10.1.0.9',
      port: 8080,
      weight: 7,
      upperThreshold: 9,
      lowerThreshold: 3,
      forwarding: { kind: 'gue', port: 6080, checksum: 'remote' },
    }),
  },
];

const refuses = (error: unknown): boolean => isIpvsError(error) || isNetlinkError(error);

describe('IPVS tables from outside', () => {
  test('every text of /proc/net/ip_vs is read as far as it is valid', () =>
    checkReader({
      name: 'parseProcTable',
      inputs: mutatedTexts([PROC]),
      read: (text) => {
        for (const [, destinations] of parseProcTable(text)) {
          for (const { key, weight } of destinations) {
            assert.equal(typeof key, 'string');
            assert.ok(Number.isInteger(weight), `weight ${weight}`);
          }
        }
      },
    }));

  test('every text of ipvsadm-save is read as a table that can be written again, or refused with an IpvsError', () =>
    checkReader({
      name: 'parseSave',
      inputs: mutatedTexts([SAVED]),
      read: (text) => {
        const table = parseSave(text);
        assert.deepEqual(parseSave(renderSave(table)), table);
      },
      refuses,
    }));

  test('every JSON table is read as a table or refused with an IpvsError', () =>
    checkReader({
      name: 'parseJson',
      inputs: oneOf(
        mapped(mutatedTrees([JSON_TABLE]), text),
        mutatedTexts([JSON.stringify(JSON_TABLE)]),
      ),
      read: (input) => {
        for (const { destinations } of parseJson(input)) {
          for (const { weight, port } of destinations)
            assert.ok(Number.isInteger(weight) && Number.isInteger(port));
        }
      },
      refuses,
      share: 2500,
    }));

  test('every answer of the kernel is read as services and destinations, or refused with an error of these libraries', () =>
    checkReader({
      name: 'decodeService, decodeDestination, decodeDaemon',
      inputs: mutatedBytes(
        messagesOf(30, operations).map(({ payload }) => Buffer.from(payload).subarray(4)),
      ),
      read: (bytes) => {
        const { service, destination, daemon } = decodeAttrs(COMMAND_ATTRS, bytes);
        if (service !== undefined) {
          const { id, persistence } = decodeService(service);
          assert.ok(id.kind === 'mark' || id.address.length > 1);
          if (persistence !== undefined) assert.ok(Number.isInteger(persistence.prefixLength));
        }
        if (destination !== undefined)
          assert.ok(Number.isInteger(decodeDestination(destination, 'IPv4').weight));
        if (daemon !== undefined) decodeDaemon(daemon);
      },
      refuses,
      share: 2500,
    }));
});

function text(value: unknown): string {
  try {
    const json = JSON.stringify(value) as string | undefined; // undefined has no JSON
    return json ?? '';
  } catch {
    return `[{"id":${'['.repeat(10_000)}${']'.repeat(10_000)}}]`;
  }
}

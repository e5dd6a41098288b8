import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { isNetlinkError, type NetlinkMessage } from '@nodeagent/netlink-codec';
import {
  checkReader,
  mapped,
  mutatedBytes,
  mutatedTexts,
  mutatedTrees,
  oneOf,
} from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { decodeFlow, encodeFlowDelete } from '../../src/codec/conntrack-attrs.js';
import { parseConntrackList } from '../../src/codec/conntrack-list.js';
import { decodeIpset, decodeSpec, encodeCreate } from '../../src/codec/ipset-attrs.js';
import { chainNames, parseSave } from '../../src/codec/iptables-save.js';
import {
  concerns,
  decodeChain,
  decodeElements,
  decodeGeneration,
  decodeSetName,
} from '../../src/codec/nft-dump.js';
import { parseNftElements, parseNftInventory } from '../../src/codec/nft-json.js';
import { isNetfilterError } from '../../src/index.js';

/** Reads recorded output of Debian 12's tools. */
function recorded(name: string): string {
  return readFileSync(new URL(`../fixtures/recorded/${name}`, import.meta.url), 'utf8');
}

const SAVES = [
  'iptables-legacy-save.txt',
  'iptables-nft-save.txt',
  'ip6tables-nft-save.txt',
] as const;

const LISTINGS = [recorded('nft-table.json')];

const SERVICE_IPS = {
  name: 'service-ips',
  key: ['address', 'protocol', 'port'],
  data: 'verdict',
} as const;
const CLUSTER_IPS = { name: 'cluster-ips', key: ['address'] } as const;

const refuses = (error: unknown): boolean => isNetfilterError(error) || isNetlinkError(error);

describe('Output of network tools', () => {
  test('every text given as iptables-save output is read as tables or refused with a NetfilterError', () =>
    checkReader({
      name: 'parseSave',
      inputs: mutatedTexts(SAVES.map(recorded)),
      read: (text) => {
        for (const { chains } of parseSave(text)) {
          for (const { name, rules } of chains) {
            assert.equal(typeof name, 'string');
            assert.ok(Array.isArray(rules));
          }
        }
        for (const name of chainNames(text)) assert.equal(typeof name, 'string');
      },
      refuses,
      share: 2500,
    }));

  test('every text given as conntrack output is read as flows whose ports and zones are numbers', () =>
    checkReader({
      name: 'parseConntrackList',
      inputs: mutatedTexts([recorded('conntrack-list.txt')]),
      read: (text) => {
        for (const { original, reply, zone } of parseConntrackList(text)) {
          const numbers = [original, reply].flatMap(({ sourcePort, destinationPort }) => [
            sourcePort,
            destinationPort,
          ]);
          for (const number of [...numbers, zone]) {
            assert.ok(
              Number.isInteger(number) && number >= 0 && number <= 65_535,
              `port or zone ${number}`,
            );
          }
        }
      },
      refuses,
    }));

  test('every listing of nft is read as chains, sets and elements, or refused with a NetfilterError', () =>
    checkReader({
      name: 'parseNftInventory, parseNftElements',
      inputs: oneOf(
        mapped(mutatedTrees(LISTINGS.map((listing) => JSON.parse(listing) as unknown)), text),
        mutatedTexts(LISTINGS),
      ),
      read: (listing) => {
        const { chains, sets } = parseNftInventory(listing);
        for (const { name } of chains) assert.equal(typeof name, 'string');
        for (const name of sets) assert.equal(typeof name, 'string');
        for (const set of [SERVICE_IPS, CLUSTER_IPS]) {
          for (const { key, data } of parseNftElements(listing, set)) {
            for (const part of key) assert.ok(['string', 'number'].includes(typeof part));
            if (data !== undefined && 'chain' in data) assert.equal(typeof data.chain, 'string');
          }
        }
      },
      refuses,
      share: 2500,
    }));
});

/** Encodes an attribute of an nf_tables message as the kernel does. */
function attr(id: number, payload: Buffer | string | readonly Buffer[], nested = false): Buffer {
  const body =
    typeof payload === 'string'
      ? Buffer.from(`${payload}\0`)
      : Buffer.isBuffer(payload)
        ? payload
        : Buffer.concat(payload);
  const header = Buffer.alloc(4);
  header.writeUInt16LE(4 + body.length);
  header.writeUInt16LE(id | (nested || Array.isArray(payload) ? 0x8000 : 0), 2);
  return Buffer.concat([header, body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
}

const be32 = (number: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(number);
  return bytes;
};
const NFGENMSG = Buffer.from([2, 0, 0, 0]);
const CHAIN = Buffer.concat([
  NFGENMSG,
  attr(1, 'kube-proxy'),
  attr(3, 'nat'),
  attr(4, [attr(1, be32(0)), attr(2, be32(-100))]),
  attr(7, 'nat'),
]);
const ELEMENTS = Buffer.concat([
  NFGENMSG,
  attr(1, 'kube-proxy'),
  attr(2, 'service-ips'),
  attr(3, [
    attr(1, [
      attr(1, [attr(1, Buffer.from([10, 96, 0, 1, 6, 0, 0, 0, 1, 187, 0, 0]))]),
      attr(2, [attr(2, [attr(1, be32(-4)), attr(2, 'service-a')])]),
    ]),
  ]),
]);

function message(type: number, payload: Buffer): NetlinkMessage {
  return { type, flags: 2, sequence: 1, portId: 0, payload };
}

describe('Netlink messages of netfilter', () => {
  test('every message of nf_tables is read or refused with an error of these libraries', () =>
    checkReader({
      name: 'nf_tables messages',
      inputs: mutatedBytes([CHAIN, ELEMENTS, Buffer.concat([NFGENMSG, attr(1, be32(7))])]),
      read: (payload) => {
        const table = 'kube-proxy';
        for (const each of [
          () => decodeGeneration(message(0x0a0f, payload)),
          () => decodeChain(message(0x0a03, payload), table),
          () => decodeSetName(message(0x0a09, payload), table),
          () => concerns(message(0x0a09, payload), { family: 'ip', name: table }),
          () => decodeElements(message(0x0a0c, payload), SERVICE_IPS, 'ip'),
          () =>
            decodeElements(
              message(0x0a0c, payload),
              { name: 'm', key: ['address'], data: ['address', 'port'] },
              'ip',
            ),
        ]) {
          try {
            each();
          } catch (error) {
            if (!refuses(error)) throw error;
          }
        }
      },
      share: 2500,
    }));

  test('every conntrack flow is read, skipped or refused', () =>
    checkReader({
      name: 'decodeFlow',
      inputs: mutatedBytes(
        (['IPv4', 'IPv6'] as const).map((family) => {
          const host = family === 'IPv4' ? ['10.244.0.9', '10.96.0.10'] : ['fd00::9', 'fd00::a'];
          const tuple = {
            source: host[0]!,
            sourcePort: 40_000,
            destination: host[1]!,
            destinationPort: 53,
          };
          const { payload } = encodeFlowDelete(family, {
            protocol: 'udp',
            original: tuple,
            reply: tuple,
            zone: 3,
            id: 7,
          });
          return Buffer.from(payload);
        }),
      ),
      read: (payload) => {
        const flow = decodeFlow(message(0x0100, payload));
        if (flow === undefined) return;
        for (const { sourcePort, destinationPort } of [flow.original, flow.reply]) {
          assert.ok(sourcePort >= 0 && destinationPort <= 65_535);
        }
      },
      refuses,
    }));

  test('every ipset message is read, skipped or refused', () =>
    checkReader({
      name: 'decodeIpset',
      inputs: mutatedBytes([
        Buffer.from(
          encodeCreate({ name: 'KUBE-LOOP', type: 'hash:ip,port,ip', family: 'IPv4' }).payload,
        ),
      ]),
      read: (payload) => {
        const attrs = decodeIpset(message(0x0602, payload));
        const spec = decodeSpec(attrs);
        if (spec !== undefined) assert.equal(typeof spec.name, 'string');
      },
      refuses,
    }));
});

function text(value: unknown): string {
  try {
    const json = JSON.stringify(value) as string | undefined; // undefined has no JSON
    return json ?? '';
  } catch {
    return `{"nftables":[{"set":${'['.repeat(10_000)}${']'.repeat(10_000)}}]}`;
  }
}

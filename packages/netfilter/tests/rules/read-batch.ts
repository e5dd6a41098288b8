import { decodeAttrs, LITTLE_ENDIAN, splitMessages } from '@nodeagent/netlink-codec';

import { ELEMENT_LIST_ATTRS, NFT_MSG } from '../../src/codec/nft-attrs.js';
import { readElements, readSet } from '../../src/codec/nft-set-read.js';
import { readRule } from '../../src/codec/nft-table-read.js';
import {
  encodeNftBatches,
  type NftElement,
  type NftFilledSet,
  nftKeyText,
  type NftRule,
  type NftSet,
  type NftTableName,
} from '../../src/nftables.js';

/** Reads rules from the messages that make them, with the sets of their lists. */
export function readRules(table: NftTableName, rules: readonly NftRule[]): readonly NftRule[] {
  const operations = rules.map((rule) => ({ op: 'add-rule', chain: 'c', rule }) as const);
  const found: NftRule[] = [];
  for (const { bytes } of encodeNftBatches(operations, { table, maxBytes: 1 << 30 })) {
    const sets: { set: NftSet; elements: readonly NftElement[] }[] = [];
    for (const { type, payload } of splitMessages(bytes)) {
      const attributes = payload.subarray(4);
      switch (type - 10 * 256) {
        case NFT_MSG.newSet:
          sets.push({ set: readSet(attributes).set, elements: [] });
          break;
        case NFT_MSG.newElements: {
          const last = sets.at(-1);
          const { elements = [] } = decodeAttrs(ELEMENT_LIST_ATTRS, attributes);
          if (last) last.elements = readElements(elements, last.set, table.family);
          break;
        }
        case NFT_MSG.newRule: {
          const setOf = (): NftFilledSet | undefined => {
            const next = sets.shift();
            if (next === undefined) return undefined;
            const { set, elements } = next;
            return { ...set, elements: new Map(elements.map((e) => [nftKeyText(e.key), e])) };
          };
          const { steps, comment } = readRule(attributes, { family: table.family, setOf }).rule;
          found.push(comment === undefined ? { steps } : { steps, comment });
          break;
        }
      }
    }
  }
  return found;
}

/** The rule's message, without what differs between batches. */
export function ruleBytes(table: NftTableName, rule: NftRule): string {
  const operations = [{ op: 'add-rule', chain: 'c', rule }] as const;
  const [batch] = encodeNftBatches(operations, { table, maxBytes: 1 << 30 });
  const bytes = Buffer.from(batch?.bytes ?? []);
  if (!LITTLE_ENDIAN) throw new Error('the offsets are those of little-endian machines');
  return bytes.toString('hex');
}

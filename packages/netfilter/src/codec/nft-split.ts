import { splitAttrs } from '@nodeagent/netlink-codec';

import { EXPRESSION_DATA } from './nft-attrs.js';

/** One expression of a rule: its name and its attributes, not yet decoded. */
export interface RawExpression {
  readonly name: string;
  readonly data: Buffer;
}

/** @param bytes the contents of NFTA_RULE_EXPRESSIONS */
export function splitExpressions(bytes: Buffer): readonly RawExpression[] {
  return [...splitAttrs(bytes)].map(({ payload }) => splitExpression(payload));
}

export function splitExpression(bytes: Buffer): RawExpression {
  let name = '';
  let data = Buffer.alloc(0);
  for (const attr of splitAttrs(bytes)) {
    if (attr.id === 1) {
      const end = attr.payload.indexOf(0);
      name = attr.payload.toString('utf8', 0, end === -1 ? attr.payload.length : end);
    }
    if (attr.id === EXPRESSION_DATA) data = Buffer.from(attr.payload);
  }
  return { name, data };
}

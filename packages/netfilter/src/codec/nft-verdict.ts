import { NetfilterError } from '../model/errors.js';
import type { NftVerdict } from '../model/nftables.js';
import { VERDICT_CODES } from './nft-attrs.js';

const VERDICT_KINDS = new Map<number, keyof typeof VERDICT_CODES>(
  Object.entries(VERDICT_CODES).map(([kind, code]) => [code, kind as keyof typeof VERDICT_CODES]),
);

/** @throws {NetfilterError} `NETFILTER_PARSE` for codes that are not known */
export function decodeVerdict(
  values: { readonly code?: number | undefined; readonly chain?: string | undefined } | undefined,
): NftVerdict {
  const kind = VERDICT_KINDS.get(values?.code ?? Number.NaN);
  if (kind === undefined) {
    throw new NetfilterError('NETFILTER_PARSE', `nft: unknown verdict ${values?.code}`);
  }
  if (kind === 'jump' || kind === 'goto') return { kind, chain: values?.chain ?? '' };
  return { kind };
}

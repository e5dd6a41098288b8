import type { NftTableName } from '../model/nftables.js';
import { diffNftTables } from '../plan/diff-nft.js';
import type { NftTableContents } from '../plan/nft-tracer.js';
import { renderNftScript } from './nft-script.js';

/** Pieces of a script for `nft -f` that makes a whole table, where there is none of that name. */
export function renderNftTable(
  table: NftTableName,
  contents: NftTableContents,
): Generator<string, void, undefined> {
  return renderNftScript(table, diffNftTables(contents, undefined));
}

import type { NftTableName } from '../model/nftables.js';
import { diffNftTables } from '../plan/diff-nft.js';
import type { NftTableContents } from '../plan/nft-contents.js';
import { renderNftScript } from './nft-script.js';

/** Pieces of a script for `nft -f` that creates a whole table; the table must not exist yet. */
export function renderNftTable(
  table: NftTableName,
  contents: NftTableContents,
): Generator<string, void> {
  return renderNftScript(table, diffNftTables(contents, undefined));
}

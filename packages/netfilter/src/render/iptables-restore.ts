import type { TableName } from '../model/iptables.js';

/** What to write into one table, in one go: the kernel swaps in all of it or nothing. */
export interface RestoreTable {
  readonly name: TableName;
  /** Own chains to create, or to empty where they exist; all others stay as they are. */
  readonly chains: Iterable<string>;
  /** Lines of restore input (`-A …`, `-X …`), one or several to a text, each ending in a newline. */
  readonly lines: Iterable<string>;
}

/** Large enough that a write costs little, small enough that nothing table-sized is ever built. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * Input for `iptables-restore --noflush`, in pieces of about 64 KiB. Both iterables of a table are
 * read once, `chains` to its end first, so a caller may compute them as they are asked for.
 */
export function* renderRestore(tables: Iterable<RestoreTable>): Generator<string, void, undefined> {
  let chunk = '';
  for (const table of tables) {
    chunk += `*${table.name}\n`;
    for (const chain of table.chains) {
      chunk += `:${chain} - [0:0]\n`;
      if (chunk.length >= CHUNK_CHARACTERS) {
        yield chunk;
        chunk = '';
      }
    }
    for (const lines of table.lines) {
      chunk += lines;
      if (chunk.length >= CHUNK_CHARACTERS) {
        yield chunk;
        chunk = '';
      }
    }
    chunk += 'COMMIT\n';
  }
  if (chunk !== '') yield chunk;
}

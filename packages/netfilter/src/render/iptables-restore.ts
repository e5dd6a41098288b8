import type { TableName } from '../model/iptables.js';

/** Content for one table. The kernel takes all of it in one step, or nothing. */
export interface RestoreTable {
  readonly name: TableName;
  /** Chains to create, or to empty if they exist; all others stay as they are. */
  readonly chains: Iterable<string>;
  /** Lines of restore input (`-A …`, `-X …`), one or several to a text, each ending in a newline. */
  readonly lines: Iterable<string>;
}

/** Large enough to make writes cheap, small enough that no piece grows with the table. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * Renders input for `iptables-restore --noflush`, in pieces of about 64 KiB. Both iterables of a
 * table are read once, `chains` to its end first, so a caller may generate them on demand.
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

/** A block of a PEM text, without its boundaries. */
export interface PemBlock {
  readonly label: string;
  readonly body: string;
}

const BEGIN = '-----BEGIN ';
const END = '-----END ';
const DASHES = '-----';
/** In characters; real labels are a few words. */
const LONGEST_LABEL = 100;

/**
 * Returns the blocks of a text in order. Text between blocks is skipped, and so is a block whose
 * next end line has another label. Linear: each character is searched once for begin lines and once
 * for end lines.
 *
 * @see RFC 7468 section 3
 */
export function pemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  let end = -1;
  let next = 0;
  for (;;) {
    const begin = text.indexOf(BEGIN, next);
    if (begin < 0) return blocks;
    next = begin + BEGIN.length;
    const head = text.slice(next, next + LONGEST_LABEL + DASHES.length + 2);
    const newline = head.indexOf('\n');
    const line = head.slice(0, Math.max(0, newline)).trimEnd();
    const label = line.endsWith(DASHES) ? line.slice(0, -DASHES.length) : '';
    if (label === '' || label.includes('-')) continue;
    const body = next + newline + 1;
    if (end < body) end = text.indexOf(END, body);
    if (end < 0) return blocks;
    if (!text.startsWith(label + DASHES, end + END.length)) continue;
    blocks.push({ label, body: text.slice(body, end) });
    next = end + END.length;
  }
}

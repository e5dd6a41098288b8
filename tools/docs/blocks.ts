/** A fenced block of a page of Markdown. */
export interface Block {
  /** The word after the fence: `ts`, `sh`. */
  readonly language: string;
  readonly text: string;
  /** The number of the line of its opening fence, from 1. */
  readonly line: number;
  /** The reason that a comment before it gives for not running it: `<!-- not run: REASON -->`. */
  readonly notRun?: string;
}

const BLOCK = /^(?:<!-- not run: (.*?) -->\n+)?```(\w+)\n(.*?)^```$/gms;

/** Finds the fenced blocks of a page in their order. Those without a language are skipped. */
export function blocksOf(page: string): readonly Block[] {
  return [...page.matchAll(BLOCK)].map(({ 0: whole, 1: notRun, 2: language, 3: text, index }) => {
    const fence = index + whole.indexOf('```');
    return {
      language: language ?? '',
      text: text ?? '',
      line: page.slice(0, fence).split('\n').length,
      ...(notRun === undefined ? {} : { notRun }),
    };
  });
}

import type { AST, Rule, SourceCode } from 'eslint';

type Comment = ReturnType<SourceCode['getAllComments']>[number];

type Placed = Omit<Comment, 'loc'> & Readonly<{ loc: AST.SourceLocation }>;

/** A comment as a reader sees it: consecutive `//` lines of one column are one text. */
interface Block {
  readonly first: Placed;
  text: string;
  last: Placed;
}

const SENTENCE_START = /(?:^|[.!:]\s|\n\s*\n|\n\s*-\s)\s*(What|Who|Whom|Whose|Whether|Of)\s/g;

/**
 * The rule `house/plain-comments`: no sentence of a comment begins with "What", "Who", "Whether" or
 * "Of", unless it is a question. Such sentences have no subject and verb at their head, so a reader
 * must read them twice.
 */
export const plainComments: Rule.RuleModule = {
  meta: {
    type: 'suggestion',
    schema: [],
    messages: {
      headless:
        'Begin the sentence "{{start}} …" with its subject and verb (CONTRIBUTING.md, "House rules").',
    },
  },
  create: (context) => ({
    Program: () => {
      for (const { first, text } of blocksOf(context.sourceCode.getAllComments() as Placed[])) {
        for (const start of headlessStarts(text)) {
          context.report({ loc: first.loc, messageId: 'headless', data: { start } });
        }
      }
    },
  }),
};

/** @returns the first words of each sentence that begins with a refused word */
export function headlessStarts(text: string): readonly string[] {
  return [...text.matchAll(SENTENCE_START)]
    .map((found) => text.slice(found.index + found[0].indexOf(found[1] ?? '')))
    .filter((rest) => /[.?!](?=\s|$)/.exec(rest)?.[0] !== '?')
    .map((rest) => rest.split(/\s+/, 4).join(' '));
}

function blocksOf(comments: readonly Placed[]): readonly Block[] {
  const blocks: Block[] = [];
  for (const comment of comments) {
    const before = blocks.at(-1);
    if (before !== undefined && continues(before.last, comment)) {
      before.text += `\n${comment.value.trim()}`;
      before.last = comment;
      continue;
    }
    const text = comment.value.replace(/^[*\s]+/, '').replaceAll(/\n[^\S\n]*\*[^\S\n]?/g, '\n');
    blocks.push({ first: comment, text: text.trim(), last: comment });
  }
  return blocks;
}

function continues(before: Placed, comment: Placed): boolean {
  return (
    before.type === 'Line' &&
    comment.type === 'Line' &&
    comment.loc.start.line === before.loc.start.line + 1 &&
    comment.loc.start.column === before.loc.start.column
  );
}

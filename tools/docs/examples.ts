/** A program in a doc comment. */
export interface Example {
  /** `packages/base/src/model/quantity.ts:38`: where it begins. */
  readonly place: string;
  readonly source: string;
  /** False for those that need a runtime, a cluster or privileges: they are only compiled. */
  readonly isRun: boolean;
  /** The lines that its calls of `console.log` promise in the comments after them. */
  readonly prints: readonly string[];
}

const BLOCK = /\/\*\*(?:(?!\*\/)[\s\S])*\*\//g;
const FENCE = /^```(ts|typescript)\n([\s\S]*?)^```$/gm;

/**
 * Finds the programs after `@example` in a source file: in `ts` those that can run anywhere, in
 * `typescript` the others.
 */
export function examplesOf(file: string, text: string): readonly Example[] {
  return [...text.matchAll(BLOCK)].flatMap((block) => {
    const at = block[0].indexOf('@example');
    if (at < 0) return [];
    const tail = block[0].slice(at).replaceAll(/^ *\* ?/gm, '');
    const line = text.slice(0, block.index + at).split('\n').length;
    return [...tail.matchAll(FENCE)].map(([, language, source = '']) => ({
      place: `${file}:${line}`,
      source,
      isRun: language === 'ts',
      prints: [...source.matchAll(/console\.log\(.*; \/\/ (.*)$/gm)].map(([, print = '']) => print),
    }));
  });
}

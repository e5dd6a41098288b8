/**
 * Proves with recheck that every regular expression of the packages and programs runs in linear
 * time: by an automaton if the expression has one, else by attacks on an engine that counts its
 * steps. Lint (eslint-plugin-regexp) checks the same literals by other means; each finds problems
 * that the other misses.
 */
import { globSync, readFileSync } from 'node:fs';

import { checkSync } from 'recheck';
import ts from 'typescript';

/**
 * Only the steps that an attack takes decide. By default recheck also takes an attack of more than a
 * second for a success, and on a busy machine that is so for expressions that are linear.
 */
const BY_STEPS_ALONE = {
  attackLimit: 100_000_000,
  attackTimeout: null,
  incubationTimeout: null,
  timeout: 600_000,
};

const files = globSync(['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts'], {
  exclude: (path) => path.includes('generated'),
});
const places = new Map<string, string>();
for (const file of files) {
  for (const { literal, line } of patternsIn(file, readFileSync(file, 'utf8'))) {
    if (!places.has(literal)) places.set(literal, `${file}:${line}`);
  }
}

let bad = 0;
for (const [literal, place] of places) {
  const slash = literal.lastIndexOf('/');
  const [source, flags] = [literal.slice(1, slash), literal.slice(slash + 1)];
  const result = checkSync(source, flags, BY_STEPS_ALONE);
  if (result.status === 'safe') continue;
  bad += 1;
  const why =
    result.status === 'vulnerable'
      ? `is ${result.complexity.summary}, for instance on ${result.attack.pattern}`
      : `could not be judged (${result.error.kind})`;
  console.error(`${place}: ${literal} ${why}`);
}
if (bad > 0) {
  console.error(`${bad} expressions are not linear: see docs/architecture.md, "Untrusted text".`);
  process.exit(1);
}
console.log(`${places.size} regular expressions take linear time`);

/** Returns the regular expression literals of a TypeScript source. */
function patternsIn(file: string, text: string): readonly { literal: string; line: number }[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const found: { literal: string; line: number }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      found.push({ literal: node.text, line: line + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

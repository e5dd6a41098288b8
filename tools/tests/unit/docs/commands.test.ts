import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import {
  commandPages,
  commandsForTier,
  commandsOf,
  problemsOfCommands,
} from '../../../docs/commands.ts';
import { ROOT } from '../../../test/process.ts';

const sh = (...lines: readonly string[]): string => ['```sh', ...lines, '```', ''].join('\n');

describe('the shell commands of a page', () => {
  it.each([
    [
      'one for each line',
      sh('npm install a', '', 'a list # all'),
      ['npm install a', 'a list # all'],
    ],
    ['a long one on several lines', sh('a --b \\', '  --c', 'd'), ['a --b --c', 'd']],
    ['those after a prompt', '```console\n$ a \\\n  b\noutput\n$ c\n```\n', ['a b', 'c']],
    ['none of another language', '```ts\nnpm install\n```\n', []],
    ['none of a marked block', `<!-- not run: needs a moon -->\n\n${sh('land')}`, []],
    [
      'those of the block after a marked one',
      `<!-- not run: x -->\n\n${sh('a')}\n${sh('b')}`,
      ['b'],
    ],
  ])('are %s', (_, page, texts) => {
    expect(commandsOf('p.md', page).map(({ text }) => text)).toEqual(texts);
  });

  it('have their places', () => {
    const places = commandsOf('p.md', `# Title\n\n${sh('a \\', 'b', 'c')}`).map(
      ({ place }) => place,
    );
    expect(places).toEqual(['p.md:4', 'p.md:6']);
  });
});

describe('a command', () => {
  it.each([
    ['that a tier runs', sh('npm install a'), []],
    ['that is marked with a reason', `<!-- not run: needs a moon -->\n\n${sh('land')}`, []],
    ['that is neither', sh('npm install a', 'land'), ['p.md:3: no test runs `land`']],
    ['that is marked without a reason', `<!-- not run:  -->\n${sh('land')}`, ['p.md:2: "not run"']],
    ['of an empty block', sh(''), ['p.md:1: a shell block without a command']],
  ])('%s', (_, page, problems) => {
    const found = problemsOfCommands('p.md', page);
    expect(found).toHaveLength(problems.length);
    problems.forEach((problem, i) => expect(found[i]).toContain(problem));
  });
});

describe('the guides and READMEs', () => {
  it.each(commandPages())('%s has only commands that are run, or say why not', (page) => {
    expect(problemsOfCommands(page, readFileSync(join(ROOT, page), 'utf8'))).toEqual([]);
  });

  it.each(['packages', 'kernel', 'integration'] as const)('the tier %s has some to run', (tier) => {
    expect(commandsForTier(tier).length).toBeGreaterThan(0);
  });
});

import { expect, it } from 'vitest';

import { examplesOf } from '../../../docs/examples.ts';

const SOURCE = `
/** No example. */
export const ONE = 1;

/**
 * Adds.
 *
 * @example
 * \`\`\`ts
 * import { add } from 'x';
 *
 * console.log(add(1, 2)); // 3
 * \`\`\`
 * @example
 * \`\`\`typescript
 * await addOnTheMoon();
 * \`\`\`
 */
export function add(): void {}
`;

it('finds programs with what they promise to print, and those that are only compiled', () => {
  expect(examplesOf('x/src/add.ts', SOURCE)).toEqual([
    {
      place: 'x/src/add.ts:8',
      source: "import { add } from 'x';\n\nconsole.log(add(1, 2)); // 3\n",
      isRun: true,
      prints: ['3'],
    },
    { place: 'x/src/add.ts:8', source: 'await addOnTheMoon();\n', isRun: false, prints: [] },
  ]);
});

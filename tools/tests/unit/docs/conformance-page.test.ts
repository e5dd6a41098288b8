import { describe, expect, it } from 'vitest';

import { holdsTitle, namedTests } from '../../../docs/conformance-page.ts';

const PAGE = `
# Conformance

\`E2E\` stands for \`e2e/tests/e2e\`.

## One

| behaviour | test |
| --------- | ---- |
| a | unit/a.test.ts › it works; it does; … › and goes on |
| b | E2E/b.test.ts |

## Two

Paths of this section are below \`packages/x/tests/\`.

| behaviour | test |
| --------- | ---- |
| c | unit/c.test.ts › … of two …, three (a remark); without packets: golden/d.test.ts › e › f |
`;

describe(namedTests, () => {
  it('reads files and titles, by the folder of the section', () => {
    const found = namedTests(PAGE).map(
      ({ line, file, titles }) => `${line} ${file} ${titles.join('|')}`,
    );
    expect(found).toEqual([
      '10 packages/kubelet/tests/unit/a.test.ts it works; it does',
      '10 packages/kubelet/tests/unit/a.test.ts and goes on',
      '11 e2e/tests/e2e/b.test.ts ',
      '19 packages/x/tests/unit/c.test.ts … of two …, three',
      '19 packages/x/tests/golden/d.test.ts e|f',
    ]);
  });
});

describe(holdsTitle, () => {
  const plain = "it('says what isn\\'t there', …); describe(planPod, …)";
  const table = "it.each(['missing', 'double'])('a %s key', …)";
  it.each([
    [plain, "says what isn't there", true],
    [plain, 'says … there', true],
    [plain, 'planPod', true],
    [plain, 'says nothing', false],
    [table, 'a missing key', true],
    [table, 'a third key', false],
  ])('%s: %s', (sources, title, want) => expect(holdsTitle(sources, title)).toBe(want));
});

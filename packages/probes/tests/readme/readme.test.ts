import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';

it('the README example prints the output in its last comments', async () => {
  const folder = join(import.meta.dirname, '../..');
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const promised = [...readme.matchAll(/^\/\/ (.*)$/gm)].map(([, line]) => line);
  expect(promised).toHaveLength(4);
  expect(await runReadmeExample(folder)).toBe(`${promised.join('\n')}\n`);
});

it('the README example of one attempt prints the text after it', async () => {
  const folder = join(import.meta.dirname, '../..');
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const promised = /^It prints:\n\n```text\n(.*?)^```$/ms.exec(readme)?.[1];
  expect(await runReadmeExample(folder, 1)).toBe(promised);
});

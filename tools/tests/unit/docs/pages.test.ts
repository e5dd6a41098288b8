import { describe, expect, it } from 'vitest';

import { MAX_PAGE_BYTES, problemsOfPages } from '../../../docs/pages.ts';

const at = (path: string, html: string) => ({ path, html });

describe(problemsOfPages, () => {
  it.each([
    ['a page of the same folder', '<a href="b.html">', []],
    ['a heading of another page', '<a href="b.html#one">', []],
    ['a file that is no page', '<img src="../assets/x.svg">', []],
    ['the folder itself', '<a href="../">', []],
    ['another site', '<a href="https://example.net/">', []],
    ['a missing page', '<a href="c.html">', ['a/a.html links to c.html, which does not exist']],
    [
      'a missing heading',
      '<a href="b.html#two">',
      ['a/a.html links to b.html#two, which has no such heading'],
    ],
    [
      'a script of another server',
      '<script src="https://cdn.example.net/x.js">',
      ['a/a.html loads https://cdn.example.net/x.js from another server'],
    ],
    [
      'a font of another server',
      "<style>@import url('https://fonts.example.net/x')</style>",
      ['a/a.html loads https://fonts.example.net/x from another server'],
    ],
  ])('%s', (_, html, want) => {
    const pages = [
      at('index.html', ''),
      at('a/a.html', html),
      at('a/b.html', '<h2 id="one">One</h2>'),
    ];
    expect(problemsOfPages(pages, ['assets/x.svg'])).toEqual(want);
  });

  it('a page over the limit', () => {
    const problems = problemsOfPages([at('a.html', 'x'.repeat(MAX_PAGE_BYTES + 1))], []);
    expect(problems).toEqual(['a.html has 500001 bytes, over the limit of 500000']);
  });
});

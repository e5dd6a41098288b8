import { describe, expect, it } from 'vitest';

import { renderPage } from '../../../settings/page.ts';
import { fieldsOf, type Known, settingsOf } from '../../../settings/settings.ts';

const known = (name: string, more: Partial<Known> = {}): Known => ({
  ...{ name, usual: '1', unused: undefined, proof: undefined },
  ...more,
});

describe(settingsOf, () => {
  it.each([
    [known('a', { unused: 'nothing' }), {}, { effect: 'warned of when set', why: 'nothing' }],
    [known('a', { proof: { test: 'x' } }), {}, { effect: 'acts', test: 'x' }],
    [known('a', { proof: { test: 'x' } }), { a: { test: 'y' } }, { effect: 'acts', test: 'y' }],
    [known('a'), { a: { inert: 'old' } }, { effect: 'inert upstream too', why: 'old', test: '' }],
    [
      known('a'),
      { a: { refused: 'old', test: 'y' } },
      { effect: 'refused', why: 'old', test: 'y' },
    ],
  ] as const)('of %j with the proofs %j is %j', (setting, proofs, want) => {
    const { settings, problems } = settingsOf([setting], proofs);
    expect(settings).toMatchObject([{ name: 'a', usual: '1', ...want }]);
    expect(problems).toEqual([]);
  });

  it.each([
    [known('a'), {}, 'a neither acts with a test'],
    [known('a', { unused: 'nothing' }), { a: { test: 'x' } }, 'a has a proof, but is warned of'],
    [known('a', { proof: { test: 'x' } }), { b: { test: 'x' } }, 'there is no setting b'],
  ])('of %j with the proofs %j reports it', (setting, proofs, want) => {
    const { problems } = settingsOf([setting], proofs);
    expect(problems).toEqual([expect.stringContaining(want)]);
  });
});

it('lists the fields of sections, and values as they are written', () => {
  const document = { a: { b: true, c: { d: ['x'], e: {} } }, f: { g: 1 }, h: '' };
  expect(fieldsOf(document, new Set(['f']))).toEqual([
    { name: 'a.b', usual: 'true' },
    { name: 'a.c.d', usual: '["x"]' },
    { name: 'a.c.e', usual: '' },
    { name: 'f', usual: '{"g":1}' },
    { name: 'h', usual: '' },
  ]);
});

it('renders a table for each section', () => {
  const setting = { name: 'a', usual: 'x|y', effect: 'acts', why: '', test: 'T' } as const;
  const text = renderPage('# P\n', [
    { title: 'Fields', text: 'Text.', column: 'field', settings: [setting] },
  ]);
  expect(text).toBe(
    '# P\n\n## Fields\n\nText.\n\n| field | default | effect | instead | test |\n| - | - | - | - | - |\n| `a` | `x\\|y` | acts |  | T |\n',
  );
});

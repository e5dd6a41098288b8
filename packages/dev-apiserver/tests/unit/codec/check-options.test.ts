import { expect, it } from 'vitest';

import { checkOptions } from '../../../src/codec/check-options.js';
import { StatusError } from '../../../src/model/errors.js';

type Asked = Parameters<typeof checkOptions>[0];

function said(verb: Asked['verb'], query: string, more: Partial<Asked> = {}): unknown {
  try {
    checkOptions({
      verb,
      query: new URLSearchParams(query),
      body: undefined,
      isApply: false,
      ...more,
    });
    return 'good';
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return [error.httpStatus, error.message.replace(/^.*is invalid: /, '')];
  }
}

const MATCH = 'resourceVersionMatch: Forbidden:';

it.each<readonly [Asked['verb'], string, Partial<Asked>, unknown]>([
  ['list', 'limit=5&resourceVersion=1&resourceVersionMatch=Exact', {}, 'good'],
  ['list', 'limit=x', {}, [400, 'strconv.ParseInt: parsing "x": invalid syntax']],
  [
    'list',
    'resourceVersionMatch=Exact',
    {},
    [422, `${MATCH} resourceVersionMatch is forbidden unless resourceVersion is provided`],
  ],
  [
    'list',
    'resourceVersion=0&resourceVersionMatch=Exact',
    {},
    [422, `${MATCH} resourceVersionMatch "exact" is forbidden for resourceVersion "0"`],
  ],
  [
    'list',
    'resourceVersion=1&resourceVersionMatch=X',
    {},
    [
      422,
      'resourceVersionMatch: Unsupported value: "X": supported values: "Exact", "NotOlderThan", ""',
    ],
  ],
  [
    'list',
    'sendInitialEvents=true',
    {},
    [422, 'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list'],
  ],
  [
    'list',
    'continue=x&resourceVersion=5',
    {},
    [400, 'specifying resource version is not allowed when using continue'],
  ],
  ['watch', 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan', {}, 'good'],
  [
    'watch',
    'sendInitialEvents=true',
    {},
    [422, `${MATCH} sendInitialEvents requires setting resourceVersionMatch to NotOlderThan`],
  ],
  [
    'watch',
    'resourceVersionMatch=NotOlderThan',
    {},
    [
      422,
      `${MATCH} resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided`,
    ],
  ],
  ['create', 'fieldValidation=Strict&dryRun=All', {}, 'good'],
  [
    'create',
    'fieldValidation=X',
    {},
    [
      422,
      'fieldValidation: Unsupported value: "X": supported values: "", "Ignore", "Strict", "Warn"',
    ],
  ],
  ['update', 'dryRun=X', {}, [422, 'dryRun: Unsupported value: ["X"]: supported values: "All"']],
  ['patch', 'force=true', {}, [422, 'force: Forbidden: may not be specified for non-apply patch']],
  ['patch', 'force=true&fieldManager=m', { isApply: true }, 'good'],
  [
    'patch',
    '',
    { isApply: true },
    [422, 'fieldManager: Required value: is required for apply patch'],
  ],
  [
    'patch',
    `fieldManager=${'m'.repeat(129)}`,
    {},
    [422, 'fieldManager: Too long: may not be more than 128 bytes'],
  ],
  ['delete', 'propagationPolicy=Orphan', {}, 'good'],
  [
    'delete',
    '',
    { body: { propagationPolicy: 'X' } },
    [
      422,
      'propagationPolicy: Unsupported value: "X": supported values: "Foreground", "Background", "Orphan", "nil"',
    ],
  ],
  [
    'delete',
    '',
    { body: { propagationPolicy: 'Orphan', orphanDependents: true } },
    [
      422,
      'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
    ],
  ],
])('%s with %s %o', (verb, query, more, want) => {
  expect(said(verb, query, more)).toEqual(want);
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Caller } from '../caller.js';
import { Hooked, patch } from '../webhook-support.js';
import { aMap, MAPS, said } from './policy-support.js';

let hooked: Hooked;
let admin: Caller;

beforeEach(async () => {
  hooked = await Hooked.start();
  ({ admin } = hooked);
});
afterEach(() => hooked.stop());

const NAMED = { name: 'named', expression: "object.metadata.name.startsWith('a')" };
const RED = { name: 'red', expression: "object.data.color == 'red'" };
const FAILED = "expression 'object.data.color == 'red'' resulted in error: no such key: color";

/** Registers a webhook with conditions, creates a ConfigMap, and says whom it asked. */
async function outcome(more: object, map: object): Promise<readonly unknown[]> {
  await hooked.register('validating', ['configmaps'], more);
  hooked.asked.length = 0;
  const answer = await admin.call('POST', MAPS, map);
  return [...said(answer), hooked.asked.length];
}

describe('conditions of a webhook', () => {
  it.each<readonly [string, object, object, readonly unknown[]]>([
    ['are all met', { matchConditions: [NAMED, RED] }, aMap('a', { color: 'red' }), [201, '', 1]],
    ['are not met', { matchConditions: [NAMED] }, aMap('b', {}), [201, '', 0]],
    [
      'are not met, though another one fails',
      { matchConditions: [RED, NAMED] },
      aMap('b', { a: 'b' }),
      [201, '', 0],
    ],
    [
      'fail',
      { matchConditions: [NAMED, RED] },
      aMap('a', { a: 'b' }),
      [403, `configmaps "a" is forbidden: ${FAILED}`, 0],
    ],
    [
      'fail in several ways',
      { matchConditions: [RED, { name: 'x', expression: 'object.x > 0' }] },
      aMap('a', { a: 'b' }),
      [
        403,
        `configmaps "a" is forbidden: [${FAILED}, expression 'object.x > 0' resulted in error: no such key: x]`,
        0,
      ],
    ],
    [
      'fail, which is to be ignored',
      { matchConditions: [RED], failurePolicy: 'Ignore' },
      aMap('a', { a: 'b' }),
      [201, '', 0],
    ],
    [
      'are not looked at when the selectors do not fit',
      { matchConditions: [RED], objectSelector: { matchLabels: { not: 'there' } } },
      aMap('a', { a: 'b' }),
      [201, '', 0],
    ],
    [
      'see the request and the permissions of the user, and no namespace',
      {
        matchConditions: [
          { name: 'user', expression: "request.userInfo.username == 'admin'" },
          { name: 'allowed', expression: "authorizer.requestResource.check('get').allowed()" },
          { name: 'none', expression: 'namespaceObject == null && oldObject == null' },
        ],
      },
      aMap('a', {}),
      [201, '', 1],
    ],
  ])('%s', async (_, more, map, want) => {
    expect(await outcome(more, map)).toEqual(want);
  });

  it('see what earlier webhooks have changed', async () => {
    await hooked.register('mutating', ['configmaps']);
    await hooked.register('validating', ['configmaps'], { matchConditions: [RED] });
    hooked.respond = (asked) =>
      asked.object !== null && 'data' in asked.object
        ? { allowed: false, status: { message: 'red' } }
        : patch({ op: 'add', path: '/data', value: { color: 'red' } });
    const { body } = await admin.call('POST', MAPS, { metadata: { name: 'm' } });
    expect(body['message']).toMatch(/denied the request: red/);
  });

  it('of one webhook keep all webhooks from being asked when they fail', async () => {
    await hooked.register('validating', ['configmaps']);
    const answers = await outcome(
      { name: 'zz.example.com', matchConditions: [RED] },
      aMap('a', {}),
    );
    expect(answers).toEqual([403, expect.stringContaining('no such key'), 0]);
  });
});

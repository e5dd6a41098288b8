import { describe, expect, it, vi } from 'vitest';

import { celTools } from '../../../src/adapters/cel-tools.js';
import type { CelTools } from '../../../src/model/cel-tools.js';
import { kindOf } from '../../../src/model/kinds.js';
import { Expressions } from '../../../src/run/expressions.js';

const ADMISSION = 'admissionregistration.k8s.io';
const MAPS = kindOf('', 'configmaps');
const HOOKS = kindOf(ADMISSION, 'validatingwebhookconfigurations');
const POLICIES = kindOf(ADMISSION, 'validatingadmissionpolicies');
const BINDINGS = kindOf(ADMISSION, 'validatingadmissionpolicybindings');
const DEFINITIONS = kindOf('apiextensions.k8s.io', 'customresourcedefinitions');

describe('the compiler of expressions', () => {
  it.each([
    [MAPS, { data: { text: 'x-kubernetes-validations matchConditions' } }, false],
    [HOOKS, { webhooks: [{ name: 'a.example.com' }] }, false],
    [HOOKS, { webhooks: [{ matchConditions: [] }] }, true],
    [HOOKS, [{ op: 'add', path: '/webhooks/0/matchConditions', value: [] }], true],
    [BINDINGS, { spec: { policyName: 'p' } }, false],
    [POLICIES, { spec: {} }, true],
    [POLICIES, undefined, false],
    [DEFINITIONS, { spec: { versions: [] } }, false],
    [DEFINITIONS, { spec: { versions: [{ schema: { 'x-kubernetes-validations': [] } }] } }, true],
  ])('is loaded for %o with %j: %s', async (kind, body, isLoaded) => {
    const load = vi.fn<() => Promise<CelTools>>(() => Promise.resolve(celTools));
    const expressions = new Expressions(load);
    await expressions.prepareFor(kind, body);
    await expressions.prepareFor(kind, body);
    expect(load).toHaveBeenCalledTimes(isLoaded ? 1 : 0);
  });
});

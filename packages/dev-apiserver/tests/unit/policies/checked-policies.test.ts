import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../../src/index.js';
import { adminOf, type Caller } from '../caller.js';
import { aBinding, ADMISSION, aPolicy, BINDINGS, POLICIES, said } from './policy-support.js';

let server: DevApiServer;
let admin: Caller;

beforeAll(async () => {
  server = await startDevApiServer();
  admin = await adminOf(server);
});
afterAll(() => server.stop());

const VALIDATIONS = [{ expression: 'true' }];
const MATCH = 'spec.matchConstraints';

function withRule(more: object): object {
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['pods'] };
  return { matchConstraints: { resourceRules: [{ ...rule, ...more }] } };
}

describe('a policy is refused', () => {
  // From Kubernetes 1.36 pkg/apis/admissionregistration/validation/validation_test.go.
  it.each<readonly [string, object, string | RegExp]>([
    [
      'without validations',
      { validations: [] },
      '[spec.validations: Required value: validations or auditAnnotations must contain at least one item, spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item]',
    ],
    [
      'with an unknown failure policy',
      { failurePolicy: 'Other' },
      'spec.failurePolicy: Unsupported value: "Other": supported values: "Fail", "Ignore"',
    ],
    [
      'without rules',
      { matchConstraints: {} },
      'spec.matchConstraints.resourceRules: Required value',
    ],
    [
      'without operations',
      withRule({ operations: [] }),
      `${MATCH}.resourceRules[0].operations: Required value`,
    ],
    [
      'with all operations and another one',
      withRule({ operations: ['*', 'CREATE'] }),
      `${MATCH}.resourceRules[0].operations: Invalid value: ["*","CREATE"]: if '*' is present, must not specify other operations`,
    ],
    [
      'with an unknown operation',
      withRule({ operations: ['PATCH'] }),
      `${MATCH}.resourceRules[0].operations[0]: Unsupported value: "PATCH": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"`,
    ],
    [
      'with a resource that another one covers',
      withRule({ resources: ['*/status', 'pods/status'] }),
      `${MATCH}.resourceRules[0].resources[1]: Invalid value: "pods/status": if '*/status' is present, must not specify pods/status`,
    ],
    [
      'with a name twice',
      withRule({ resourceNames: ['a', 'a'] }),
      `${MATCH}.resourceRules[0].resourceNames[1]: Duplicate value: "a"`,
    ],
    [
      'with a kind of parameters without a version',
      { paramKind: { apiVersion: 'rules.example.com/', kind: 'Rule' } },
      'spec.paramKind.apiVersion: Invalid value: "rules.example.com/": version must be specified',
    ],
    [
      'with a kind of parameters with too many parts',
      { paramKind: { apiVersion: 'a/b/c', kind: 'Rule' } },
      'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
    ],
    [
      'with an empty expression',
      { validations: [{ expression: ' ' }] },
      'spec.validations[0].expression: Required value: expression is not specified',
    ],
    [
      'with an expression of another type',
      { validations: [{ expression: "'yes'" }] },
      `spec.validations[0].expression: Invalid value: "'yes'": must evaluate to bool but got string`,
    ],
    [
      'with an expression whose type is not known',
      { validations: [{ expression: 'object.spec.fine' }] },
      'spec.validations[0].expression: Invalid value: "object.spec.fine": must evaluate to bool but got dyn',
    ],
    [
      'with an expression that does not compile',
      { validations: [{ expression: 'object.x in [1, 2, ' }] },
      'spec.validations[0].expression: Invalid value: "object.x in [1, 2, ": compilation failed: ERROR: <input>:1:20: Syntax error: Unexpected token: EOF\n | object.x in [1, 2, \n | ...................^',
    ],
    [
      'with params of no kind',
      { validations: [{ expression: 'params.x == 1' }] },
      `spec.validations[0].expression: Invalid value: "params.x == 1": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n | params.x == 1\n | ^`,
    ],
    [
      'with a message that asks for permissions',
      {
        validations: [
          {
            expression: 'true',
            messageExpression: "string(authorizer.path('/').check('get').allowed())",
          },
        ],
      },
      /spec.validations\[0\].messageExpression: .*undeclared reference to 'authorizer'/,
    ],
    [
      'with an unknown field of the request',
      { validations: [{ expression: "request.user == 'x'" }] },
      /compilation failed: ERROR: <input>:1:8: undefined field 'user'/,
    ],
    [
      'with a list of what has no type and a text',
      { validations: [{ expression: "'a' in [object.metadata.name, 'b']" }] },
      /ERROR: <input>:1:31: expected type 'dyn' but found 'string'/,
    ],
    [
      'with a map of two types',
      { validations: [{ expression: "{'a': 1, 'b': 'c'}.size() == 2" }] },
      /expected type 'int' but found 'string'/,
    ],
    [
      'with a text that takes more than it gets',
      { validations: [{ expression: "'%s %s'.format(['a']) == ''" }] },
      /ERROR: <input>:1:15: index 1 out of range/,
    ],
    [
      'with a text that takes less than it gets',
      { validations: [{ expression: "'%s'.format(['a', 1]) == ''" }] },
      /too many arguments supplied to string.format \(expected 1, got 2\)/,
    ],
    [
      'with a text with an unknown clause',
      { validations: [{ expression: "'%q'.format(['a']) == ''" }] },
      /could not parse formatting clause: unrecognized formatting clause "q"/,
    ],
    [
      'with a kind of parameters with an underscore',
      { paramKind: { apiVersion: 'a.b/v1', kind: 'A_b' } },
      /spec.paramKind.kind: Invalid value: "A_b": may have mixed case, but should otherwise match: a DNS-1035 label/,
    ],
    [
      'with an unknown reason',
      { validations: [{ expression: 'true', reason: 'Other' }] },
      'spec.validations[0].reason: Unsupported value: "Other": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
    ],
    [
      'with a message of two lines',
      { validations: [{ expression: 'true', message: 'a\nb' }] },
      'spec.validations[0].message: Invalid value: "a\\nb": must not contain line breaks',
    ],
    [
      'with a variable that is a word of the language',
      { variables: [{ name: 'if', expression: 'true' }] },
      'spec.variables[0].name: Invalid value: "if": must be a valid CEL identifier',
    ],
    [
      'with a variable that names a later one',
      {
        variables: [
          { name: 'a', expression: 'variables.b' },
          { name: 'b', expression: '1' },
        ],
      },
      /spec.variables\[0\].expression: .*undefined field 'b'/,
    ],
    [
      'with a variable of another type',
      {
        variables: [{ name: 'a', expression: '1' }],
        validations: [{ expression: "variables.a == 'x'" }],
      },
      /found no matching overload for '_==_' applied to '\(int, string\)'/,
    ],
    [
      'with a condition that reads variables',
      {
        variables: [{ name: 'a', expression: 'true' }],
        matchConditions: [{ name: 'c', expression: 'variables.a' }],
      },
      /spec.matchConditions\[0\].expression: .*undeclared reference to 'variables'/,
    ],
    [
      'with an annotation whose key is none',
      { auditAnnotations: [{ key: '@', valueExpression: "'x'" }] },
      /spec.auditAnnotations\[0\].key: Invalid value: "checked\/@": name part must consist/,
    ],
    [
      'with a key of annotations twice',
      {
        auditAnnotations: [
          { key: 'a', valueExpression: "'x'" },
          { key: 'a', valueExpression: 'null' },
        ],
      },
      'spec.auditAnnotations[1].key: Duplicate value: "a"',
    ],
    [
      'with an annotation of another type',
      { auditAnnotations: [{ key: 'a', valueExpression: '1' }] },
      'spec.auditAnnotations[0].valueExpression: Invalid value: "1": must evaluate to one of [string null_type] but got int',
    ],
  ])('%s', async (_, spec, want) => {
    const policy = aPolicy('checked', { validations: VALIDATIONS, ...spec });
    const { status, body } = await admin.call('POST', POLICIES, policy);
    const message = String(body['message']);
    expect(status).toBe(422);
    const of = 'ValidatingAdmissionPolicy.admissionregistration.k8s.io "checked" is invalid: ';
    if (typeof want === 'string') expect(message).toBe(`${of}${want}`);
    else expect(message).toMatch(want);
  });

  it('as a whole when an update does not compile', async () => {
    const path = `${POLICIES}/updated`;
    await admin.call('POST', POLICIES, aPolicy('updated', { validations: VALIDATIONS }));
    const merge = { 'content-type': 'application/merge-patch+json' };
    const broken = { spec: { validations: [{ expression: 'nothing' }] } };
    const answer = await admin.call('PATCH', path, broken, merge);
    expect(answer.body['message']).toMatch(/undeclared reference to 'nothing'/);
  });
});

it('gets the defaults of a real server', async () => {
  const policy = aPolicy('defaults', { validations: VALIDATIONS });
  const { body } = await admin.call('POST', POLICIES, policy);
  expect(body).toMatchObject({
    metadata: { generation: 1 },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        matchPolicy: 'Equivalent',
        namespaceSelector: {},
        objectSelector: {},
        resourceRules: [{ scope: '*' }],
      },
    },
  });
});

describe('a binding is refused', () => {
  it.each<readonly [string, object, string]>([
    ['without a policy', { policyName: '' }, 'spec.policyName: Required value'],
    [
      'with parameters of a name with a slash',
      { paramRef: { name: 'a/b', parameterNotFoundAction: 'Deny' } },
      'spec.paramRef.name: Invalid value: "a/b": may not contain \'/\'',
    ],
    [
      'with parameters of an unknown operator',
      {
        paramRef: {
          selector: { matchExpressions: [{ key: 'a', operator: 'Like' }] },
          parameterNotFoundAction: 'Deny',
        },
      },
      'spec.paramRef.selector.matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator',
    ],
    [
      'without actions',
      { validationActions: [] },
      'spec.validationActions: Required value: at least one validation action is required',
    ],
    [
      'with an unknown action',
      { validationActions: ['Log'] },
      'spec.validationActions[0]: Unsupported value: "Log": supported values: "Audit", "Deny", "Warn"',
    ],
    [
      'with an action twice',
      { validationActions: ['Deny', 'Deny'] },
      'spec.validationActions[1]: Duplicate value: "Deny"',
    ],
    [
      'that refuses and warns',
      { validationActions: ['Deny', 'Warn'] },
      'spec.validationActions: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
    ],
    [
      'with parameters by nothing',
      { paramRef: { parameterNotFoundAction: 'Deny' } },
      'spec.paramRef: Required value: one of name or selector must be specified',
    ],
    [
      'with parameters by name and labels',
      { paramRef: { name: 'a', selector: {}, parameterNotFoundAction: 'Deny' } },
      '[spec.paramRef.name: Forbidden: name and selector are mutually exclusive, spec.paramRef.selector: Forbidden: name and selector are mutually exclusive]',
    ],
    [
      'without what to do when parameters are missing',
      { paramRef: { name: 'a' } },
      'spec.paramRef.parameterNotFoundAction: Required value',
    ],
    [
      'with a wrong selector',
      {
        matchResources: {
          objectSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] },
        },
      },
      "spec.matchResources.objectSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ],
  ])('%s', async (_, spec, want) => {
    const answer = await admin.call('POST', BINDINGS, aBinding('b', spec));
    const of =
      'ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io "b-everywhere" is invalid: ';
    expect(said(answer)).toEqual([422, `${of}${want}`]);
  });
});

describe('a webhook is refused', () => {
  const conditionsFor = (count: number): readonly object[] =>
    Array.from({ length: count }, (_, index) => ({ name: `c${index}`, expression: 'true' }));

  it.each<readonly [string, readonly object[], string | RegExp]>([
    [
      'with a condition without an expression',
      [{ name: 'a', expression: ' ' }],
      'webhooks[0].matchConditions[0].expression: Required value',
    ],
    [
      'with a condition without a name',
      [{ expression: 'true' }],
      'webhooks[0].matchConditions[0].name: Required value',
    ],
    [
      'with two conditions of a name',
      [
        { name: 'a', expression: 'true' },
        { name: 'a', expression: 'false' },
      ],
      'webhooks[0].matchConditions[1].name: Duplicate value: "a"',
    ],
    [
      'with a condition of another type',
      [{ name: 'a', expression: ' 1 ' }],
      'webhooks[0].matchConditions[0].expression: Invalid value: "1": must evaluate to bool but got int',
    ],
    [
      'with a condition that does not compile',
      [{ name: 'a', expression: 'params == null' }],
      /webhooks\[0\].matchConditions\[0\].expression: .*compilation failed: ERROR: <input>:1:1: undeclared reference to 'params'/,
    ],
    [
      'with too many conditions',
      conditionsFor(65),
      'webhooks[0].matchConditions: Too many: 65: must have at most 64 items',
    ],
  ])('%s', async (_, matchConditions, want) => {
    const webhook = {
      name: 'a.example.com',
      clientConfig: { url: 'https://127.0.0.1/' },
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      matchConditions,
    };
    for (const phase of ['Mutating', 'Validating']) {
      const body = { metadata: { name: 'w' }, webhooks: [webhook] };
      const path = `${ADMISSION}/${phase.toLowerCase()}webhookconfigurations`;
      const answer = await admin.call('POST', path, body);
      const message = String(answer.body['message']);
      const of = `${phase}WebhookConfiguration.admissionregistration.k8s.io "w" is invalid: `;
      if (typeof want === 'string') expect(message).toBe(`${of}${want}`);
      else expect(message).toMatch(want);
      const good = { ...webhook, matchConditions: conditionsFor(64) };
      const accepted = { metadata: { name: 'good' }, webhooks: [good] };
      expect((await admin.call('POST', `${path}?dryRun=All`, accepted)).status).toBe(201);
    }
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../../src/index.js';
import { adminOf, type Caller, callerFor } from '../caller.js';
import { aWidget, DEFINITIONS, WIDGET_DEFINITION, WIDGETS } from '../custom/widgets.js';
import {
  aBinding,
  aMap,
  aPolicy,
  apply,
  BINDINGS,
  MAPS,
  POLICIES,
  said,
} from './policy-support.js';

let server: DevApiServer;
let admin: Caller;

beforeEach(async () => {
  server = await startDevApiServer();
  admin = await adminOf(server);
});
afterEach(() => server.stop());

const SMALL = "object.data.size.matches('^[0-9]$')";
const BY = "ValidatingAdmissionPolicy 'p' with binding 'p-everywhere' denied request";
const refused = (why: string): string => `configmaps "m" is forbidden: ${BY}: ${why}`;

describe('a policy', () => {
  it('refuses in the words of a real server, with reason and cause', async () => {
    await apply(admin, { validations: [{ expression: SMALL, message: 'too large' }] });
    const { status, body } = await admin.call('POST', MAPS, aMap('m', { size: '10' }));
    expect(status).toBe(422);
    expect(body).toMatchObject({
      reason: 'Invalid',
      message: refused('too large'),
      details: { name: 'm', kind: 'configmaps', causes: [{ message: `${BY}: too large` }] },
    });
    const good = await admin.call('POST', MAPS, aMap('m', { size: '9' }));
    expect(good.status).toBe(201);
    const change = await admin.call('PUT', `${MAPS}/m`, aMap('m', { size: '11' }));
    expect(said(change)).toEqual([422, refused('too large')]);
  });

  it.each([
    ['no message', { expression: ' false ' }, 422, 'failed expression: false'],
    ['a message with a margin', { expression: 'false', message: ' no ' }, 422, 'no'],
    [
      'a made message',
      { expression: 'false', message: 'no', messageExpression: "'got ' + object.data.size" },
      422,
      'got 10',
    ],
    [
      'a made message of two lines',
      { expression: 'false', message: 'no', messageExpression: "'a\\nb'" },
      422,
      'no',
    ],
    [
      'a made message that fails',
      { expression: 'false', messageExpression: 'string(object.data.color)' },
      422,
      'failed expression: false',
    ],
    ['a reason', { expression: 'false', message: 'no', reason: 'Forbidden' }, 403, 'no'],
    [
      'a reason that has its own status',
      { expression: 'false', message: 'no', reason: 'RequestEntityTooLarge' },
      413,
      'no',
    ],
    [
      'an expression that fails',
      { expression: "object.data.color == 'red'" },
      422,
      "expression 'object.data.color == 'red'' resulted in error: no such key: color",
    ],
    [
      'an expression that takes too long',
      { expression: '[1,2,3,4,5,6,7,8,9].all(a,'.repeat(7) + 'true' + ')'.repeat(7) },
      422,
      /resulted in error: operation cancelled: actual cost limit exceeded$/,
    ],
  ] as const)('with %s says why', async (_, validation, status, why) => {
    await apply(admin, { validations: [validation] });
    const answer = await admin.call('POST', MAPS, aMap('m', { size: '10' }));
    expect(answer.status).toBe(status);
    const message = String(answer.body['message']);
    if (typeof why === 'string') expect(message).toBe(refused(why));
    else expect(message).toMatch(why);
  });

  it('whose failures are to be ignored still refuses what it can judge', async () => {
    const validations = [{ expression: "object.data.color == 'red'" }, { expression: SMALL }];
    await apply(admin, { failurePolicy: 'Ignore', validations });
    expect((await admin.call('POST', MAPS, aMap('m', { size: '1' }))).status).toBe(201);
    const large = await admin.call('POST', MAPS, aMap('n', { size: '10' }));
    expect(large.body['message']).toMatch(/denied request: failed expression: object.data.size/);
  });

  it('does nothing without a binding, or when the binding only audits', async () => {
    const validations = [{ expression: 'false' }];
    await admin.call('POST', POLICIES, aPolicy('p', { validations }));
    expect((await admin.call('POST', MAPS, aMap('a', {}))).status).toBe(201);
    await admin.call('POST', BINDINGS, aBinding('p', { validationActions: ['Audit'] }));
    expect((await admin.call('POST', MAPS, aMap('b', {}))).status).toBe(201);
  });

  it('warns where its binding says so', async () => {
    const validations = [{ expression: 'false', message: 'old' }];
    await apply(admin, { validations }, { validationActions: ['Warn', 'Audit'] });
    const { status, warnings } = await admin.call('POST', MAPS, aMap('m', {}));
    expect(status).toBe(201);
    expect(warnings).toEqual([
      "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p-everywhere': old",
    ]);
  });

  it('sees who asks, for what, and in which namespace', async () => {
    const labels = { team: 'blue' };
    await admin.call('POST', '/api/v1/namespaces', { metadata: { name: 'shop', labels } });
    const expression = [
      "request.userInfo.username == 'admin'",
      "request.operation == 'CREATE'",
      "request.resource.resource == 'configmaps'",
      "request.namespace == 'shop'",
      "request.name == 'm'",
      'oldObject == null',
      "namespaceObject.metadata.labels['team'] == 'blue'",
      "namespaceObject.status.phase == 'Active'",
      'namespaceObject.metadata.creationTimestamp < timestamp("9999-01-01T00:00:00Z")',
      '!request.dryRun',
    ].join(' && ');
    await apply(admin, { validations: [{ expression }] });
    const shop = '/api/v1/namespaces/shop/configmaps';
    expect((await admin.call('POST', shop, aMap('m', {}))).status).toBe(201);
    expect((await admin.call('POST', `${shop}?dryRun=All`, aMap('m2', {}))).status).toBe(422);
  });

  it('sees the options of the request, and no name of a collection', async () => {
    await admin.call('POST', MAPS, aMap('old', {}));
    const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['*'] };
    const created =
      "request.operation != 'DELETE' && request.options.fieldManager == 'me' && request.options.fieldValidation == 'Strict'";
    const deleted = "request.options.propagationPolicy == 'Background' && request.name == ''";
    await apply(admin, {
      matchConstraints: { resourceRules: [{ ...rule, resources: ['configmaps'] }] },
      validations: [{ expression: `(${created}) || (${deleted})` }],
    });
    const query = 'fieldManager=me&fieldValidation=Strict';
    expect((await admin.call('POST', `${MAPS}?${query}`, aMap('m', {}))).status).toBe(201);
    const all = await admin.call('DELETE', MAPS, { propagationPolicy: 'Background' });
    expect(said(all)).toEqual([
      422,
      expect.stringMatching(/^configmaps "Unknown" is forbidden: .*no such key: name$/),
    ]);
  });

  it('warns in any script', async () => {
    const validations = [{ expression: 'false', message: 'größer ✓' }];
    await apply(admin, { validations }, { validationActions: ['Warn'] });
    const { status, warnings } = await admin.call('POST', MAPS, aMap('m', {}));
    expect(status).toBe(201);
    expect(warnings.map((text) => Buffer.from(text, 'latin1').toString())).toEqual([
      expect.stringMatching(/: größer ✓$/),
    ]);
  });

  it('asks what a user may do', async () => {
    const group = 'rbac.authorization.k8s.io';
    const rules = [{ apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: ['*'] }];
    const path = `/apis/${group}/v1`;
    await admin.call('POST', `${path}/clusterroles`, { metadata: { name: 'maps' }, rules });
    await admin.call('POST', `${path}/clusterrolebindings`, {
      metadata: { name: 'maps' },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'maps' },
      subjects: [{ apiGroup: group, kind: 'User', name: 'ann' }],
    });
    const may = (check: string): string => `authorizer.${check}.allowed()`;
    const validations = [
      may("requestResource.check('delete')"),
      may("group('').resource('secrets').namespace('default').name('s').check('get')"),
      `!${may("group('').resource('pods').subresource('exec').check('create')")}`,
      may("path('/healthz').check('get')"),
      `!${may("path('/healthz').check('post')")}`,
      `!${may("serviceAccount('default', 'x').group('').resource('secrets').check('get')")}`,
      "authorizer.requestResource.check('get').reason().contains('RBAC')",
      "!authorizer.requestResource.check('get').errored()",
    ].map((expression) => ({ expression }));
    await apply(admin, { validations });
    const ann = await callerFor(server, 'ann', []);
    expect(said(await ann.call('POST', MAPS, aMap('m', {})))).toEqual([201, '']);
    expect((await admin.call('POST', MAPS, aMap('m2', {}))).status).toBe(422);
  });

  it('may ask no more than two questions in an expression', async () => {
    const check = "authorizer.requestResource.check('get').allowed()";
    const validations = [
      { expression: `${check} && ${check}` },
      { expression: `[1, 2, 3].all(n, ${check})` },
    ];
    await apply(admin, { validations });
    expect((await admin.call('POST', MAPS, aMap('m', {}))).body['message']).toMatch(
      /denied request: expression '\[1, 2, 3\].*actual cost limit exceeded/,
    );
  });

  it('evaluates variables when they are needed', async () => {
    await apply(admin, {
      variables: [
        { name: 'size', expression: 'int(object.data.size)' },
        { name: 'double', expression: 'variables.size * 2' },
      ],
      validations: [
        {
          expression: '!has(object.data.size) || variables.double <= 10',
          messageExpression: "'twice the size is ' + string(variables.double)",
        },
      ],
    });
    expect((await admin.call('POST', MAPS, aMap('none', { a: 'b' }))).status).toBe(201);
    expect((await admin.call('POST', MAPS, aMap('small', { size: '5' }))).status).toBe(201);
    const large = await admin.call('POST', MAPS, aMap('m', { size: '6' }));
    expect(said(large)).toEqual([422, refused('twice the size is 12')]);
    const wrong = await admin.call('POST', MAPS, aMap('m', { size: 'x' }));
    expect(wrong.body['message']).toMatch(
      /resulted in error: composited variable "double" fails to evaluate: composited variable "size" fails/,
    );
  });

  it('is passed over when its conditions are not met', async () => {
    await apply(admin, {
      matchConditions: [
        { name: 'not-free', expression: '!has(object.metadata.labels.free)' },
        { name: 'not-boss', expression: "request.userInfo.username != 'boss'" },
      ],
      validations: [{ expression: 'false', message: 'no' }],
    });
    expect(said(await admin.call('POST', MAPS, aMap('m', {}, { a: 'b' })))).toEqual([
      422,
      refused('no'),
    ]);
    expect((await admin.call('POST', MAPS, aMap('m', {}, { free: '' }))).status).toBe(201);
    const boss = await callerFor(server, 'boss', ['system:masters']);
    expect((await boss.call('POST', MAPS, aMap('b', {}, { a: 'b' }))).status).toBe(201);
  });

  it('refuses when its conditions or its annotations fail', async () => {
    const matchConditions = [{ name: 'c', expression: "object.data.color == 'red'" }];
    await apply(admin, { matchConditions, validations: [{ expression: 'true' }] });
    const failed = await admin.call('POST', MAPS, aMap('m', { a: 'b' }));
    const why = "expression 'object.data.color == 'red'' resulted in error: no such key: color";
    expect(said(failed)).toEqual([422, refused(why)]);
    await admin.call('DELETE', `${POLICIES}/p`);
    const auditAnnotations = [{ key: 'color', valueExpression: 'object.data.color' }];
    const { status } = await admin.call('POST', POLICIES, aPolicy('p', { auditAnnotations }));
    // the type of `object` is not known, so that of the value is not either
    expect(status).toBe(422);
    const texts = [{ key: 'color', valueExpression: 'string(object.data.color)' }];
    await admin.call('POST', POLICIES, aPolicy('p', { auditAnnotations: texts }));
    expect((await admin.call('POST', MAPS, aMap('m', { a: 'b' }))).body['message']).toMatch(
      /denied request: expression 'string\(object.data.color\)' resulted in error: no such key: color/,
    );
    expect((await admin.call('POST', MAPS, aMap('m', { color: 'b' }))).status).toBe(201);
  });

  it('does not see policies, bindings and webhook configurations', async () => {
    const everything = {
      apiGroups: ['*'],
      apiVersions: ['*'],
      operations: ['*'],
      resources: ['*'],
    };
    const matchConstraints = { resourceRules: [everything] };
    await apply(admin, { matchConstraints, validations: [{ expression: 'false' }] });
    expect((await admin.call('POST', MAPS, aMap('m', {}))).status).toBe(422);
    expect((await admin.call('DELETE', `${BINDINGS}/p-everywhere`)).status).toBe(200);
    expect((await admin.call('POST', MAPS, aMap('m', {}))).status).toBe(201);
  });

  it('sees deletions, status and what is sent to subresources', async () => {
    await admin.call('POST', '/api/v1/namespaces/default/pods', {
      metadata: { name: 'web' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    });
    const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['*'] };
    const resources = ['pods', 'pods/status', 'pods/eviction'];
    await apply(admin, {
      matchConstraints: { resourceRules: [{ ...rule, resources }] },
      validations: [
        { expression: "request.operation != 'DELETE' || oldObject.metadata.name != 'web'" },
        {
          expression: "!has(request.subResource) || request.subResource == ''",
          messageExpression: "object.kind + ' of ' + request.subResource",
        },
      ],
    });
    const pod = '/api/v1/namespaces/default/pods/web';
    const deleted = await admin.call('DELETE', pod);
    expect(deleted.body['message']).toMatch(
      /pods "web" is forbidden: .*failed expression: request/,
    );
    const merge = { 'content-type': 'application/merge-patch+json' };
    const patch = { status: { phase: 'Running' } };
    const status = await admin.call('PATCH', `${pod}/status`, patch, merge);
    expect(status.body['message']).toMatch(/denied request: Pod of status$/);
    const body = { metadata: { name: 'web' }, apiVersion: 'policy/v1', kind: 'Eviction' };
    const evicted = await admin.call('POST', `${pod}/eviction`, body);
    expect(evicted.body['message']).toMatch(/denied request: Eviction of eviction$/);
  });
});

describe('what a policy is about', () => {
  const rule = {
    ...{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] },
  };
  it.each([
    ['a label', { objectSelector: { matchLabels: { a: '1' } } }, ['ma', 'other']],
    ['names', { resourceRules: [{ ...rule, resourceNames: ['mb'] }] }, ['mb']],
    [
      'all names but one',
      { excludeResourceRules: [{ ...rule, resourceNames: ['mb'] }] },
      ['ma', 'other'],
    ],
    [
      'a namespace',
      {
        namespaceSelector: {
          matchExpressions: [
            { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['default'] },
          ],
        },
      },
      ['other'],
    ],
    ['another kind', { resourceRules: [{ ...rule, resources: ['secrets'] }] }, []],
  ] as const)('can be %s, in the policy or in the binding', async (_, more, want) => {
    await admin.call('POST', '/api/v1/namespaces', { metadata: { name: 'elsewhere' } });
    const elsewhere = '/api/v1/namespaces/elsewhere/configmaps';
    const refusedOnes = async (): Promise<readonly string[]> => {
      const found: string[] = [];
      for (const [path, name, labels] of [
        [MAPS, 'ma', { a: '1' }],
        [MAPS, 'mb', {}],
        [elsewhere, 'other', { a: '1' }],
      ] as const) {
        const { status } = await admin.call('POST', `${path}?dryRun=All`, aMap(name, {}, labels));
        if (status !== 201) found.push(name);
      }
      return found;
    };
    const validations = [{ expression: 'false' }];
    const resourceRules = [rule];
    await apply(admin, { matchConstraints: { resourceRules, ...more }, validations });
    expect(await refusedOnes()).toEqual(want);
    await admin.call('DELETE', `${POLICIES}/p`);
    await admin.call('DELETE', `${BINDINGS}/p-everywhere`);
    await apply(admin, { validations }, { matchResources: { resourceRules, ...more } });
    expect(await refusedOnes()).toEqual(want);
  });

  it('can be another version of the same kind, unless only exact matches count', async () => {
    await admin.call('POST', DEFINITIONS, WIDGET_DEFINITION);
    const resourceRules = [
      {
        apiGroups: ['example.com'],
        apiVersions: ['v1beta1'],
        operations: ['*'],
        resources: ['widgets'],
      },
    ];
    const validations = [{ expression: "object.apiVersion != 'example.com/v1beta1'" }];
    await apply(admin, { matchConstraints: { resourceRules }, validations });
    expect((await admin.call('POST', WIDGETS, aWidget('w', { size: 1 }))).status).toBe(422);
    await admin.call('DELETE', `${POLICIES}/p`);
    const matchConstraints = { resourceRules, matchPolicy: 'Exact' };
    await admin.call('POST', POLICIES, aPolicy('p', { matchConstraints, validations }));
    expect((await admin.call('POST', WIDGETS, aWidget('w', { size: 1 }))).status).toBe(201);
  });
});

describe('parameters of a policy', () => {
  const CONFIG = { apiVersion: 'v1', kind: 'ConfigMap' };
  const SECRETS = {
    apiGroups: [''],
    apiVersions: ['v1'],
    operations: ['CREATE'],
    resources: ['secrets'],
  };
  const policy = (more: object = {}): object => ({
    paramKind: CONFIG,
    matchConstraints: { resourceRules: [SECRETS] },
    validations: [
      {
        expression: 'params == null || object.metadata.name.startsWith(params.data.prefix)',
        messageExpression: "'must begin with ' + params.data.prefix",
      },
    ],
    ...more,
  });
  const secret = async (name: string): Promise<readonly unknown[]> => {
    const body = { metadata: { name } };
    const [status, text] = said(
      await admin.call('POST', '/api/v1/namespaces/default/secrets', body),
    );
    return [status, String(text).replace(/^.*denied/, '')];
  };

  it('are found by name, in the namespace of the object', async () => {
    await admin.call('POST', MAPS, aMap('rules', { prefix: 'blue' }));
    await apply(admin, policy(), {
      paramRef: { name: 'rules', parameterNotFoundAction: 'Deny' },
    });
    expect(await secret('red')).toEqual([422, ' request: must begin with blue']);
    expect(await secret('blue-1')).toEqual([201, '']);
  });

  it('are found by labels: each of them is asked', async () => {
    await admin.call('POST', MAPS, aMap('one', { prefix: 'a' }, { rules: '' }));
    await admin.call('POST', MAPS, aMap('two', { prefix: 'ab' }, { rules: '' }));
    await admin.call('POST', MAPS, aMap('not', { prefix: 'x' }));
    const selector = { matchLabels: { rules: '' } };
    const paramRef = { selector, namespace: 'default', parameterNotFoundAction: 'Allow' };
    await apply(admin, policy(), { paramRef });
    expect(await secret('ac')).toEqual([422, ' request: must begin with ab']);
    expect(await secret('abc')).toEqual([201, '']);
  });

  it.each([
    ['are not there, and need not be', { name: 'none', parameterNotFoundAction: 'Allow' }, 201, ''],
    [
      'are not there',
      { name: 'none', parameterNotFoundAction: 'Deny' },
      422,
      ' request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction',
    ],
    ['are not given', undefined, 201, ''],
  ])('that %s', async (_, paramRef, status, message) => {
    await apply(admin, policy(), paramRef === undefined ? {} : { paramRef });
    expect(await secret('s')).toEqual([status, message]);
  });

  it('of an unknown kind make the policy fail, and are found when the kind is served', async () => {
    const paramKind = { apiVersion: 'example.com/v1', kind: 'Widget' };
    const validations = [{ expression: 'params.spec.size > 3' }];
    const paramRef = { name: 'w', parameterNotFoundAction: 'Deny' };
    await apply(admin, policy({ paramKind, validations }), { paramRef });
    const answer = await admin.call('POST', '/api/v1/namespaces/default/secrets', {
      metadata: { name: 's' },
    });
    expect(answer.body['message']).toBe(
      `secrets "s" is forbidden: ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to find resource referenced by paramKind: 'example.com/v1, Kind=Widget'`,
    );
    await admin.call('POST', DEFINITIONS, WIDGET_DEFINITION);
    await admin.call('POST', WIDGETS, aWidget('w', { size: 4 }));
    expect(await secret('s')).toEqual([201, '']);
  });
});

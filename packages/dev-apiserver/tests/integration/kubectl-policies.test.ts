import { findKubectls } from '@nodeagent/testbed';
import { describe, expect, it } from 'vitest';

import { aBinding, aMap, aPolicy } from '../unit/policies/policy-support.js';
import { useKubectlCluster } from './kubectl-cluster.js';

const programs = (await findKubectls()).map(({ path }) => path);
const GROUP = 'admissionregistration.k8s.io/v1';

/** The example of Kubernetes' documentation: a limit for replicas, which a parameter sets. */
const POLICY = {
  apiVersion: GROUP,
  kind: 'ValidatingAdmissionPolicy',
  ...aPolicy('replicas', {
    paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    matchConstraints: {
      resourceRules: [
        {
          apiGroups: ['apps'],
          apiVersions: ['v1'],
          operations: ['CREATE', 'UPDATE'],
          resources: ['deployments'],
        },
      ],
    },
    variables: [{ name: 'most', expression: 'int(params.data.most)' }],
    validations: [
      {
        expression: 'object.spec.replicas <= variables.most',
        messageExpression: "'at most ' + string(variables.most) + ' replicas'",
        reason: 'Forbidden',
      },
    ],
  }),
};
const PARAM_REF = { name: 'limits', parameterNotFoundAction: 'Deny' };
const BINDING = {
  apiVersion: GROUP,
  kind: 'ValidatingAdmissionPolicyBinding',
  ...aBinding('replicas', { paramRef: PARAM_REF }),
};
const WARNING = {
  ...BINDING,
  ...aBinding('replicas', { paramRef: PARAM_REF, validationActions: ['Warn'] }),
};
const LIMITS = { apiVersion: 'v1', kind: 'ConfigMap', ...aMap('limits', { most: '3' }) };
const WRONG = { ...POLICY, spec: { ...POLICY.spec, validations: [{ expression: 'objekt == 1' }] } };

const DENIED =
  /deployments.apps "web" is forbidden: ValidatingAdmissionPolicy 'replicas' with binding 'replicas-everywhere' denied request: at most 3 replicas/;
const WARNED =
  /Warning: Validation failed for ValidatingAdmissionPolicy 'replicas' with binding 'replicas-everywhere': at most 3 replicas/;

/** Arguments, and the required output on either stream; in order, on one cluster. */
const STEPS: readonly (readonly [args: string, want: RegExp])[] = [
  ['apply -f DIR/wrong.yaml', /ERROR: <input>:1:1: undeclared reference to 'objekt'/],
  ['apply -f DIR/policy.yaml', /validatingadmissionpolicy.*\/replicas created/],
  // kubectl 1.20 does not know the kind, and sends its lists again
  ['apply -f DIR/policy.yaml', /replicas (unchanged|configured)/],
  ['apply -f DIR/binding.yaml', /replicas-everywhere created/],
  [
    'get validatingadmissionpolicies',
    /NAME +VALIDATIONS +PARAMKIND +AGE\nreplicas +1 +v1\/ConfigMap /,
  ],
  [
    'get validatingadmissionpolicybindings',
    /NAME +POLICYNAME +PARAMREF +AGE\nreplicas-everywhere +replicas +\*\/limits /,
  ],
  ['describe validatingadmissionpolicy replicas', /Observed Generation: +1/],
  ['create deployment web --image=i --replicas=2', /failed to configure binding: no params found/],
  ['apply -f DIR/limits.yaml', /configmap\/limits created/],
  ['create deployment web --image=i --replicas=4', DENIED],
  ['create deployment web --image=i --replicas=2', /deployment.apps\/web created/],
  ['apply -f DIR/warning.yaml', /replicas-everywhere configured/],
  ['patch deployment web -p {"spec":{"replicas":4}}', WARNED],
  ['get deployment web -o jsonpath={.spec.replicas}', /^4$/],
  ['apply -f DIR/binding.yaml', /replicas-everywhere configured/],
  ['apply --server-side --force-conflicts -f DIR/policy.yaml', /replicas serverside-applied/],
  ['patch deployment web -p {"spec":{"replicas":5}}', DENIED],
  ['delete validatingadmissionpolicy replicas', /deleted/],
  ['patch deployment web -p {"spec":{"replicas":5}}', /deployment.apps\/web patched/],
];

describe.each(programs)('%s', (program) => {
  const kubectl = useKubectlCluster({
    program,
    files: { policy: POLICY, binding: BINDING, warning: WARNING, limits: LIMITS, wrong: WRONG },
  });

  it.each(STEPS)('kubectl %s', async (args, want) => {
    expect(await kubectl.run(args.split(' '))).toMatch(want);
  });
});

it('has a kubectl to try', () => {
  expect(programs).not.toEqual([]);
});

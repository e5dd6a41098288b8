import { AdmissionregistrationV1Api, CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createTestCluster, type TestCluster } from '../../src/test-cluster.js';

let cluster: TestCluster;
let admissions: AdmissionregistrationV1Api;
let core: CoreV1Api;

beforeEach(async () => {
  cluster = await createTestCluster({ controllers: false });
  const config = new KubeConfig();
  config.loadFromString(cluster.kubeconfig);
  admissions = config.makeApiClient(AdmissionregistrationV1Api);
  core = config.makeApiClient(CoreV1Api);
});
afterEach(() => cluster.stop());

describe('@kubernetes/client-node', () => {
  it('creates a policy, is refused by it, and reads its status', async () => {
    await admissions.createValidatingAdmissionPolicy({
      body: {
        metadata: { name: 'owners' },
        spec: {
          matchConstraints: {
            resourceRules: [
              {
                apiGroups: [''],
                apiVersions: ['v1'],
                operations: ['CREATE'],
                resources: ['configmaps'],
              },
            ],
          },
          validations: [
            { expression: 'has(object.metadata.labels)', message: 'needs an owner' },
            { expression: '!has(object.dat)' },
          ],
        },
      },
    });
    const spec = { policyName: 'owners', validationActions: ['Deny'] };
    const body = { metadata: { name: 'owners' }, spec };
    await admissions.createValidatingAdmissionPolicyBinding({ body });
    const create = () =>
      core.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name: 'm' } } });
    await expect(create()).rejects.toMatchObject({
      code: 422,
      body: expect.stringContaining(
        "'owners' with binding 'owners' denied request: needs an owner",
      ) as string,
    });
    await vi.waitFor(async () => {
      const { status } = await admissions.readValidatingAdmissionPolicy({ name: 'owners' });
      const [warning] = status?.typeChecking?.expressionWarnings ?? [];
      expect(warning?.fieldRef).toBe('spec.validations[1].expression');
      expect(warning?.warning).toContain(
        '/v1, Kind=ConfigMap: ERROR: <input>:1:12: undefined field',
      );
    });
    await admissions.deleteValidatingAdmissionPolicyBinding({ name: 'owners' });
    await expect(create()).resolves.toMatchObject({ metadata: { name: 'm' } });
  });
});

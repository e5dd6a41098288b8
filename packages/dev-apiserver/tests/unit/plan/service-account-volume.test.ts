import type { Pod, ServiceAccount } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { addServiceAccount } from '../../../src/plan/service-account-volume.js';

const ACCOUNT: ServiceAccount = {
  metadata: { name: 'puller' },
  imagePullSecrets: [{ name: 'a' }, { name: 'b' }],
  automountServiceAccountToken: false,
};

function specOf(spec: object, account: ServiceAccount = ACCOUNT): Pod['spec'] {
  const pod = { spec: { containers: [{ name: 'main' }], ...spec } } as Pod;
  addServiceAccount(pod, account, 'x1');
  return pod.spec;
}

describe(addServiceAccount, () => {
  it('gives its pull secrets to pods that name none', () => {
    const given = specOf({ serviceAccountName: 'puller' });
    expect(given?.imagePullSecrets).toEqual([{ name: 'a' }, { name: 'b' }]);
    const own = specOf({ imagePullSecrets: [{ name: 'own' }] });
    expect(own?.imagePullSecrets).toEqual([{ name: 'own' }]);
    expect(specOf({}, { metadata: { name: 'default' } })).not.toHaveProperty('imagePullSecrets');
  });

  it('mounts its token unless the account, or the pod, says otherwise', () => {
    const mountsOf = (spec: Pod['spec']) => spec?.containers[0]?.volumeMounts ?? [];
    expect(mountsOf(specOf({}))).toEqual([]);
    const mount = expect.objectContaining({ name: 'kube-api-access-x1' });
    expect(mountsOf(specOf({ automountServiceAccountToken: true }))).toEqual([mount]);
    expect(mountsOf(specOf({}, { metadata: { name: 'default' } }))).toEqual([mount]);
  });
});

import type { PodCertificateRequest } from '@nodeagent/kube-client';

import { checkTypes } from '../../pod/index.js';

const TIME = 'string, if any';

/**
 * Checks the types of all fields that the kubelet reads.
 *
 * @throws {TypeError} if a field does not have the type that the API promises
 */
export function checkedRequest(request: PodCertificateRequest): PodCertificateRequest {
  const { metadata = {}, spec, status = {} } = request;
  checkTypes({ metadata, spec, status }, { metadata: 'object', spec: 'object', status: 'object' });
  checkTypes(metadata, { name: 'string, if any', namespace: 'string, if any' }, 'metadata.');
  checkTypes(spec, { podUID: 'string' }, 'spec.');
  const { conditions = [], ...times } = status;
  checkTypes({ conditions }, { conditions: 'list' }, 'status.');
  conditions.forEach((condition, i) => {
    const at = `status.conditions.${i}`;
    checkTypes({ condition }, { condition: 'object' }, `${at}: `);
    checkTypes(condition, { type: 'string', reason: TIME, message: TIME }, `${at}.`);
  });
  const { certificateChain, beginRefreshAt, notAfter } = times;
  checkTypes(
    { certificateChain, beginRefreshAt, notAfter },
    { certificateChain: TIME, beginRefreshAt: TIME, notAfter: TIME },
    'status.',
  );
  return request;
}

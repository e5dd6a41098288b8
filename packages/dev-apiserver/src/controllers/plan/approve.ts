import { formatTimestamp } from '@nodeagent/base';
import {
  CERTIFICATE_SIGNING_REQUESTS,
  type CertificateSigningRequest,
} from '@nodeagent/kube-client';

import type { Action, Plan } from '../model/action.js';
import type { View } from '../model/view.js';
import { nameOf, sortedWhere, uidOf } from './objects.js';

const SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
const GROUPS: ReadonlySet<string> = new Set(['system:nodes', 'system:bootstrappers']);
const USAGES: ReadonlySet<string> = new Set([
  'digital signature',
  'key encipherment',
  'client auth',
]);

/**
 * Approves client certificates requested by nodes, and by machines that register as nodes. Leaves
 * serving certificates to people. The signer checks the names in a certificate.
 *
 * @see Kubernetes 1.36 pkg/controller/certificates/approver/sarapprove.go
 */
export function planApprovals(view: View, nowMs: number): Plan {
  const waiting = sortedWhere(view.signingRequests.values(), isForApproval);
  return { actions: waiting.map((request) => approve(request, nowMs)) };
}

function isForApproval({ spec, status }: CertificateSigningRequest): boolean {
  if (spec.signerName !== SIGNER || (status?.conditions ?? []).length > 0) return false;
  const usages = spec.usages ?? [];
  if (!usages.includes('client auth') || !usages.every((usage) => USAGES.has(usage))) return false;
  return (spec.groups ?? []).some((group) => GROUPS.has(group));
}

function approve(request: CertificateSigningRequest, nowMs: number): Action {
  const now = formatTimestamp(nowMs);
  const condition = {
    type: 'Approved',
    status: 'True',
    reason: 'AutoApproved',
    message: 'A node may ask for its own client certificate.',
    lastUpdateTime: now,
    lastTransitionTime: now,
  };
  return {
    kind: 'patch',
    resource: CERTIFICATE_SIGNING_REQUESTS,
    name: nameOf(request),
    type: 'merge',
    body: { metadata: { uid: uidOf(request) }, status: { conditions: [condition] } },
    subresource: 'approval',
    why: 'a node asks for its client certificate',
  };
}

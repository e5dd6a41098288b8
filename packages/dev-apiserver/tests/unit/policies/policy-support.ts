import { expect } from 'vitest';

import type { Answer, Caller } from '../caller.js';

export const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
export const POLICIES = `${ADMISSION}/validatingadmissionpolicies`;
export const BINDINGS = `${ADMISSION}/validatingadmissionpolicybindings`;
export const MAPS = '/api/v1/namespaces/default/configmaps';

/** A policy about ConfigMaps. */
export function aPolicy(name: string, spec: object): Readonly<{ metadata: object; spec: object }> {
  const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'] };
  const matchConstraints = { resourceRules: [{ ...rule, resources: ['configmaps'] }] };
  return { metadata: { name }, spec: { matchConstraints, ...spec } };
}

export function aBinding(policy: string, spec: object = {}): object {
  const full = { policyName: policy, validationActions: ['Deny'], ...spec };
  return { metadata: { name: `${policy}-everywhere` }, spec: full };
}

/** Creates a policy about ConfigMaps, and its binding. */
export async function apply(
  admin: Caller,
  policy: object,
  binding: object = {},
  name = 'p',
): Promise<void> {
  for (const [path, body] of [
    [POLICIES, aPolicy(name, policy)],
    [BINDINGS, aBinding(name, binding)],
  ] as const) {
    const { status, body: answer } = await admin.call('POST', path, body);
    expect({ status, message: answer['message'] }).toEqual({ status: 201, message: undefined });
  }
}

export function aMap(name: string, data: Readonly<Record<string, string>>, labels = {}): object {
  return { metadata: { name, labels }, data };
}

/** The status and the message of an answer. */
export function said({ status, body }: Answer): readonly unknown[] {
  const message: unknown = body['message'];
  return [status, message ?? ''];
}

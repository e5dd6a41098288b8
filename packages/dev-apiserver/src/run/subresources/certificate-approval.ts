import { formatTimestamp } from '@nodeagent/base';

import {
  type ApiObject,
  type JsonObject,
  listAt,
  textAt,
  toApiObject,
  valueAt,
} from '../../model/object.js';
import type { SigningAnswer, SigningRules } from '../../ports.js';
import { patched } from '../patching.js';
import {
  bodyOf,
  type SubresourceAnswer,
  type SubresourceCall,
  type SubresourcePorts,
  writeContextOf,
} from './call.js';

/** The signers built into this server, with the extended key usage of their certificates. */
const SIGNERS: Readonly<Record<string, Pick<SigningRules, 'usage' | 'nodesOnly'>>> = {
  'kubernetes.io/kube-apiserver-client': { usage: 'client', nodesOnly: false },
  'kubernetes.io/kube-apiserver-client-kubelet': { usage: 'client', nodesOnly: true },
  'kubernetes.io/kubelet-serving': { usage: 'server', nodesOnly: true },
};

const CERTIFICATE_SECONDS = 365 * 24 * 3600;

/** Stores the decision on a certificate request, and signs an approved request at once. */
export async function approve(
  ports: SubresourcePorts,
  call: SubresourceCall,
): Promise<SubresourceAnswer> {
  const { registry } = ports;
  const { route, verb, request } = call;
  const old = registry.get(route.kind, route);
  if (verb === 'get') return { object: old, httpStatus: 200 };
  const context = writeContextOf(call);
  const asked =
    verb === 'patch'
      ? patched(route.kind, request, 'main', { ...context, warnings: [] }).mutate(old)
      : toApiObject(bodyOf(call));
  const wanted = await call.admit('UPDATE', { object: asked, old });
  const signed = await signedCertificate(ports, old, wanted);
  const now = formatTimestamp(registry.clock.nowMs());
  const isDue = signed !== 'not due';
  const refused = isDue && 'refusal' in signed ? [failed(signed.refusal)] : [];
  const certificate = isDue && 'certificatePem' in signed ? inStatus(signed.certificatePem) : {};
  const conditions = [...listAt(wanted, 'status.conditions'), ...refused].map((condition) => ({
    ...condition,
    lastUpdateTime: condition['lastUpdateTime'] ?? now,
    lastTransitionTime: condition['lastTransitionTime'] ?? now,
  }));
  const object = registry.update(
    route.kind,
    { ...route, part: 'status' },
    (current) => {
      const status = { ...current?.status, conditions, ...certificate };
      return { ...(current as ApiObject), status };
    },
    context,
  );
  return { object, httpStatus: 200 };
}

async function signedCertificate(
  { csrSigner }: SubresourcePorts,
  old: ApiObject,
  wanted: ApiObject,
): Promise<SigningAnswer | 'not due'> {
  const verdicts = listAt(wanted, 'status.conditions').map((condition) => condition['type']);
  const rules = SIGNERS[textAt(old, 'spec.signerName')];
  const done = textAt(old, 'status.certificate') !== '';
  if (
    rules === undefined ||
    done ||
    !verdicts.includes('Approved') ||
    verdicts.includes('Denied')
  ) {
    return 'not due';
  }
  const asked = Number(valueAt(old, 'spec.expirationSeconds') ?? CERTIFICATE_SECONDS);
  const pem = Buffer.from(textAt(old, 'spec.request'), 'base64').toString();
  return csrSigner.sign(pem, { ...rules, seconds: Math.min(asked, CERTIFICATE_SECONDS) });
}

function failed(message: string): JsonObject {
  return { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message };
}

function inStatus(certificatePem: string): JsonObject {
  return { certificate: Buffer.from(certificatePem).toString('base64') };
}

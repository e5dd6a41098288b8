import { Buffer } from 'node:buffer';

import { StatusError, statusError } from '../../model/errors.js';
import type { Kind } from '../../model/kind.js';
import { isObject, type JsonObject, textAt, valueAt } from '../../model/object.js';
import type { Transition } from '../../model/review.js';
import type { AdmissionAttributes, Webhook } from '../../model/webhook.js';
import { applyJsonPatch } from '../patch.js';

/** The request as an AdmissionReview of `admission.k8s.io/v1`; states are of the kind `seen`. */
export function reviewOf(
  uid: string,
  attributes: AdmissionAttributes,
  { seen, object, old }: Transition & Readonly<{ seen: Kind }>,
): JsonObject {
  const about = requestOf(attributes, seen);
  const request = { uid, ...about, object: object ?? null, oldObject: old ?? null };
  return { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request };
}

/** The request of an AdmissionReview without its `uid` and the states of the object. */
export function requestOf(attributes: AdmissionAttributes, seen: Kind): JsonObject {
  const { kind, sent, subresource, operation, name, namespace, user, dryRun } = attributes;
  const { options: given } = attributes;
  const gvk = (of: NonNullable<typeof sent>) => ({
    group: of.group,
    version: of.version,
    kind: of.kind,
  });
  const sentKind = sent === undefined ? undefined : gvk(sent);
  const gvr = (of: Kind) => ({ group: of.group, version: of.version, resource: of.plural });
  const part = subresource === '' ? {} : { subResource: subresource };
  const requestPart = subresource === '' ? {} : { requestSubResource: subresource };
  const options = {
    kind: `${OPTIONS[operation]}Options`,
    apiVersion: 'meta.k8s.io/v1',
    ...given,
    ...(dryRun ? { dryRun: ['All'] } : {}),
  };
  return {
    kind: sentKind ?? gvk(seen),
    resource: gvr(seen),
    ...part,
    requestKind: sentKind ?? gvk(kind),
    requestResource: gvr(kind),
    ...requestPart,
    ...(name === '' ? {} : { name }),
    ...(namespace === '' ? {} : { namespace }),
    operation,
    userInfo: user,
    dryRun,
    options,
  };
}

const OPTIONS = { CREATE: 'Create', UPDATE: 'Update', DELETE: 'Delete' } as const;

/** The CAs that may sign the webhook's certificate; undefined for those of the system. */
export function caPemOf({ clientConfig: { caBundle } }: Webhook): string | undefined {
  return caBundle === undefined ? undefined : Buffer.from(caBundle, 'base64').toString();
}

/** The answer of a webhook. */
export interface Verdict {
  readonly refusal: StatusError | undefined;
  readonly patch: unknown;
  readonly warnings: readonly string[];
}

/** An answer that a real server counts as no answer at all. */
export class BadAnswer extends Error {
  override readonly name = 'BadAnswer';
}

/**
 * Reads a webhook's answer.
 *
 * @throws {BadAnswer} for one that breaks the protocol
 * @see Kubernetes 1.36 apiserver pkg/admission/plugin/webhook/request/admissionreview.go
 */
export function verdictOf(
  { name }: Webhook,
  answer: unknown,
  { uid, mutating }: Readonly<{ uid: string; mutating: boolean }>,
): Verdict {
  const response = valueAt(answer, 'response');
  if (!isObject(response)) throw new BadAnswer('webhook response was absent');
  if (response['uid'] !== uid) {
    throw new BadAnswer(`expected response.uid="${uid}", got "${textAt(response, 'uid')}"`);
  }
  const [apiVersion, kind] = [textAt(answer, 'apiVersion'), textAt(answer, 'kind')];
  if (apiVersion !== 'admission.k8s.io/v1' || kind !== 'AdmissionReview') {
    const found = `${apiVersion}, Kind=${kind}`;
    throw new BadAnswer(
      `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${found}`,
    );
  }
  const { allowed, status, warnings } = response;
  return {
    refusal: allowed === true ? undefined : denial(name, isObject(status) ? status : {}),
    patch: patchOf(response, mutating),
    warnings: Array.isArray(warnings) ? warnings.map(String) : [],
  };
}

function patchOf(response: JsonObject, mutating: boolean): unknown {
  const { patch, patchType } = response;
  if (!mutating) {
    if (patch === undefined) return undefined;
    throw new BadAnswer('validating webhook may not return response.patch');
  }
  if (patch === undefined && patchType === undefined) return undefined;
  if (patchType === undefined) {
    throw new BadAnswer('webhook returned response.patch but not response.patchType');
  }
  if (patch === undefined) {
    throw new BadAnswer('webhook returned response.patchType but not response.patch');
  }
  if (patchType !== 'JSONPatch') {
    throw new BadAnswer(
      `webhook returned invalid response.patchType of ${JSON.stringify(patchType)}`,
    );
  }
  return JSON.parse(Buffer.from(textAt(response, 'patch'), 'base64').toString()) as unknown;
}

/** @see Kubernetes 1.36 apiserver pkg/admission/plugin/webhook/errors/statuserror.go */
function denial(name: string, status: JsonObject): StatusError {
  const by = `admission webhook "${name}" denied the request`;
  const reason = textAt(status, 'reason');
  const why = textAt(status, 'message') || reason;
  const code = Math.max(Number(status['code'] ?? 0), 400);
  const message = why === '' ? `${by} without explanation` : `${by}: ${why}`;
  const { details } = status;
  return new StatusError(code, reason, message, isObject(details) ? { details } : {});
}

/** Applies a webhook's patch. @throws {StatusError} 500 when it does not apply */
export function patchedBy(object: JsonObject, patch: unknown): JsonObject {
  try {
    const next = applyJsonPatch(object, patch);
    if (isObject(next)) return next;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    throw statusError.internal(error.message.replace(/^.*our request: /, ''));
  }
  throw statusError.internal('the patch of a webhook does not leave an object');
}

/** @see Kubernetes 1.36 apiserver pkg/util/webhook/error.go */
export function failedCall({ name }: Webhook, why: string): StatusError {
  const error = statusError.internal(`failed calling webhook "${name}": ${why}`);
  const message = error.message.replace('Internal error occurred: ', '');
  return new StatusError(500, 'InternalError', error.message, {
    details: { causes: [{ message }] },
  });
}

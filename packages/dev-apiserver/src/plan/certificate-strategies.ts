import { Buffer } from 'node:buffer';
import { X509Certificate } from 'node:crypto';

import { pemBlocks } from '@nodeagent/base';
import { dnsSubdomainErrors } from '@nodeagent/pod-rules';

import { field, type FieldError } from '../model/errors.js';
import { type ApiObject, deepEqual, listAt, omit, textAt, valueAt } from '../model/object.js';
import type { Strategy } from './strategy.js';

/** @see Kubernetes 1.36 pkg/registry/certificates/certificates/strategy.go */
export const certificateRequest: Strategy = {
  create: (draft, { username, uid, groups, extra }) => {
    draft.spec = {
      ...omit(draft.spec ?? {}, 'username', 'uid', 'groups', 'extra'),
      username,
      groups: [...groups],
      ...(uid === undefined ? {} : { uid }),
      ...(extra === undefined ? {} : { extra }),
    };
    draft.status = {};
  },
  update: (wanted, { spec }) => {
    if (spec !== undefined) wanted.spec = spec;
  },
  validate: (object) => missing(object, ['request', 'signerName', 'usages']),
};

/** @see Kubernetes 1.36 pkg/apis/certificates/validation/validation.go */
export const trustBundle: Strategy = {
  validate: (object) => [...bundleNameErrors(object), ...anchorErrors(object)],
  validateUpdate: (object, old) => {
    const [after, before] = [textAt(object, 'spec.signerName'), textAt(old, 'spec.signerName')];
    return after === before ? [] : [field.invalid('spec.signerName', after, IMMUTABLE)];
  },
};

/**
 * The kubelet creates the request; a signer answers by writing the status, once. Unlike upstream's,
 * this strategy leaves it to the signer to check that a request is signed by its own key.
 *
 * @see Kubernetes 1.36 pkg/apis/certificates/validation/validation.go
 */
export const podCertificateRequest: Strategy = {
  create: (draft) => {
    draft.status = {};
  },
  defaults: ({ spec }) => {
    if (spec !== undefined) spec['maxExpirationSeconds'] ??= DAY_SECONDS;
  },
  validate: (object) => [
    ...missing(object, REQUIRED),
    ...lifetimeErrors(object),
    ...annotationErrors(object),
    ...decisionErrors(object),
  ],
  validateUpdate: (object, old) =>
    deepEqual(object.spec, old.spec) ? [] : [field.invalid('spec', object.spec, IMMUTABLE)],
  validateStatus: (object, old) => {
    if (listAt(old, CONDITIONS).length > 0) {
      const detail = 'immutable after PodCertificateRequest is issued, denied, or failed';
      const same = deepEqual(object.status, old.status);
      return same ? [] : [field.invalid('status', object.status, detail)];
    }
    return listAt(object, CONDITIONS).some(({ type }) => type === 'Issued')
      ? issueErrors(object)
      : [];
  },
};

const IMMUTABLE = 'field is immutable';
const CONDITIONS = 'status.conditions';
const REQUIRED = [
  ...['signerName', 'podName', 'podUID', 'serviceAccountName', 'serviceAccountUID'],
  ...['nodeName', 'nodeUID', 'stubPKCS10Request'],
];

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;
const LONGEST_SECONDS = 91 * DAY_SECONDS;
const MINUTE_MS = 60_000;

function isBlank(value: unknown): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}

function missing({ spec }: ApiObject, names: readonly string[]): readonly FieldError[] {
  return names
    .filter((name) => isBlank(spec?.[name]))
    .map((name) => field.required(`spec.${name}`));
}

/** The name of a signer's bundle contains the signer's name, and no other bundle name does. */
function bundleNameErrors(object: ApiObject): readonly FieldError[] {
  const { name = '' } = object.metadata;
  const signer = textAt(object, 'spec.signerName');
  const path = 'metadata.name';
  if (signer === '') return dnsSubdomainErrors(path, name);
  const prefix = `${signer.replaceAll('/', ':')}:`;
  if (name.startsWith(prefix)) return dnsSubdomainErrors(path, name.slice(prefix.length));
  const detail = `ClusterTrustBundle for signerName ${signer} must be named with prefix ${prefix}`;
  return [field.invalid(path, name, detail)];
}

function anchorErrors(object: ApiObject): readonly FieldError[] {
  const blocks = pemBlocks(textAt(object, 'spec.trustBundle'));
  const fail = (detail: string) => field.invalid('spec.trustBundle', '<value omitted>', detail);
  const problems = blocks.flatMap(({ label, body }, at) => {
    const problem = anchorProblem(label, body);
    return problem === undefined ? [] : [fail(`entry ${at} ${problem}`)];
  });
  if (problems.length > 0) return problems;
  if (blocks.length === 0) return [fail('at least one trust anchor must be provided')];
  const distinct = new Set(blocks.map(({ body }) => body.replaceAll(/\s/g, '')));
  return distinct.size === blocks.length ? [] : [fail('duplicate trust anchor')];
}

function anchorProblem(type: string, body: string): string | undefined {
  if (type !== 'CERTIFICATE') return `has bad block type: ${type}`;
  if (body.includes(':')) return 'has PEM block headers';
  const certificate = readCertificate(Buffer.from(body, 'base64'));
  if (certificate === undefined) return 'does not parse as X.509';
  return certificate.ca ? undefined : 'does not have the CA bit set';
}

function readCertificate(source: Buffer | string): X509Certificate | undefined {
  try {
    return new X509Certificate(source);
  } catch {
    return undefined;
  }
}

function lifetimeErrors(object: ApiObject): readonly FieldError[] {
  const seconds = Number(valueAt(object, 'spec.maxExpirationSeconds'));
  const isOwn = /(^|\.)kubernetes\.io\//.test(textAt(object, 'spec.signerName'));
  const most = isOwn ? DAY_SECONDS : LONGEST_SECONDS;
  if (seconds >= HOUR_SECONDS && seconds <= most) return [];
  const detail = `must be in the range [${HOUR_SECONDS}, ${most}]`;
  return [field.invalid('spec.maxExpirationSeconds', seconds, detail)];
}

function annotationErrors(object: ApiObject): readonly FieldError[] {
  const annotations = valueAt(object, 'spec.unverifiedUserAnnotations') ?? {};
  return Object.keys(annotations)
    .filter((key) => !key.includes('/'))
    .map((key) =>
      field.invalid('spec.unverifiedUserAnnotations', key, 'annotation key must have a prefix'),
    );
}

/** Allows at most one decision, which must be true. */
function decisionErrors(object: ApiObject): readonly FieldError[] {
  const conditions = listAt(object, CONDITIONS);
  const path = (at: number, name: string): string => `${CONDITIONS}[${at}].${name}`;
  return conditions.flatMap(({ type, status }, at) => [
    ...(['Issued', 'Denied', 'Failed'].includes(String(type))
      ? []
      : [field.invalid(path(at, 'type'), type, 'must be Issued, Denied, or Failed')]),
    ...(status === 'True' ? [] : [field.invalid(path(at, 'status'), status, 'must be True')]),
    ...(at === 0
      ? []
      : [
          field.invalid(
            path(at, 'type'),
            type,
            'There may be at most one condition with type "Issued", "Denied", or "Failed"',
          ),
        ]),
  ]);
}

function issueErrors(object: ApiObject): readonly FieldError[] {
  const chain = textAt(object, 'status.certificateChain');
  const leaf = readCertificate(chain);
  const path = 'status.certificateChain';
  if (leaf === undefined) {
    return [field.invalid(path, chain, 'leaf certificate does not parse as valid X.509')];
  }
  const timeOf = (name: string): number => Date.parse(textAt(object, `status.${name}`));
  const [notBeforeMs, notAfterMs] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
  const refreshMs = timeOf('beginRefreshAt');
  const seconds = (notAfterMs - notBeforeMs) / 1000;
  const most = Number(valueAt(object, 'spec.maxExpirationSeconds'));
  const rules: readonly (readonly [string, boolean, string])[] = [
    ['notBefore', timeOf('notBefore') === notBeforeMs, 'must be the leaf certificate’s'],
    ['notAfter', timeOf('notAfter') === notAfterMs, 'must be the leaf certificate’s'],
    ['certificateChain', seconds >= HOUR_SECONDS, 'leaf certificate lifetime must be >= 1 hour'],
    ['certificateChain', seconds <= most, 'must not outlive spec.maxExpirationSeconds'],
    [
      'beginRefreshAt',
      refreshMs >= notBeforeMs + 10 * MINUTE_MS && refreshMs <= notAfterMs - 10 * MINUTE_MS,
      'must be in the range [notbefore+10min, notafter-10min]',
    ],
  ];
  return rules.flatMap(([name, holds, detail]) =>
    holds ? [] : [field.invalid(`status.${name}`, textAt(object, `status.${name}`), detail)],
  );
}

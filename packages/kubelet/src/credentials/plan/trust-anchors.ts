import type { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';

import { type ClusterTrustBundle, selects } from '@nodeagent/kube-client';

import type { TrustBundleRef } from '../../volumes/index.js';
import { decodePem, encodePem } from '../codec/pem.js';

/** Maximum length of a selector. @see Kubernetes 1.36 pkg/kubelet/clustertrustbundle */
const SELECTOR_LIMIT = 100 * 1024;

/**
 * The certificates of all bundles that a volume refers to, without duplicates.
 *
 * Their order has no meaning, and nothing should depend on it. It follows from the salt, so it
 * stays the same until the kubelet restarts.
 *
 * @returns PEM; undefined if there is no such bundle
 * @throws {Error} for an invalid selector
 * @see Kubernetes 1.36 pkg/kubelet/clustertrustbundle/clustertrustbundle_manager.go
 */
export function trustAnchors(
  bundles: readonly ClusterTrustBundle[],
  ref: TrustBundleRef,
  salt: string,
): string | undefined {
  const chosen = bundles.filter(chooser(ref));
  if (chosen.length === 0) return undefined;
  const anchors = new Map<string, Buffer>();
  for (const { spec } of chosen) {
    for (const bytes of decodePem(spec.trustBundle)) anchors.set(digest(salt, bytes), bytes);
  }
  return [...anchors]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, bytes]) => encodePem('CERTIFICATE', bytes))
    .join('');
}

function chooser({
  name,
  signerName,
  labelSelector,
}: TrustBundleRef): (bundle: ClusterTrustBundle) => boolean {
  if (name !== undefined) return ({ metadata }) => metadata?.name === name;
  const length = JSON.stringify(labelSelector ?? {}).length;
  if (length > SELECTOR_LIMIT) {
    throw new Error(`label selector length (${length}) is larger than ${SELECTOR_LIMIT}`);
  }
  return ({ metadata, spec }) =>
    spec.signerName === signerName && selects(labelSelector, metadata?.labels);
}

function digest(salt: string, bytes: Buffer): string {
  return createHash('sha256').update(salt).update(bytes).digest('hex');
}

/** The message about a missing bundle. */
export function missingBundleText({ name }: TrustBundleRef): string {
  return name === undefined
    ? 'combination of signerName and labelSelector matched zero ClusterTrustBundles'
    : `while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "${name}" not found`;
}

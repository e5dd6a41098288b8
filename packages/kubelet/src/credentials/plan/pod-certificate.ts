import { parseTimestamp } from '@nodeagent/base';
import type { PodCertificateRequest } from '@nodeagent/kube-client';

import { decodePem, encodePem } from '../codec/pem.js';

/** A key with the certificates that were issued to it. */
export interface IssuedCertificate {
  readonly keyPem: string;
  /** The certificate itself, then what vouches for it. */
  readonly chainPem: string;
  /** When to ask for the next one; somewhat later than the signer says, see {@link LONGEST_DELAY_MS}. */
  readonly refreshAtMs: number;
  readonly notAfterMs: number;
  /** What the pod's users have been told of it already. */
  readonly told: readonly string[];
}

/** A request that waits for its signer. */
export interface AskedCertificate {
  readonly keyPem: string;
  readonly request: string;
  /** From then on, a request that is not to be seen has been deleted. */
  readonly abandonAtMs: number;
}

/**
 * One podCertificate source of one volume: nothing asked yet; asked, with the certificate in force if
 * this is not the first; issued; or refused, for the rest of the pod's life.
 */
export type CertificateState =
  | Readonly<{ kind: 'none' }>
  | Readonly<{ kind: 'asked'; asked: AskedCertificate; issued?: IssuedCertificate }>
  | Readonly<{ kind: 'issued'; issued: IssuedCertificate }>
  | Readonly<{ kind: 'refused'; how: 'denied' | 'failed'; reason: string; message: string }>;

export interface CertificateNote {
  readonly reason: string;
  readonly message: string;
}

export interface CertificateStep {
  readonly state: CertificateState;
  /** A new key and a new request are due. */
  readonly ask: boolean;
  /** For the pod's users, as warnings. */
  readonly notes: readonly CertificateNote[];
  /** Look again then, whatever happens meanwhile; absent: only when the request changes. */
  readonly againAtMs?: number;
}

export interface CertificateView {
  /** The request that the state names, as the API has it. */
  readonly request: PodCertificateRequest | undefined;
  readonly nowMs: number;
  /** In [0, 1): spreads the kubelets' requests over {@link LONGEST_DELAY_MS}. */
  readonly chance: number;
}

/** How much later than it could the kubelet may ask, so that not all ask at once. */
export const LONGEST_DELAY_MS = 5 * 60_000;
/** After this long without it, a request that was made has been deleted by somebody. */
export const LOST_AFTER_MS = 10 * 60_000;
const OVERDUE_AFTER_MS = 10 * 60_000;

/**
 * What follows from the request's state and the time.
 *
 * @see Kubernetes 1.36 pkg/kubelet/podcertificate/podcertificatemanager.go, handleProjection
 */
export function nextCertificate(state: CertificateState, view: CertificateView): CertificateStep {
  switch (state.kind) {
    case 'none':
      return { state, ask: true, notes: [] };
    case 'refused':
      return { state, ask: false, notes: [] };
    case 'issued':
      return watchAge(state, view.nowMs < state.issued.refreshAtMs ? 'wait' : 'ask', view.nowMs);
    case 'asked':
      return answered(state, view);
  }
}

type Asked = Extract<CertificateState, { kind: 'asked' }>;

function answered(state: Asked, view: CertificateView): CertificateStep {
  const { asked, issued } = state;
  const { request, nowMs } = view;
  const before: CertificateState = issued ? { kind: 'issued', issued } : { kind: 'none' };
  if (request === undefined) {
    if (nowMs >= asked.abandonAtMs) return { state: before, ask: true, notes: [] };
    return earlier(watchAge(state, 'wait', nowMs), asked.abandonAtMs);
  }
  for (const { type, reason, message } of request.status?.conditions ?? []) {
    if (type === 'Issued') return issue(asked, request, view);
    if (type !== 'Denied' && type !== 'Failed') continue;
    const how = type === 'Denied' ? 'denied' : 'failed';
    const { namespace = '', name = '' } = request.metadata ?? {};
    const verb = how === 'denied' ? 'was denied' : 'failed';
    const text = `PodCertificateRequest ${namespace}/${name} ${verb}, reason=${JSON.stringify(reason)}, message=${JSON.stringify(message)}`;
    const note = { reason: type, message: text };
    return { state: { kind: 'refused', how, reason, message }, ask: false, notes: [note] };
  }
  return watchAge(state, 'wait', nowMs);
}

function issue(
  { keyPem }: AskedCertificate,
  { status }: PodCertificateRequest,
  { chance, nowMs }: CertificateView,
): CertificateStep {
  const timeOf = (text: string | undefined): number => parseTimestamp(text ?? '') ?? nowMs;
  const chain = decodePem(status?.certificateChain ?? '');
  const issued: IssuedCertificate = {
    keyPem,
    chainPem: chain.map((bytes) => encodePem('CERTIFICATE', bytes)).join(''),
    refreshAtMs: timeOf(status?.beginRefreshAt) + chance * LONGEST_DELAY_MS,
    notAfterMs: timeOf(status?.notAfter),
    told: [],
  };
  return watchAge({ kind: 'issued', issued }, 'wait', nowMs);
}

/** Tells, once each, that the certificate in force should have been renewed, and that it is over. */
function watchAge(
  state: Exclude<CertificateState, { kind: 'none' | 'refused' }>,
  todo: 'wait' | 'ask',
  nowMs: number,
): CertificateStep {
  const ask = todo === 'ask';
  const { issued } = state;
  if (issued === undefined) return { state, ask, notes: [] };
  const notes = dueNotes(issued).filter(({ atMs }) => nowMs >= atMs);
  const untold = notes.filter(({ reason }) => !issued.told.includes(reason));
  const told = [...issued.told, ...untold.map(({ reason }) => reason)];
  const times = [issued.refreshAtMs, ...dueNotes(issued).map(({ atMs }) => atMs)];
  const next = Math.min(...times.filter((atMs) => atMs > nowMs));
  return {
    state: untold.length === 0 ? state : { ...state, issued: { ...issued, told } },
    ask,
    notes: untold.map(({ reason, message }) => ({ reason, message })),
    ...(Number.isFinite(next) && { againAtMs: next }),
  };
}

function dueNotes({ refreshAtMs, notAfterMs }: IssuedCertificate) {
  return [
    {
      atMs: refreshAtMs + OVERDUE_AFTER_MS,
      reason: 'CertificateOverdueForRefresh',
      message: 'PodCertificate refresh overdue',
    },
    { atMs: notAfterMs, reason: 'CertificateExpired', message: 'PodCertificate expired' },
  ];
}

function earlier(step: CertificateStep, atMs: number): CertificateStep {
  return { ...step, againAtMs: Math.min(step.againAtMs ?? atMs, atMs) };
}

/** What the files of a volume are made of. @returns undefined before the first one is issued */
export function certificateInForce(state: CertificateState): IssuedCertificate | undefined {
  return state.kind === 'asked' || state.kind === 'issued' ? state.issued : undefined;
}

/** Why a volume has no files: what its users are told. */
export function missingCertificateText(state: CertificateState): string {
  if (state.kind !== 'refused') return 'credential bundle is not issued yet';
  const { how, reason, message } = state;
  return `PodCertificateRequest was permanently ${how}: reason=${JSON.stringify(reason)} message=${JSON.stringify(message)}`;
}

/** The state's name in metrics. */
export function certificateMetricState(state: CertificateState, nowMs: number): string {
  if (state.kind === 'refused') return state.how;
  const issued = certificateInForce(state);
  if (issued === undefined) return 'not_yet_issued';
  if (nowMs > issued.notAfterMs) return 'expired';
  return nowMs > issued.refreshAtMs + OVERDUE_AFTER_MS ? 'overdue_for_refresh' : 'fresh';
}

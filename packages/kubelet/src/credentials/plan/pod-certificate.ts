import { parseTimestamp } from '@nodeagent/base';
import type { PodCertificateRequest } from '@nodeagent/kube-client';

import { decodePem, encodePem } from '../codec/pem.js';

/** A key with the certificate issued for it. */
export interface IssuedCertificate {
  readonly keyPem: string;
  /** The certificate, followed by its intermediate certificates. */
  readonly chainPem: string;
  /**
   * The time of the next request: the signer's refresh time plus up to {@link LONGEST_DELAY_MS}.
   */
  readonly refreshAtMs: number;
  readonly notAfterMs: number;
  /** Reasons of the warnings that the pod already got about this certificate. */
  readonly reported: readonly string[];
}

/** A request that waits for its signer. */
export interface AskedCertificate {
  readonly keyPem: string;
  readonly request: string;
  /** After this time, a request that cannot be found counts as deleted. */
  readonly abandonAtMs: number;
}

/**
 * State of one podCertificate source of a volume: nothing requested; requested, with the current
 * certificate unless it is the first request; issued; or refused, for the rest of the pod's life.
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
  /** Warnings for the pod's users. */
  readonly notes: readonly CertificateNote[];
  /** Latest time of the next step; absent: only when the request changes. */
  readonly againAtMs?: number;
}

export interface CertificateView {
  /** The request that the state names, as the API has it. */
  readonly request: PodCertificateRequest | undefined;
  readonly nowMs: number;
  /** In [0, 1): spreads the requests of kubelets over {@link LONGEST_DELAY_MS}. */
  readonly chance: number;
}

/**
 * Maximum delay of a request after its due time, so that not all kubelets send requests at once.
 */
export const LONGEST_DELAY_MS = 5 * 60_000;
/** After this long, a request that the kubelet created but cannot find counts as deleted. */
export const LOST_AFTER_MS = 10 * 60_000;
const OVERDUE_AFTER_MS = 10 * 60_000;

/**
 * Computes the next step from the request's state and the time.
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
    reported: [],
  };
  return watchAge({ kind: 'issued', issued }, 'wait', nowMs);
}

/** Warns once when the current certificate is overdue for renewal, and once when it has expired. */
function watchAge(
  state: Exclude<CertificateState, { kind: 'none' | 'refused' }>,
  todo: 'wait' | 'ask',
  nowMs: number,
): CertificateStep {
  const ask = todo === 'ask';
  const { issued } = state;
  if (issued === undefined) return { state, ask, notes: [] };
  const notes = dueNotes(issued).filter(({ atMs }) => nowMs >= atMs);
  const unreported = notes.filter(({ reason }) => !issued.reported.includes(reason));
  const reported = [...issued.reported, ...unreported.map(({ reason }) => reason)];
  const times = [issued.refreshAtMs, ...dueNotes(issued).map(({ atMs }) => atMs)];
  const next = Math.min(...times.filter((atMs) => atMs > nowMs));
  return {
    state: unreported.length === 0 ? state : { ...state, issued: { ...issued, reported } },
    ask,
    notes: unreported.map(({ reason, message }) => ({ reason, message })),
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

/** The certificate in the volume's files. @returns undefined before the first one is issued */
export function certificateInForce(state: CertificateState): IssuedCertificate | undefined {
  return state.kind === 'asked' || state.kind === 'issued' ? state.issued : undefined;
}

/** The message that explains why a volume has no files. */
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

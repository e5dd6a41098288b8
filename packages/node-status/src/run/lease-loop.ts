import { type BackoffState, isAborted, jittered, nextBackoff } from '@nodeagent/base';
import { isKubeError, type Lease, LEASES, NODES } from '@nodeagent/kube-client';

import { LEASE_NAMESPACE, needsOwner, nextLease } from '../plan/lease.js';
import { type Context, withDeadline } from './context.js';

/** The lease is renewed after this share of its duration. */
const RENEW_SHARE = 0.25;
const PERIOD_JITTER = 0.04;
/** Number of tries for one renewal, without pauses between them. */
const MAX_TRIES = 5;
const RETRY = { initialMs: 200, maxMs: 7000 };

/** Renews the lease at once and then four times within its duration. */
export async function runLeaseLoop(context: Context, signal: AbortSignal): Promise<void> {
  const { clock, random, config } = context.options;
  const periodMs = config.leaseDurationSeconds * 1000 * RENEW_SHARE;
  let known: Lease | undefined;
  while (!signal.aborted) {
    known = await renewedLease(context, known, signal);
    await clock.sleep(jittered(periodMs, PERIOD_JITTER, random), signal);
  }
}

/** @returns the lease as the API has it now; undefined when the renewal failed */
async function renewedLease(
  context: Context,
  known: Lease | undefined,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const renewed = known === undefined ? undefined : await renew(context, known, signal);
  if (renewed !== undefined) return renewed;
  const ensured = await ensureLease(context, signal);
  if (ensured === undefined || ensured.how === 'created') return ensured?.lease;
  return renew(context, ensured.lease, signal);
}

async function renew(
  context: Context,
  lease: Lease,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const { client, log } = context.options;
  let base = lease;
  for (let tries = 1; tries <= MAX_TRIES && !signal.aborted; tries += 1) {
    try {
      const next = await planLease(context, base, signal);
      return await withDeadline(
        context,
        (inner) => client.replace(LEASES, next, {}, inner),
        signal,
      );
    } catch (error) {
      if (isAborted(signal)) return undefined;
      log.warn({ tries, err: error }, 'cannot renew the node lease');
      if (!isKubeError(error, 'KUBE_CONFLICT')) continue;
      const ensured = await ensureLease(context, signal);
      if (ensured !== undefined) base = ensured.lease;
    }
  }
  return undefined;
}

interface Ensured {
  readonly how: 'found' | 'created';
  readonly lease: Lease;
}

/** Gets or creates the lease, however long that takes. */
async function ensureLease(context: Context, signal: AbortSignal): Promise<Ensured | undefined> {
  const { clock, log } = context.options;
  let failed: BackoffState | undefined;
  while (!signal.aborted) {
    try {
      return await findOrCreate(context, signal);
    } catch (error) {
      if (isAborted(signal)) return undefined;
      failed = nextBackoff(failed, RETRY, clock.monotonicMs());
      log.warn({ retryInMs: failed.delayMs, err: error }, 'cannot get or create the node lease');
      await clock.sleep(failed.delayMs, signal);
    }
  }
  return undefined;
}

async function findOrCreate(context: Context, signal: AbortSignal): Promise<Ensured> {
  const { client, config } = context.options;
  const name = { namespace: LEASE_NAMESPACE, name: config.nodeName };
  try {
    const lease = await withDeadline(context, (inner) => client.get(LEASES, name, inner), signal);
    return { how: 'found', lease };
  } catch (error) {
    if (!isKubeError(error, 'KUBE_NOT_FOUND')) throw error;
  }
  const next = await planLease(context, undefined, signal);
  const lease = await withDeadline(context, (inner) => client.create(LEASES, next, inner), signal);
  return { how: 'created', lease };
}

async function planLease(
  context: Context,
  previous: Lease | undefined,
  signal: AbortSignal,
): Promise<Lease> {
  const { client, config, clock } = context.options;
  const name = { name: config.nodeName };
  const owner = needsOwner(previous)
    ? await withDeadline(context, (inner) => client.get(NODES, name, inner), signal)
    : undefined;
  return nextLease(previous, { config, owner }, clock.nowMs());
}

import {
  backoffLeftMs,
  type BackoffState,
  type Clock,
  formatGoDuration,
  type Logger,
  nextBackoff,
} from '@nodeagent/base';
import {
  type Image,
  type ImageService,
  isCriError,
  type SandboxConfig,
} from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';

import type { PullCredential, PullCredentials } from '../../credentials/index.js';
import { type PodEvents, podUid, StartError } from '../../pod/index.js';
import { Gate } from '../../workers/run/index.js';
import type { PullOwner } from '../codec/pull-record.js';
import type { ImageUser } from '../model/image-user.js';
import type { PullRules } from '../model/pull-rules.js';
import { type ImageName, parseImageName } from '../plan/image-name.js';
import { type PullBudget, takePull } from '../plan/pull-budget.js';
import { credentialHash } from '../plan/pull-verification.js';
import type { PullHistory, PullRecordFiles } from '../ports.js';
import type { EnsureReport, PullMeter } from './pull-metrics.js';
import { type KnownImage, PullRecords } from './pull-records.js';

export interface ImagesPorts {
  readonly images: ImageService;
  readonly credentials: PullCredentials;
  readonly events: PodEvents;
  /** Without it, pulls are not measured. */
  readonly pulls?: Pick<PullMeter, 'pulled' | 'ensured' | 'checked' | 'recorded'> | undefined;
  /** Storage of pull records; required for verification. */
  readonly records?: PullRecordFiles | undefined;
  /** Called when a pull fails because the disk is full. */
  readonly onNoSpace?: (() => void) | undefined;
  /** Called once, if pulls are recorded. */
  readonly onRecords?: ((history: PullHistory) => void) | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface PulledImage extends ImageUser {
  /** The image id from which containers are created. */
  readonly ref: string;
}

const BACKOFF = { initialMs: 10_000, maxMs: 300_000, resetAfterMs: 600_000 };

interface Failure {
  readonly backoff: BackoffState;
  readonly error: StartError;
}

/** A request for the image of a container or of a volume. */
export interface ImageRequest {
  readonly pod: Pod;
  /** The image as the pod names it. */
  readonly image: string;
  /** Absent: the default for the image's tag. */
  readonly policy?: string | undefined;
  /** The container that events name; events are about the whole pod if it is absent. */
  readonly container?: string;
  readonly sandbox: SandboxConfig;
}

/** Known of a request so far. */
type Seen = { -readonly [K in keyof EnsureReport]: EnsureReport[K] };
type Named = ImageRequest & ImageName & Readonly<{ credentials: () => Promise<Found> }>;
type Found = readonly PullCredential[];

interface Pulled {
  readonly ref: string;
  readonly startedMs: number;
  readonly grant: PullOwner | 'node';
}

/**
 * Makes images present according to their pull policy, and reports to users with events.
 *
 * @see Kubernetes 1.36 pkg/kubelet/images/image_manager.go
 */
export class Images {
  readonly #ports: ImagesPorts;
  readonly #rules: PullRules;
  readonly #records: PullRecords | undefined;
  readonly #gate: Gate | undefined;
  /** By pod and image; at most one entry per container that cannot start. */
  readonly #failures = new Map<string, Failure>();
  #budget: PullBudget | undefined;

  constructor(ports: ImagesPorts, rules: PullRules) {
    this.#ports = ports;
    this.#rules = rules;
    const { records: files, images, clock, log } = ports;
    const { verification } = rules;
    if (files !== undefined && verification !== undefined) {
      const meter = ports.pulls;
      const pullRecords = new PullRecords({ files, images, clock, log, meter }, verification);
      this.#records = pullRecords;
      ports.onRecords?.(pullRecords);
    }
    this.#gate = rules.concurrency === undefined ? undefined : new Gate(rules.concurrency);
  }

  /** @throws {StartError} with the reason that users see */
  async ensure(request: ImageRequest, signal: AbortSignal): Promise<PulledImage> {
    const seen: Seen = { policy: request.policy ?? '' };
    try {
      return await this.#ensure(request, seen, signal);
    } finally {
      this.#ports.pulls?.ensured(seen);
    }
  }

  async #ensure(request: ImageRequest, seen: Seen, signal: AbortSignal): Promise<PulledImage> {
    const { image } = request;
    const name = parseImageName(image);
    if (typeof name === 'string') {
      const message = `Failed to apply default image tag ${JSON.stringify(image)}: couldn't parse image name ${JSON.stringify(image)}: ${name}`;
      this.#warn(request, 'InspectFailed', message);
      throw new StartError('InvalidImageName', message);
    }
    let found: Promise<Found> | undefined;
    const wanted: Named = {
      ...request,
      ...name,
      // Fetched once, and only when needed: a credential provider may be slow.
      credentials: () =>
        (found ??= this.#ports.credentials.forImage(request.pod, name.repository, signal)),
    };
    const policy = request.policy ?? defaultPolicy(name.reference);
    seen.policy = policy;
    if (policy !== 'Always') {
      const present = await this.#inspect(wanted, signal);
      seen.presentLocally = present !== undefined;
      if (present !== undefined && (await this.#mayUse(wanted, present, signal))) {
        seen.pullRequired = false;
        this.#failures.delete(failureKey(wanted));
        const verified = this.#records === undefined ? '' : ' and can be accessed by the pod';
        const text = `Container image ${JSON.stringify(image)} already present on machine${verified}`;
        this.#note(wanted, 'Pulled', text);
        return { ref: present.id, uid: present.uid, username: present.username };
      }
      if (policy === 'Never') {
        const text = `Container image ${JSON.stringify(image)} is not present with pull policy of Never`;
        this.#warn(wanted, 'ErrImageNeverPull', text);
        throw new StartError('ErrImageNeverPull', text);
      }
    }
    seen.pullRequired = true;
    return this.#pull(wanted, signal);
  }

  #note({ pod, container }: ImageRequest, reason: string, text: string): void {
    this.#ports.events.normal(pod, reason, text, container);
  }

  #warn({ pod, container }: ImageRequest, reason: string, text: string): void {
    this.#ports.events.warning(pod, reason, text, container);
  }

  async #inspect(wanted: Named, signal: AbortSignal): Promise<Image | undefined> {
    try {
      return await this.#ports.images.imageStatus({ image: wanted.reference }, signal);
    } catch (cause) {
      signal.throwIfAborted();
      const text = `Failed to inspect image ${JSON.stringify(wanted.image)}: ${detailOf(cause)}`;
      this.#warn(wanted, 'InspectFailed', text);
      throw new StartError('ImageInspectError', text, { cause });
    }
  }

  /** A present image may have been pulled with credentials that this pod does not have. */
  async #mayUse(wanted: Named, found: Image, signal: AbortSignal): Promise<boolean> {
    if (this.#records === undefined) return true;
    const ownersOf = async (): Promise<readonly PullOwner[]> => {
      const known = await wanted.credentials();
      return known.flatMap((credential) => ownerOf(credential) ?? []);
    };
    return !(await this.#records.mustPull(recordName(wanted), found.id, ownersOf, signal));
  }

  async #pull(wanted: Named, signal: AbortSignal): Promise<PulledImage> {
    const { clock } = this.#ports;
    const image = JSON.stringify(wanted.image);
    const key = failureKey(wanted);
    const earlier = this.#failures.get(key);
    if (earlier !== undefined && backoffLeftMs(earlier.backoff, clock.monotonicMs()) > 0) {
      const text = `Back-off pulling image ${image}`;
      this.#note(wanted, 'BackOff', text);
      const { reason, message } = earlier.error;
      throw new StartError('ImagePullBackOff', `${text}: ${reason}: ${message}`);
    }
    this.#note(wanted, 'Pulling', `Pulling image ${image}`);
    const queuedMs = clock.monotonicMs();
    try {
      const { ref, startedMs, grant } = await this.#recorded(wanted, signal);
      const endedMs = clock.monotonicMs();
      const found = await this.#inspect(wanted, signal);
      await this.#records?.succeeded(recordName(wanted), found?.id ?? ref, grant);
      this.#failures.delete(key);
      const sizeBytes = found?.sizeBytes ?? 0;
      this.#ports.pulls?.pulled(wanted.pod, { startedMs, endedMs, sizeBytes });
      const [took, total] = [endedMs - startedMs, endedMs - queuedMs].map((ms) =>
        formatGoDuration(Math.round(ms)),
      );
      const text = `Successfully pulled image ${image} in ${took} (${total} including waiting). Image size: ${sizeBytes} bytes.`;
      this.#note(wanted, 'Pulled', text);
      return { ref, uid: found?.uid, username: found?.username };
    } catch (cause) {
      signal.throwIfAborted();
      const error = cause instanceof StartError ? cause : pullError(cause, wanted.image);
      if (/no space left on device|disk quota exceeded/i.test(error.message)) {
        this.#ports.onNoSpace?.();
      }
      this.#warn(wanted, 'Failed', `Failed to pull image ${image}: ${error.message}`);
      const nowMs = clock.monotonicMs();
      this.#failures.set(key, { backoff: nextBackoff(earlier?.backoff, BACKOFF, nowMs), error });
      throw error;
    }
  }

  /** Writes the intent to disk before the pull starts. */
  async #recorded(wanted: Named, signal: AbortSignal): Promise<Pulled> {
    const name = recordName(wanted);
    try {
      await this.#records?.begin(name, signal);
    } catch (cause) {
      signal.throwIfAborted();
      const text = `Failed to record image pull intent for container image ${JSON.stringify(wanted.image)}: ${detailOf(cause)}`;
      throw new StartError('ErrImagePull', text, { cause });
    }
    try {
      return await this.#queued(wanted, signal);
    } catch (error) {
      await this.#records?.failed(name);
      throw error;
    }
  }

  async #queued(wanted: Named, signal: AbortSignal): Promise<Pulled> {
    const { clock } = this.#ports;
    const { qps, burst } = this.#rules;
    if (qps > 0) {
      const budget = takePull(this.#budget, { qps, burst }, clock.monotonicMs());
      if (budget === undefined) throw new StartError('ErrImagePull', 'pull QPS exceeded');
      this.#budget = budget;
    }
    const work = async (): Promise<Pulled> => {
      const startedMs = clock.monotonicMs();
      return { ...(await this.#tryAll(wanted, signal)), startedMs };
    };
    return this.#gate === undefined ? work() : this.#gate.through(work, signal);
  }

  /** Tries each credential in turn; the last failure is reported. */
  async #tryAll(wanted: Named, signal: AbortSignal): Promise<Omit<Pulled, 'startedMs'>> {
    const { images } = this.#ports;
    const { sandbox: sandboxConfig, reference } = wanted;
    const found = await wanted.credentials();
    const image = { image: reference, userSpecifiedImage: wanted.image };
    let failure: unknown;
    for (const credential of found.length === 0 ? [undefined] : found) {
      try {
        const auth = credential?.auth;
        const ref = await images.pullImage({ image, auth, sandboxConfig }, signal);
        return { ref, grant: (credential && ownerOf(credential)) ?? 'node' };
      } catch (error) {
        signal.throwIfAborted();
        failure = error;
      }
    }
    throw failure;
  }
}

function recordName({ reference, repository }: Named): KnownImage {
  return { image: reference, repository };
}

/** Undefined for a credential of the node. */
function ownerOf({ auth, secret, serviceAccount }: PullCredential): PullOwner | undefined {
  if (secret === undefined) return serviceAccount;
  return { ...secret, credentialHash: credentialHash(auth) };
}

function failureKey({ pod, reference }: Named): string {
  return `${podUid(pod)}_${reference}`;
}

/** The API server fills in this default, but a static pod's manifest may lack it. */
function defaultPolicy(reference: string): string {
  return reference.endsWith(':latest') ? 'Always' : 'IfNotPresent';
}

function pullError(cause: unknown, image: string): StartError {
  const detail = detailOf(cause);
  const special = /^(RegistryUnavailable|SignatureValidationFailed)(.*)$/s.exec(detail);
  if (special === null) return new StartError('ErrImagePull', detail, { cause });
  const [, reason = '', rest = ''] = special;
  const why =
    reason === 'RegistryUnavailable'
      ? 'the registry is unavailable'
      : 'the signature validation failed';
  return new StartError(reason, `image pull failed for ${image} because ${why}${rest}`, { cause });
}

/** The runtime's own error message, without our prefix. */
export function detailOf(error: unknown): string {
  if (isCriError(error)) return error.detail;
  return error instanceof Error ? error.message : String(error);
}

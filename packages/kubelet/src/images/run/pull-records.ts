import { type Clock, cutAt, formatTimestamp, type Logger, parseTimestamp } from '@nodeagent/base';
import type { Image, ImageService } from '@nodeagent/cri-client';

import { Gate } from '../../workers/run/index.js';
import {
  parseIntent,
  parseRecord,
  type PulledRecord,
  type PullOwner,
  renderIntent,
  renderRecord,
} from '../codec/pull-record.js';
import {
  needsVerification,
  verdictOf,
  type VerificationRules,
  withGrant,
} from '../plan/pull-verification.js';
import type { PullHistory, PullRecordFiles } from '../ports.js';
import { countPullRecords } from './counted-pull-records.js';
import type { MustPullResult, PullMeter } from './pull-metrics.js';
import { rememberPullRecords } from './remembered-pull-records.js';

export interface PullRecordsPorts {
  readonly files: PullRecordFiles;
  readonly images: Pick<ImageService, 'listImages'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Without it, nothing is counted. */
  readonly meter?: Pick<PullMeter, 'checked' | 'recorded'> | undefined;
}

export interface KnownImage {
  /** The image as pods name it, with its tag. */
  readonly image: string;
  /** Its name without tag and digest. */
  readonly repository: string;
}

/**
 * Records on disk which images were pulled and with whose credentials, so that an image of a
 * private registry is usable only by pods with credentials for it. An intent is written before each
 * pull: after a crash during the pull, the next kubelet can tell the image from one preloaded on
 * the node.
 *
 * @see Kubernetes 1.36 pkg/kubelet/images/pullmanager
 */
export class PullRecords implements PullHistory {
  readonly #ports: PullRecordsPorts;
  readonly #rules: VerificationRules;
  /** Number of pulls in progress by image; the last one to end removes the intent. */
  readonly #pulling = new Map<string, number>();
  readonly #turn = new Gate(1);
  #recovered: Promise<void> | undefined;

  constructor(ports: PullRecordsPorts, rules: VerificationRules) {
    const { files, meter } = ports;
    const counted = meter === undefined ? files : countPullRecords(files, meter);
    this.#ports = { ...ports, files: rememberPullRecords(counted) };
    this.#rules = rules;
  }

  /** @throws if the intent cannot be written; the image must not be pulled then */
  async begin({ image }: KnownImage, signal: AbortSignal): Promise<void> {
    await this.#recover(signal);
    await this.#turn.through(
      () => this.#ports.files.write('pulling', image, renderIntent(image)),
      signal,
    );
    this.#pulling.set(image, (this.#pulling.get(image) ?? 0) + 1);
  }

  /** Ends a pull that failed. */
  async failed({ image }: KnownImage): Promise<void> {
    await this.#end(image);
  }

  /**
   * @param grant owner of the credentials; `node` for an anonymous pull or the node's credentials
   */
  async succeeded(
    { image, repository }: KnownImage,
    imageRef: string,
    grant: PullOwner | 'node',
  ): Promise<void> {
    try {
      await this.#add({ imageRef, repository, grant });
    } catch (err) {
      // The intent stays: the image still counts as pulled by the kubelet, so pods must show
      // credentials.
      this.#ports.log.warn({ image, err }, 'cannot write the record of a pulled image');
      return;
    }
    await this.#end(image);
  }

  /**
   * Decides whether a pod must pull an image that is already present.
   *
   * @param ownersOf looks up the pod's credentials for the image; called only if they matter
   */
  async mustPull(
    known: KnownImage,
    imageRef: string,
    ownersOf: () => Promise<readonly PullOwner[]>,
    signal: AbortSignal,
  ): Promise<boolean> {
    let result: MustPullResult = 'error';
    try {
      result = await this.#check(known, { imageRef, ownersOf }, signal);
    } finally {
      this.#ports.meter?.checked(result);
    }
    return result === 'mustAuthenticate';
  }

  /**
   * Removes the records of images that are gone. No record is added meanwhile, so every record is of
   * an image that was there before the images are listed.
   */
  async prune(signal: AbortSignal): Promise<void> {
    const { files, images } = this.#ports;
    await this.#recover(signal);
    await this.#turn.through(async () => {
      const records = await files.texts('pulled');
      if (records.length === 0) return;
      await this.#dropUnknown(records, await images.listImages({}, signal));
    }, signal);
  }

  async agesMs(): Promise<ReadonlyMap<string, number>> {
    const { files, clock } = this.#ports;
    const records = (await files.texts('pulled')).flatMap((text) => parseRecord(text) ?? []);
    const nowMs = clock.nowMs();
    return new Map(
      records.map(({ imageRef, lastUpdatedTime }) => {
        const ageMs = nowMs - (parseTimestamp(lastUpdatedTime) ?? nowMs);
        return [imageRef, Math.max(0, ageMs)];
      }),
    );
  }

  async #dropUnknown(records: readonly string[], present: readonly Image[]): Promise<void> {
    const ids = new Set(present.map(({ id }) => id));
    for (const { imageRef } of records.flatMap((text) => parseRecord(text) ?? [])) {
      if (!ids.has(imageRef)) await this.#ports.files.remove('pulled', imageRef);
    }
  }

  async #check(
    { image, repository }: KnownImage,
    {
      imageRef,
      ownersOf,
    }: Readonly<{ imageRef: string; ownersOf: () => Promise<readonly PullOwner[]> }>,
    signal: AbortSignal,
  ): Promise<MustPullResult> {
    if (this.#rules.policy === 'NeverVerify') return 'credentialPolicyAllowed';
    await this.#recover(signal);
    const { files, log } = this.#ports;
    const text = await files.read('pulled', imageRef);
    const record = text === undefined ? undefined : parseRecord(text);
    if (text !== undefined && record === undefined) {
      log.warn(
        { image, imageRef },
        'cannot parse the record of a pulled image; pulling the image again',
      );
      return 'mustAuthenticate';
    }
    const pulledByKubelet =
      record !== undefined || (await files.read('pulling', image)) !== undefined;
    const needs = needsVerification(this.#rules, { repository, pulledByKubelet });
    if (!needs) return 'credentialPolicyAllowed';
    if (record === undefined) return 'mustAuthenticate';
    const { granted, learnt } = verdictOf(record, repository, await ownersOf());
    if (learnt !== undefined) await this.#add({ imageRef, repository, grant: learnt });
    return granted ? 'credentialRecordFound' : 'mustAuthenticate';
  }

  async #add(pulled: {
    imageRef: string;
    repository: string;
    grant: PullOwner | 'node' | undefined;
  }): Promise<void> {
    const { files, clock } = this.#ports;
    const never = new AbortController().signal; // a completed pull is always recorded
    await this.#turn.through(async () => {
      const text = await files.read('pulled', pulled.imageRef);
      const before: PulledRecord | undefined = text === undefined ? undefined : parseRecord(text);
      const after = withGrant(before, pulled, formatTimestamp(clock.nowMs()));
      if (after !== before) await files.write('pulled', pulled.imageRef, renderRecord(after));
    }, never);
  }

  async #end(image: string): Promise<void> {
    const left = (this.#pulling.get(image) ?? 1) - 1;
    if (left > 0) {
      this.#pulling.set(image, left);
      return;
    }
    this.#pulling.delete(image);
    await this.#ports.files.remove('pulling', image);
  }

  /**
   * Runs once: handles intents of a kubelet that died, and removes records of images that are gone.
   */
  #recover(signal: AbortSignal): Promise<void> {
    this.#recovered ??= this.#reconcile(signal).catch((error: unknown) => {
      this.#recovered = undefined;
      throw error;
    });
    return this.#recovered;
  }

  async #reconcile(signal: AbortSignal): Promise<void> {
    const { files, images } = this.#ports;
    const [intents, records] = await Promise.all([files.texts('pulling'), files.texts('pulled')]);
    if (intents.length + records.length === 0) return;
    const present = await images.listImages({}, signal);
    for (const image of intents.flatMap((text) => parseIntent(text) ?? [])) {
      const found = present.find((candidate) => namesOf(candidate).includes(image));
      if (found === undefined) continue;
      const repository = repositoryOf(image);
      await this.#add({ imageRef: found.id, repository, grant: undefined });
      await files.remove('pulling', image);
    }
    await this.#dropUnknown(records, present);
  }
}

function namesOf({ repoTags, repoDigests }: Image): readonly string[] {
  return [...repoTags, ...repoDigests];
}

/** An image's name without tag and digest. */
function repositoryOf(image: string): string {
  const [name] = cutAt(image, '@');
  const colon = name.lastIndexOf(':');
  return colon > name.lastIndexOf('/') ? name.slice(0, colon) : name;
}

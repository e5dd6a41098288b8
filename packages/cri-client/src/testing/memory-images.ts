import type { Clock } from '@nodeagent/base';

import { CriError } from '../model/errors.js';
import type {
  Image,
  ImageFilesystems,
  ImageFilter,
  ImageSpec,
  RegistryAuth,
} from '../model/image.js';
import type { DebugInfo, ImageService, PullImageRequest } from '../ports.js';
import type { MemoryCalls } from './memory-calls.js';

/** The image's facts in the simulated registry, and who may pull it. */
export interface PublishOptions {
  readonly image?: Partial<Image>;
  /** Decides which credentials may pull; all may when absent. */
  readonly allow?: (auth: RegistryAuth | undefined) => boolean;
}

interface Published {
  readonly image: Image;
  readonly allow: (auth: RegistryAuth | undefined) => boolean;
}

/** An in-memory ImageService with a simulated registry. */
export class MemoryImages implements ImageService {
  /** The answer of `imageFsInfo`, apart from the time. */
  filesystems = { mountpoint: '/var/lib/containers', usedBytes: 0, inodesUsed: 0 };
  readonly #clock: Clock;
  readonly #calls: MemoryCalls;
  readonly #present = new Map<string, Image>();
  readonly #registry = new Map<string, Published>();
  #made = 0;

  constructor(clock: Clock, calls: MemoryCalls) {
    this.#clock = clock;
    this.#calls = calls;
  }

  /** Makes an image pullable. @returns the image in the form it will have once pulled */
  publish(reference: string, { image = {}, allow = () => true }: PublishOptions = {}): Image {
    const published = this.#make(reference, image);
    this.#registry.set(normalizeReference(reference), { image: published, allow });
    return published;
  }

  /** Removes an image from the registry; pulled images stay on the node. */
  unpublish(reference: string): void {
    this.#registry.delete(normalizeReference(reference));
  }

  /** Puts an image on the node, as if pulled or imported before. */
  add(reference: string, image: Partial<Image> = {}): Image {
    const made = this.#make(reference, image);
    this.#present.set(made.id, made);
    return made;
  }

  /** Finds the image on the node that a tag, a digest reference or an id names. */
  find(name: string): Image | undefined {
    const wanted = normalizeReference(name);
    for (const image of this.#present.values()) {
      const id = image.id.replace(/^sha256:/, '');
      if (name === image.id || name === id) return image;
      if (image.repoTags.includes(wanted) || image.repoDigests.includes(wanted)) return image;
    }
    return undefined;
  }

  async listImages(filter: ImageFilter, signal: AbortSignal): Promise<readonly Image[]> {
    await this.#calls.enter('listImages', filter, signal);
    if (filter.image === undefined) return [...this.#present.values()];
    const found = this.find(filter.image.image);
    return found === undefined ? [] : [found];
  }

  async *streamImages(filter: ImageFilter, signal: AbortSignal): AsyncIterable<readonly Image[]> {
    await this.#calls.enter('streamImages', filter, signal);
    for (const image of this.#present.values()) yield [image];
  }

  async imageStatus(image: ImageSpec, signal: AbortSignal): Promise<Image | undefined> {
    await this.#calls.enter('imageStatus', image, signal);
    return this.find(image.image);
  }

  async imageInfo(image: ImageSpec, signal: AbortSignal): Promise<DebugInfo> {
    await this.#calls.enter('imageInfo', image, signal);
    const found = this.find(image.image);
    return found === undefined ? {} : { info: JSON.stringify({ id: found.id }) };
  }

  async pullImage(request: PullImageRequest, signal: AbortSignal): Promise<string> {
    await this.#calls.enter('pullImage', request, signal);
    const reference = normalizeReference(request.image.image);
    const published = this.#registry.get(reference);
    const failed = (code: 'CRI_NOT_FOUND' | 'CRI_UNKNOWN', why: string): CriError =>
      new CriError(code, `failed to pull image "${reference}": ${why}`, {
        method: 'ImageService/PullImage',
      });
    if (published === undefined) throw failed('CRI_NOT_FOUND', 'not found');
    if (!published.allow(request.auth)) throw failed('CRI_UNKNOWN', '401 Unauthorized');
    this.#present.set(published.image.id, published.image);
    return published.image.id;
  }

  async removeImage(image: ImageSpec, signal: AbortSignal): Promise<void> {
    await this.#calls.enter('removeImage', image, signal);
    const found = this.find(image.image);
    if (found !== undefined) this.#present.delete(found.id);
  }

  async imageFsInfo(signal: AbortSignal): Promise<ImageFilesystems> {
    await this.#calls.enter('imageFsInfo', undefined, signal);
    return { images: [{ atMs: this.#clock.nowMs(), ...this.filesystems }], containers: [] };
  }

  #make(reference: string, more: Partial<Image>): Image {
    this.#made += 1;
    const digest = this.#made.toString(16).padStart(64, 'd');
    const name = normalizeReference(reference);
    const [tagless = name] = name.split('@');
    const colon = tagless.lastIndexOf(':');
    const isTag = colon > tagless.lastIndexOf('/');
    const repository = isTag ? tagless.slice(0, colon) : tagless;
    const tagged = !name.includes('@');
    return {
      id: `sha256:${this.#made.toString(16).padStart(64, 'e')}`,
      repoTags: tagged ? [name] : [],
      repoDigests: [tagged ? `${repository}@sha256:${digest}` : name],
      sizeBytes: 1_000_000,
      pinned: false,
      ...more,
    };
  }
}

/**
 * Returns the full name that runtimes use: `busybox` becomes `docker.io/library/busybox:latest`.
 * Ids stay as they are.
 */
export function normalizeReference(name: string): string {
  if (/^(sha256:)?[0-9a-f]{64}$/.test(name)) return name;
  const slash = name.indexOf('/');
  const host = slash === -1 ? '' : name.slice(0, slash);
  const hasHost = /[.:]/.test(host) || host === 'localhost';
  const path = hasHost ? name : `docker.io/${slash === -1 ? 'library/' : ''}${name}`;
  const tagged = path.includes('@') || path.lastIndexOf(':') > path.lastIndexOf('/');
  return tagged ? path : `${path}:latest`;
}

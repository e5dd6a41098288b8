import type { runtime } from '../adapters/generated/runtime-v1.js';
import type {
  FilesystemUsage,
  Image,
  ImageFilesystems,
  ImageFilter,
  ImageSpec,
  RegistryAuth,
} from '../model/image.js';
import { map, optional, orNull, toMs, toNumber, unwrapped } from './scalar.js';

type SpecMessage = runtime.v1.ImageSpec.$Properties;

export function encodeImageSpec(spec: ImageSpec): SpecMessage {
  return {
    image: spec.image,
    annotations: map(spec.annotations),
    userSpecifiedImage: spec.userSpecifiedImage ?? null,
    runtimeHandler: spec.runtimeHandler ?? null,
    imageRef: spec.imageRef ?? null,
  };
}

export function decodeImageSpec(message: SpecMessage): ImageSpec {
  return {
    image: message.image ?? '',
    annotations: message.annotations ?? {},
    userSpecifiedImage: message.userSpecifiedImage || undefined,
    runtimeHandler: message.runtimeHandler || undefined,
    imageRef: message.imageRef || undefined,
  };
}

export function encodeImageFilter(filter: ImageFilter): runtime.v1.ImageFilter.$Properties {
  return { image: orNull(filter.image, encodeImageSpec) };
}

export function encodeAuth(auth: RegistryAuth): runtime.v1.AuthConfig.$Properties {
  return {
    username: auth.username ?? null,
    password: auth.password ?? null,
    auth: auth.auth ?? null,
    serverAddress: auth.serverAddress ?? null,
    identityToken: auth.identityToken ?? null,
    registryToken: auth.registryToken ?? null,
  };
}

export function decodeImage(message: runtime.v1.Image.$Properties): Image {
  return {
    id: message.id ?? '',
    repoTags: message.repoTags ?? [],
    repoDigests: message.repoDigests ?? [],
    sizeBytes: toNumber(message.size),
    uid: unwrapped(message.uid),
    username: message.username || undefined,
    spec: optional(message.spec, decodeImageSpec),
    pinned: message.pinned ?? false,
  };
}

/** @returns the name of a field that callers rely on and that the runtime left out */
export function missingInImage(image: Image): string | undefined {
  if (image.id === '') return 'image.id';
  return image.sizeBytes === 0 ? 'image.size' : undefined;
}

export function decodeImageFilesystems(
  message: runtime.v1.ImageFsInfoResponse.$Properties,
): ImageFilesystems {
  return {
    images: (message.imageFilesystems ?? []).map(decodeFilesystemUsage),
    containers: (message.containerFilesystems ?? []).map(decodeFilesystemUsage),
  };
}

export function decodeFilesystemUsage(
  message: runtime.v1.FilesystemUsage.$Properties,
): FilesystemUsage {
  return {
    atMs: toMs(message.timestamp),
    mountpoint: message.fsId?.mountpoint ?? '',
    usedBytes: unwrapped(message.usedBytes),
    inodesUsed: unwrapped(message.inodesUsed),
  };
}

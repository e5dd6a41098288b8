import type { Tracer } from '@nodeagent/base';
import type { ImageService, RuntimeService } from '@nodeagent/cri-client';

import { CRI_CALLS } from './metered-cri.js';

/**
 * The same services, each call a span that is called after its gRPC method; streams are none.
 *
 * @see OpenTelemetry, semantic conventions for RPC
 */
export function traceCri<T extends Readonly<{ runtime: RuntimeService; images: ImageService }>>(
  cri: T,
  tracer: Tracer,
): T {
  return {
    ...cri,
    runtime: traced(cri.runtime, RUNTIME, tracer),
    images: traced(cri.images, IMAGES, tracer),
  };
}

interface Traced {
  readonly name: string;
  readonly calls: ReadonlySet<string>;
}

const RUNTIME: Traced = { name: 'runtime.v1.RuntimeService', calls: CRI_CALLS.runtime };
const IMAGES: Traced = { name: 'runtime.v1.ImageService', calls: CRI_CALLS.images };

function traced<T extends object>(service: T, { name, calls }: Traced, tracer: Tracer): T {
  return new Proxy(service, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      const call = (...args: unknown[]): unknown => Reflect.apply(value, target, args);
      if (typeof key !== 'string' || !calls.has(key)) return call;
      const method = `${key[0]?.toUpperCase()}${key.slice(1)}`;
      const attributes = { 'rpc.system': 'grpc', 'rpc.service': name, 'rpc.method': method };
      const spec = { name: `${name}/${method}`, kind: 'client', attributes } as const;
      return (...args: unknown[]): unknown => tracer.span(spec, async () => call(...args));
    },
  });
}

import type { Tracer } from '@nodeagent/base';
import { aroundImages, aroundRuntime } from '@nodeagent/cri-client';

import { IMAGE_OPERATIONS, RUNTIME_OPERATIONS } from '../plan/cri-operations.js';
import type { CriPair } from './metered-cri.js';

/**
 * Traces both services: each call is a span named after its gRPC method; streams are not traced.
 *
 * @see OpenTelemetry, semantic conventions for RPC
 */
export function traceCri({ runtime, images }: CriPair, tracer: Tracer): CriPair {
  return {
    runtime: aroundRuntime(runtime, ({ method }, make) =>
      RUNTIME_OPERATIONS[method] === undefined
        ? make()
        : traced({ service: 'runtime.v1.RuntimeService', method }, make, tracer),
    ),
    images: aroundImages(images, ({ method }, make) =>
      IMAGE_OPERATIONS[method] === undefined
        ? make()
        : traced({ service: 'runtime.v1.ImageService', method }, make, tracer),
    ),
  };
}

function traced<R>(
  { service, method }: Readonly<{ service: string; method: string }>,
  make: () => Promise<R>,
  tracer: Tracer,
): Promise<R> {
  const rpc = `${method[0]?.toUpperCase()}${method.slice(1)}`;
  const attributes = { 'rpc.system': 'grpc', 'rpc.service': service, 'rpc.method': rpc };
  return tracer.span({ name: `${service}/${rpc}`, kind: 'client', attributes }, make);
}

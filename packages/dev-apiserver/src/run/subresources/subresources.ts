import { type SubresourceAnswer, type SubresourceCall, type SubresourcePorts } from './call.js';
import { approve } from './certificate-approval.js';
import { bindFromCollection, podPart } from './pods.js';
import { review } from './reviews.js';
import { scale } from './scale.js';
import { requestToken } from './token-request.js';

/** Handles all requests other than plain reads and writes of a stored object. */
export interface Subresources {
  /** @returns undefined for a plain request */
  handle(call: SubresourceCall): Promise<SubresourceAnswer | undefined>;
}

export function createSubresources(ports: SubresourcePorts): Subresources {
  return {
    handle: async (call) => {
      const { kind, subresource } = call.route;
      if (kind.storage === 'pods') return podPart(ports, call);
      if (subresource === 'scale' && kind.scale) return scale(ports, call);
      if (kind.storage === 'serviceaccounts' && subresource === 'token') {
        return requestToken(ports, call);
      }
      if (subresource === 'approval') return approve(ports, call);
      if (!kind.stored && call.verb === 'create')
        return (await bindFromCollection(ports, call)) ?? review(ports, call);
      return undefined;
    },
  };
}

import type { RequestMaker } from '../ports.js';

/** The X.509 library costs memory: it is loaded when the first request is made, once in months. */
export function createRequestMaker(): RequestMaker {
  return {
    make: async (template, keyPem) => {
      const { makeRequest } = await import('./make-request.js');
      return makeRequest(template, keyPem);
    },
  };
}

import type { RequestMaker, StubMaker } from '../ports.js';

/** The X.509 library costs memory: it is loaded when the first request is made, once in months. */
export function createRequestMaker(): RequestMaker {
  return {
    make: async (template, keyPem) => {
      const { makeRequest } = await import('./make-request.js');
      return makeRequest(template, keyPem);
    },
  };
}

/** The library as above: loaded with the first pod that wants a certificate. */
export function createStubMaker(): StubMaker {
  return {
    makeStub: async (keyType) => {
      const { makeStub } = await import('./make-stub.js');
      return makeStub(keyType);
    },
  };
}

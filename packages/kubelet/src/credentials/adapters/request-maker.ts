import type { RequestMaker, StubMaker } from '../ports.js';

/** Loads the X.509 library with the first request, once in months, because it uses much memory. */
export function createRequestMaker(): RequestMaker {
  return {
    make: async (template, keyPem) => {
      const { makeRequest } = await import('./make-request.js');
      return makeRequest(template, keyPem);
    },
  };
}

/** Loads the same library with the first pod that needs a certificate. */
export function createStubMaker(): StubMaker {
  return {
    makeStub: async (keyType) => {
      const { makeStub } = await import('./make-stub.js');
      return makeStub(keyType);
    },
  };
}

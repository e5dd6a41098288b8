import { describe, expect, it } from 'vitest';

import { Verbosity, verbosityPage } from '../../src/index.js';

describe(verbosityPage, () => {
  async function ask(method: string, body: string | undefined) {
    const verbosity = new Verbosity(0);
    const page = await verbosityPage({ method, readBody: async () => body }, verbosity);
    return { ...page, reachesFour: verbosity.reaches(4) };
  }

  it('sets the verbosity', async () => {
    expect(await ask('PUT', '4')).toEqual({
      ...{ status: 200, contentType: 'text/plain', reachesFour: true },
      body: 'successfully set klog.logging.verbosity to 4',
    });
  });

  it.each([
    ['GET', '4', 406],
    ['POST', '4', 406],
    ['PUT', '', 400],
    ['PUT', 'four', 400],
    ['PUT', '-1', 400],
    ['PUT', '99999999999', 400],
    ['PUT', undefined, 413],
  ])('answers %s %j with %i and changes nothing', async (method, body, status) => {
    expect(await ask(method, body)).toMatchObject({ status, reachesFour: false });
  });
});

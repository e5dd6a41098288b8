import { describe, expect, it } from 'vitest';

import { parseEndpoint } from '../../../src/plan/endpoint.js';

describe(parseEndpoint, () => {
  it.each([
    { endpoint: 'unix:///run/x.sock', socketPath: '/run/x.sock' },
    { endpoint: 'unix:/run/x.sock', socketPath: '/run/x.sock' },
    { endpoint: 'UNIX:///run/x.sock', socketPath: '/run/x.sock' },
  ])('$endpoint', ({ endpoint, socketPath }) => {
    expect(parseEndpoint(endpoint)).toEqual({ socketPath });
  });

  it('warns about the form of old service files', () => {
    expect(parseEndpoint('/run/x.sock')).toEqual({
      socketPath: '/run/x.sock',
      warning: expect.stringContaining('unix:///run/x.sock'),
    });
  });

  it.each([
    ['', 'is empty'],
    ['run/x.sock', 'neither a URL nor an absolute path'],
    ['unix://run/x.sock', 'not absolute'],
    ['unix:///', 'names no socket'],
    ['tcp://127.0.0.1:1234', 'scheme "tcp" is not supported'],
    ['npipe:////./pipe/x', 'scheme "npipe" is not supported'],
  ])('refuses %j', (endpoint, why) => {
    expect(() => parseEndpoint(endpoint)).toThrow(why);
    expect(() => parseEndpoint(endpoint)).toThrow('unix:///');
  });
});

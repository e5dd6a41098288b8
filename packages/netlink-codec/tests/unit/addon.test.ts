import { describe, expect, it } from 'vitest';

import { firstAddon, loadAddon } from '../../src/adapters/addon.js';

describe('loading the native add-on', () => {
  it('takes the first place that has it', () => {
    const absent = () => {
      throw new Error('absent');
    };
    const found = {};
    expect(firstAddon([absent, () => found, absent])).toBe(found);
  });

  it('says how to get a missing one', () => {
    const load = () =>
      firstAddon([
        () => {
          throw Object.assign(new Error('no file'), { code: 'MODULE_NOT_FOUND' });
        },
      ]);
    expect(load).toThrow(
      expect.objectContaining({
        code: 'NETLINK_ADDON_MISSING',
        message: expect.stringMatching(
          /dist\/prebuilds beside its file.*npm install netlink/s,
        ) as string,
      }),
    );
  });

  it('says why one that is there cannot be loaded', () => {
    const load = () =>
      firstAddon([
        () => {
          const reason = 'libstdc++.so.6: cannot open shared object file';
          throw Object.assign(new Error(reason), { code: 'ERR_DLOPEN_FAILED' });
        },
      ]);
    expect(load).toThrow(/cannot be loaded: libstdc/);
  });

  it('refuses Bun, which would end the process', () => {
    expect(() => loadAddon({ node: '26.3.0', bun: '1.4.5' })).toThrow(
      expect.objectContaining({
        code: 'NETLINK_ADDON_MISSING',
        message: expect.stringContaining('run this program with Node.js') as string,
      }),
    );
  });

  it('finds the one of this machine', () => {
    expect(loadAddon().NativeNetlink).toBeTypeOf('function');
  });
});

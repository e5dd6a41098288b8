import { check } from './expect.js';
import type { SanityCase } from './sanity-case.js';

/** @see the CSI specification 1.9, "Identity Service RPC" */
export const identityCases: readonly SanityCase[] = [
  {
    name: 'has a name of at most 63 characters, a domain name backwards or forwards',
    run: async ({ csi, signal }) => {
      const { name, vendorVersion } = await csi.identity.getPluginInfo({}, signal);
      check(name.length <= 63, `the name has ${name.length} characters`);
      check(/^[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?$/.test(name), `the name is ${name}`);
      check(vendorVersion !== '', 'the version is empty');
    },
  },
  {
    name: 'lists no capability that has no meaning',
    run: async ({ csi, signal }) => {
      const { capabilities } = await csi.identity.getPluginCapabilities({}, signal);
      for (const { type } of capabilities) {
        check(type !== undefined && type.value.type !== 'unknown', 'a capability is unknown');
      }
    },
  },
  {
    name: 'answers a probe',
    run: async ({ csi, signal }) => {
      const { ready } = await csi.identity.probe({}, signal);
      check(ready !== false, 'the driver is not ready');
    },
  },
];

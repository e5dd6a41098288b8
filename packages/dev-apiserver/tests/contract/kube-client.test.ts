import { NAMESPACES, SERVICE_ACCOUNTS } from '@nodeagent/kube-client';
import { kubeClientContract } from '@nodeagent/kube-client/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { type Connected, startAndConnect } from './connect.js';

const signal = new AbortController().signal;
let connected: Connected;

beforeAll(async () => {
  connected = await startAndConnect();
});
afterAll(() => connected.close());

it.each(kubeClientContract)(
  'the HTTP client on this server: $name',
  async ({ name, run, want }) => {
    const { client } = connected;
    const namespace = `contract-${kubeClientContract.findIndex((one) => one.name === name)}`;
    await client.create(NAMESPACES, { metadata: { name: namespace } }, signal);
    await client.create(SERVICE_ACCOUNTS, { metadata: { namespace, name: 'default' } }, signal);
    expect(await run({ client, namespace, signal })).toEqual(want);
  },
);

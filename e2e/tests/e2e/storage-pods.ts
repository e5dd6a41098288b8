import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { PODS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';

import type { Fixture } from './fixture.ts';
import { isGone } from './hostpath-driver.ts';
import type { InProcessDriver } from './in-process-driver.ts';

const never = new AbortController().signal;

/** Pods of one container, with the volume of a claim at /data. */
export interface StoragePods {
  /** Runs commands of the shell, and then waits. */
  start(
    name: string,
    command: string,
    options?: Readonly<{ claimName?: string; container?: object; pod?: object }>,
  ): Promise<void>;
  delete(name: string): Promise<void>;
  untilGone(name: string): Promise<unknown>;
  /** Deletes them one after the other, each until it is gone. */
  remove(...names: readonly string[]): Promise<void>;
  /** Resolves when the driver's volumes are staged no more. */
  untilUnstaged(): Promise<unknown>;
}

export function storagePods(e2e: Fixture, driver: InProcessDriver): StoragePods {
  const stagedVolumes = (): Promise<string[]> =>
    readdir(join(e2e.cluster.space.dir, 'kubelet/root/plugins/kubernetes.io/csi', driver.name));
  const pods: StoragePods = {
    start: async (name, command, { claimName = 'c', container = {}, pod = {} } = {}) => {
      const main = {
        name: 'main',
        image: 'nodeagent.test/busybox:1',
        imagePullPolicy: 'Never',
        command: [
          'sh',
          '-c',
          `${command}; trap "exit 0" TERM; while :; do sleep 1 & wait $!; done`,
        ],
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
        ...container,
      };
      const spec = {
        nodeName: e2e.cluster.nodeName,
        terminationGracePeriodSeconds: 1,
        containers: [main],
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
        ...pod,
      };
      const metadata = { namespace: e2e.namespace, name };
      await e2e.client.create(PODS, { metadata, spec }, never);
    },
    delete: async (name) => {
      await e2e.client.delete(PODS, { namespace: e2e.namespace, name }, {}, never);
    },
    untilGone: (name) =>
      waitFor(() => isGone(e2e.getPod(name)), { what: `pod ${name} to be gone` }),
    remove: async (...names) => {
      for (const name of names) {
        await pods.delete(name);
        await pods.untilGone(name);
      }
    },
    untilUnstaged: () =>
      waitFor(async () => (await stagedVolumes()).length === 0, {
        what: 'the volumes to be unstaged',
      }),
  };
  return pods;
}

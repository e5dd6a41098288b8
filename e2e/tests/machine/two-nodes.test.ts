import {
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  type KubeObject,
  NODES,
  PERSISTENT_VOLUMES,
  type Pod,
  PODS,
  type Service,
  SERVICES,
  STATEFUL_SETS,
} from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { startService, untilHealthy } from '@nodeagent/testbed/machine';
import { beforeAll, describe, expect, it } from 'vitest';

import { isReady } from '../e2e/fixture.ts';
import { create, isNodeReady, SLOW_MS, useMachines, webPod } from './fixture.ts';

const STARTS_WITH = 'iptables';
const NAMES = ['node1', 'node2'] as const;
const lab = useMachines({
  node1: { memoryMiB: 1536, proxyConfig: { mode: STARTS_WITH } },
  node2: { memoryMiB: 1536, proxyConfig: { mode: STARTS_WITH } },
});
const never = new AbortController().signal;

beforeAll(async () => {
  await Promise.all(NAMES.map((name) => startService(lab.node(name), 'kubelet')));
  for (const name of NAMES) await lab.waitForNode(name, 'to be Ready', isNodeReady);
  for (const name of NAMES) {
    const body = { metadata: { labels: { 'topology.kubernetes.io/zone': zoneOf(name) } } };
    await lab.client.patch(NODES, { name }, { type: 'merge', body }, never);
  }
  await Promise.all(NAMES.map((name) => startService(lab.node(name), 'kube-proxy')));
  await create(lab, PODS, webPod('near', 'node1'));
  await create(lab, PODS, webPod('far', 'node2'));
  for (const name of ['near', 'far']) await lab.waitForPod(name, 'to be ready', isReady);
});

/** A Service whose endpoints name the zone that each is for: a pod in each of the two nodes' zones. */
async function serviceWithHints(name: string): Promise<void> {
  const pods = await Promise.all(['near', 'far'].map((pod) => lab.getPod(pod)));
  await serviceFor(name, { selector: undefined });
  await create(lab, ENDPOINT_SLICES, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: pods.map(({ spec, status }) => ({
      addresses: [status?.podIP ?? ''],
      conditions: { ready: true },
      nodeName: spec?.nodeName ?? '',
      zone: zoneOf(spec?.nodeName ?? ''),
      hints: { forZones: [{ name: zoneOf(spec?.nodeName ?? '') }] },
    })),
  });
}

const zoneOf = (node: string): string => `zone-of-${node}`;

const nameOf = ({ metadata }: KubeObject): string => metadata?.name ?? '';

/** A Service whose only pod runs on the second node. */
function serviceFor(name: string, spec: object): Promise<Service> {
  return create(lab, SERVICES, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { selector: { app: 'far' }, ports: [{ port: 80, targetPort: 8080 }], ...spec },
  });
}

/** The answer's first line; undefined if there is none within two seconds. */
async function fromNode(name: string, url: string): Promise<string | undefined> {
  const { exitCode, stdout } = await lab.node(name).try(`curl -s -m 2 ${url}`);
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** The same from a neighbour of both nodes, outside of the cluster. */
async function fromOutside(url: string): Promise<string | undefined> {
  const argv = ['timeout', '2', 'busybox', 'wget', '-q', '-O', '-', url];
  const { exitCode, stdout } = await lab.machines.space.try(argv);
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** As `kubectl cordon` and `uncordon` do. */
async function cordon(name: string, unschedulable: boolean): Promise<void> {
  const body = { spec: { unschedulable } };
  await lab.client.patch(NODES, { name }, { type: 'merge', body }, never);
}

const until = (what: string, is: () => Promise<boolean>): Promise<unknown> =>
  waitFor(is, { what, timeoutMs: SLOW_MS, everyMs: 500 });

const EXPORT = '/srv/export';
const fileServer = (): object => ({ server: lab.node('node1').address, path: EXPORT });

/** Runs a text of the shell with a volume, and then waits. */
function writerPod(text: string): NonNullable<Pod['spec']> {
  return {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'main',
        image: 'nodeagent.test/busybox:1',
        imagePullPolicy: 'Never',
        command: ['sh', '-ec', `${text}; trap "exit 0" TERM; while :; do sleep 1 & wait $!; done`],
        env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      },
    ],
  };
}

const exported = (name: string): Promise<string> => lab.node('node1').sh(`cat ${EXPORT}/${name}`);
const mountsOf = async (name: string): Promise<number> =>
  Number(await lab.node(name).sh('grep -c "^[^ ]*:/srv/export " /proc/mounts || true'));

describe('two nodes', () => {
  it('reach each other’s pods', async () => {
    const { status } = await lab.getPod('far');
    const url = `http://${status?.podIP}:8080/`;
    await until(`${url} to answer`, async () => (await fromNode('node1', url)) === 'far');
  });

  describe.each(['iptables', 'nftables', 'ipvs'])('in %s mode', (mode) => {
    const service = (name: string): Promise<Service> =>
      lab.client.get(SERVICES, { namespace: 'default', name: `${mode}-${name}` }, never);

    beforeAll(async () => {
      for (const name of mode === STARTS_WITH ? [] : NAMES) {
        const node = lab.node(name);
        const path = '/var/lib/kube-proxy/config.conf';
        const config = JSON.parse(await node.sh(`cat ${path}`)) as object;
        await node.write(path, JSON.stringify({ ...config, mode }));
        await node.sh('systemctl restart kube-proxy');
      }
      for (const name of NAMES) await untilHealthy(lab.node(name), 'kube-proxy');
      await serviceFor(`${mode}-open`, { type: 'NodePort' });
      const balanced = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' };
      await serviceFor(`${mode}-local`, balanced);
      await serviceFor(`${mode}-inside`, { internalTrafficPolicy: 'Local' });
      await serviceWithHints(`${mode}-hints`);
    });

    it('a cluster IP answers on both nodes, wherever the pod is', async () => {
      const { spec } = await service('open');
      const url = `http://${spec?.clusterIP}/`;
      for (const name of NAMES) {
        await until(
          `${url} to answer on ${name}`,
          async () => (await fromNode(name, url)) === 'far',
        );
      }
    });

    it('a node port answers on both nodes, wherever the pod is', async () => {
      const { spec } = await service('open');
      for (const name of NAMES) {
        const url = `http://${lab.node(name).address}:${spec?.ports?.[0]?.nodePort}/`;
        await until(`${url} to answer`, async () => (await fromOutside(url)) === 'far');
      }
    });

    it('externalTrafficPolicy Local answers only on the node of the pod', async () => {
      const { spec } = await service('local');
      const url = (name: string): string =>
        `http://${lab.node(name).address}:${spec?.ports?.[0]?.nodePort}/`;
      await until(
        'the pod’s node to answer',
        async () => (await fromOutside(url('node2'))) === 'far',
      );
      expect(await fromOutside(url('node1'))).toBeUndefined();
    });

    it('health check node ports tell load balancers which node has pods', async () => {
      const { spec } = await service('local');
      const code = async (name: string): Promise<string> => {
        const url = `http://${lab.node(name).address}:${spec?.healthCheckNodePort}/`;
        const ask = `curl -s -m 5 -o /dev/null -w '%{http_code}' ${url}`;
        return (await lab.node('node1').try(ask)).stdout; // 000 before the port is open
      };
      await until('node2 to be a target', async () => (await code('node2')) === '200');
      await until('node1 to be none', async () => (await code('node1')) === '503');
    });

    it('internalTrafficPolicy Local answers only on the node of the pod', async () => {
      const { spec } = await service('inside');
      const url = `http://${spec?.clusterIP}/`;
      await until('the pod’s node to answer', async () => (await fromNode('node2', url)) === 'far');
      expect(await fromNode('node1', url)).toBeUndefined();
    });

    it('hints keep the traffic of each node in its zone', async () => {
      const { spec } = await service('hints');
      const url = `http://${spec?.clusterIP}/`;
      const four = async (name: string): Promise<readonly (string | undefined)[]> => {
        const seen: (string | undefined)[] = [];
        for (let i = 0; i < 4; i++) seen.push(await fromNode(name, url));
        return seen;
      };
      await until(`${url} to answer`, async () => (await fromNode('node1', url)) !== undefined);
      expect(await four('node1')).toEqual(Array(4).fill('near'));
      await until(`${url} to answer`, async () => (await fromNode('node2', url)) !== undefined);
      expect(await four('node2')).toEqual(Array(4).fill('far'));
    });
  });

  it('mount a directory of a file server, by a claim and without', async () => {
    const serve = `mkdir -p ${EXPORT} && echo '${EXPORT} *(rw,no_root_squash,insecure)' > /etc/exports`;
    await lab.node('node1').sh(`${serve} && systemctl start nfs-server`, { timeoutMs: SLOW_MS });
    await create(lab, PERSISTENT_VOLUMES, {
      metadata: { name: 'shared' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage: '1Gi' },
        storageClassName: 'by-hand',
        mountOptions: ['vers=4.2'],
        nfs: fileServer(),
      },
    } as never);
    await cordon('node1', true);
    const labels = { app: 'db' };
    await create(lab, STATEFUL_SETS, {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db', namespace: 'default' },
      spec: {
        replicas: 1,
        serviceName: 'db',
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: writerPod('echo "$NODE" >> /data/log') },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: {
              accessModes: ['ReadWriteOnce'],
              storageClassName: 'by-hand',
              resources: { requests: { storage: '1Gi' } },
            },
          },
        ],
      },
    });
    await lab.waitForPod('db-0', 'to run on node2', isReady);
    await until('the pod’s line', async () => (await exported('log')) === 'node2\n');
    await create(lab, PODS, {
      metadata: { name: 'inline', namespace: 'default' },
      spec: {
        ...writerPod('cp /data/log /data/copy'),
        nodeName: 'node1',
        volumes: [{ name: 'data', nfs: fileServer() }],
      },
    } as Pod);
    await lab.waitForPod('inline', 'to be ready', isReady);
    await until('the copy', async () => (await exported('copy')) === 'node2\n');
    expect([await mountsOf('node1'), await mountsOf('node2')]).toEqual([1, 1]);
    await lab.client.delete(PODS, { namespace: 'default', name: 'inline' }, {}, never);
    await until('no mount on node1', async () => (await mountsOf('node1')) === 0);
    await cordon('node1', false);
  });

  it('a node without power is NotReady, its pods go elsewhere, and its endpoints go', async () => {
    const tolerations = ['not-ready', 'unreachable'].map((taint) => ({
      ...{ key: `node.kubernetes.io/${taint}`, operator: 'Exists', effect: 'NoExecute' },
      tolerationSeconds: 5,
    }));
    const template = webPod('moves', '');
    const { containers, terminationGracePeriodSeconds } = template.spec ?? { containers: [] };
    const labels = { app: 'moves' };
    await cordon('node1', true);
    await create(lab, DEPLOYMENTS, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'moves', namespace: 'default' },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers, terminationGracePeriodSeconds, tolerations },
        },
      },
    } as never);
    const moved = async (to: string): Promise<Pod | undefined> => {
      const { items } = await lab.client.list(PODS, { namespace: 'default' }, never);
      return items.find(
        (pod) => nameOf(pod).startsWith('moves-') && pod.spec?.nodeName === to && isReady(pod),
      );
    };
    await until('the deployment’s pod on node2', async () => (await moved('node2')) !== undefined);
    await cordon('node1', false);
    const service = await serviceFor('moves', { selector: labels });
    const url = `http://${service.spec?.clusterIP}/`;
    await until(`${url} to answer`, async () => (await fromNode('node1', url)) !== undefined);

    await lab.node('node2').cutPower();
    await lab.waitForNode('node2', 'to be NotReady', (node) => !isNodeReady(node));
    const pod = await waitFor(() => moved('node1'), {
      what: 'the deployment’s pod on node1',
      timeoutMs: SLOW_MS,
    });
    const answers = async (): Promise<boolean> => {
      const seen: (string | undefined)[] = [];
      for (let i = 0; i < 4; i++) seen.push(await fromNode('node1', url));
      return seen.every((name) => name === nameOf(pod));
    };
    await until('only the pod on node1 to answer', answers);
  });

  it('the volume of a pod on a node without power is mounted on the other, with its data', async () => {
    const name = { namespace: 'default', name: 'db-0' };
    const lost = await lab.getPod('db-0');
    expect(lost.spec?.nodeName).toBe('node2');
    // a node that does not answer may still run its pod: only a person can say that it does not
    await lab.client.delete(PODS, name, { gracePeriodSeconds: 0 }, never);
    await lab.waitForPod(
      'db-0',
      'to be another one, on node1',
      (pod) => pod.metadata?.uid !== lost.metadata?.uid && isReady(pod),
    );
    await until('both lines', async () => (await exported('log')) === 'node2\nnode1\n');
    expect(await mountsOf('node1')).toBe(1);
  });

  it('a node that comes back is Ready, and its pods answer again', async () => {
    const node = lab.node('node2');
    await node.start();
    await Promise.all([startService(node, 'kubelet'), startService(node, 'kube-proxy')]);
    await lab.waitForNode('node2', 'to be Ready', isNodeReady);
    const pod = await lab.waitForPod('far', 'to be ready', isReady);
    const url = `http://${pod.status?.podIP}:8080/`;
    await until('its pod to answer', async () => (await fromNode('node1', url)) === 'far');
  });
});

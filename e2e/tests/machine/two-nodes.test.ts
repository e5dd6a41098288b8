import {
  DEPLOYMENTS,
  type KubeObject,
  NODES,
  type Pod,
  PODS,
  type Service,
  SERVICES,
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
  await Promise.all(NAMES.map((name) => startService(lab.node(name), 'kube-proxy')));
  await create(lab, PODS, webPod('near', 'node1'));
  await create(lab, PODS, webPod('far', 'node2'));
  for (const name of ['near', 'far']) await lab.waitForPod(name, 'to be ready', isReady);
});

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

describe('two nodes', () => {
  it('reach each other’s pods', async () => {
    const { status } = await lab.getPod('far');
    expect(await fromNode('node1', `http://${status?.podIP}:8080/`)).toBe('far');
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
        return lab.node('node1').sh(`curl -s -m 5 -o /dev/null -w '%{http_code}' ${url}`);
      };
      await until('node2 to be a target', async () => (await code('node2')) === '200');
      expect(await code('node1')).toBe('503');
    });

    it('internalTrafficPolicy Local answers only on the node of the pod', async () => {
      const { spec } = await service('inside');
      const url = `http://${spec?.clusterIP}/`;
      await until('the pod’s node to answer', async () => (await fromNode('node2', url)) === 'far');
      expect(await fromNode('node1', url)).toBeUndefined();
    });
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

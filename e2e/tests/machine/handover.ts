import { type Pod, PODS, SECRETS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { startService } from '@nodeagent/testbed/machine';
import { expect, it } from 'vitest';

import { isReady, mainContainer } from '../e2e/fixture.ts';
import { create, isNodeReady, type MachineFixture, SLOW_MS, webPod } from './fixture.ts';

const never = new AbortController().signal;
const ROOT = '/var/lib/kubelet';
const MANIFEST = '/etc/kubernetes/manifests/fixed.json';
const SECRET = { namespace: 'default', name: 'pass' };
const VOLUMES = [
  { name: 'pass', secret: { secretName: 'pass' } },
  { name: 'own', projected: { sources: [{ downwardAPI: { items: [namePath()] } }] } },
];

function namePath(): object {
  return { path: 'name', fieldRef: { fieldPath: 'metadata.name' } };
}

/**
 * Leaves the root directory as another kubelet does that runs the same pods: shared, and bound onto
 * itself for that where it was not, with a memory file system for each volume of API objects, its own
 * checkpoints, and sockets on which nobody listens.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet.go, setupDataDirs; pkg/volume/emptydir, setupTmpfs;
 *   pkg/volume/util/atomic_writer.go
 */
const OTHER_KUBELET = `set -eu
cd ${ROOT}
case $(findmnt -n -o PROPAGATION --target ${ROOT}) in
shared*) ;;
*) mount --bind ${ROOT} ${ROOT} && mount --make-rshared ${ROOT} ;;
esac
for dir in ${ROOT}/pods/*/volumes/kubernetes.io~secret/* ${ROOT}/pods/*/volumes/kubernetes.io~projected/*; do
  mkdir -p "$dir"
  mount -t tmpfs -o size=1M tmpfs "$dir"
  mkdir "$dir/..2026_01_01_00_00_00.1"
  echo elsewhere > "$dir/..2026_01_01_00_00_00.1/value"
  ln -s ..2026_01_01_00_00_00.1 "$dir/..data"
  ln -s ..data/value "$dir/value"
done
mkdir -p device-plugins pod-resources plugins_registry
printf '{"policyName":"none","defaultCpuSet":"","checksum":1353318690}' > cpu_manager_state
printf '{"policyName":"None","machineState":{},"checksum":4236770233}' > memory_manager_state
printf '{"Data":{"PodDeviceEntries":null,"RegisteredDevices":{}},"Checksum":2525017148}' \\
  > device-plugins/kubelet_internal_checkpoint
for socket in device-plugins/kubelet.sock pod-resources/kubelet.sock plugins_registry/gone.sock; do
  rm -f "$socket"
  /opt/nodeagent/bin/node -e 'require("node:net").createServer().listen(
    process.argv[1], () => process.kill(process.pid, "SIGKILL"))' "$socket" || test -S "$socket"
done`;

/** A node that goes to another kubelet and back, which is played. */
export const handover = (lab: MachineFixture): void => {
  const putSecret = async (value: string): Promise<void> => {
    const body = { stringData: { value } };
    await lab.client.patch(SECRETS, SECRET, { type: 'merge', body }, never);
  };
  const facts = async (): Promise<readonly object[]> => {
    const pods = await Promise.all(['kept', 'fixed-node1'].map((name) => lab.getPod(name)));
    return pods.map((pod) => ({ uid: pod.metadata?.uid, ...mainContainer(pod) }));
  };
  const seen = async (path: string): Promise<string> => {
    const { id } = mainContainer(await lab.getPod('kept'));
    const { stdout } = await lab.node('node1').try(`cat /proc/$(${pidOf(id)})/root${path}`);
    return stdout;
  };
  const pidOf = (id: string): string => `ctr -n k8s.io tasks ls | awk '$1 == "${id}" { print $2 }'`;
  const untilSeen = (path: string, text: string): Promise<unknown> =>
    waitFor(async () => (await seen(path)) === text, {
      ...{ what: `the pod to see ${text.trim()} in ${path}`, timeoutMs: SLOW_MS },
    });

  it('keeps its pods running, with current content', async () => {
    const node = lab.node('node1');
    await node.sh('systemctl enable kubelet');
    await startService(node, 'kubelet');
    await create(lab, SECRETS, { metadata: SECRET, stringData: { value: 'old' } });
    const volumeMounts = VOLUMES.map(({ name }) => ({ name, mountPath: `/${name}` }));
    const pod = webPod('kept', 'node1', { volumeMounts });
    await create(lab, PODS, { ...pod, spec: { ...pod.spec!, volumes: VOLUMES } } as Pod);
    const fixed = {
      ...webPod('fixed', 'node1'),
      metadata: { name: 'fixed', namespace: 'default' },
    };
    await node.write(MANIFEST, JSON.stringify(fixed));
    for (const name of ['kept', 'fixed-node1']) await lab.waitForPod(name, 'to be ready', isReady);
    const before = await facts();
    expect(await seen('/pass/value')).toBe('old');

    await node.sh('systemctl stop kubelet');
    await node.sh(OTHER_KUBELET);
    await putSecret('new');
    await startService(node, 'kubelet');
    await lab.waitForNode('node1', 'to be Ready', isNodeReady);
    await untilSeen('/pass/value', 'new');
    await untilSeen('/own/name', 'kept');
    expect(await facts()).toEqual(before);
  });

  it('starts them again after a reboot, on whatever the other kubelet mounted since', async () => {
    const node = lab.node('node1');
    const before = await Promise.all(['kept', 'fixed-node1'].map((name) => lab.getPod(name)));
    await node.sh('systemctl disable --now kubelet');
    await node.reboot();
    await node.sh(OTHER_KUBELET);
    await putSecret('newest');
    await node.sh('systemctl enable kubelet');
    await startService(node, 'kubelet');
    for (const pod of before) {
      const name = pod.metadata?.name ?? '';
      const { id, restarts } = mainContainer(pod);
      const now = await lab.waitForPod(name, 'to run again', (one) => {
        return isReady(one) && mainContainer(one).id !== id;
      });
      expect(now.metadata?.uid).toBe(pod.metadata?.uid);
      expect(mainContainer(now).restarts).toBe(restarts + 1);
    }
    expect([await seen('/pass/value'), await seen('/own/name')]).toEqual(['newest', 'kept']);
  });

  it('has nothing left of a pod that is deleted then', async () => {
    const node = lab.node('node1');
    const { metadata } = await lab.getPod('kept');
    const uid = metadata?.uid ?? '';
    await node.sh(`rm ${MANIFEST}`);
    await lab.client.delete(PODS, { namespace: 'default', name: 'kept' }, {}, never);
    const look = `ls ${ROOT}/pods; cat /proc/mounts; systemctl list-units --plain --no-legend '*.slice'`;
    const isGone = async (): Promise<boolean> => {
      const text = await node.sh(look);
      return !text.includes(uid) && !text.includes(uid.replaceAll('-', '_'));
    };
    await waitFor(isGone, { what: 'the pod’s files, mounts and slice to go', timeoutMs: SLOW_MS });
  });
};

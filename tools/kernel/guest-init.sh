#!/bin/sh
# First process of the guest (tools/kernel/boot.ts). The machine's file system is the read-only root;
# a copy-on-write layer in the guest's memory covers it, so that programs can write anywhere and no
# change reaches the machine. The one exception is $NODEAGENT_JOB/results.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
if [ "${1:-}" != inside ]; then
  set -e
  mount -t proc proc /proc
  mount --make-rprivate /
  modules=/usr/lib/uml/modules/$(uname -r)
  insmod "$modules/kernel/fs/overlayfs/overlay.ko"
  mount -t tmpfs tmpfs /mnt
  mkdir /mnt/changed /mnt/scratch /mnt/root
  mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/changed,workdir=/mnt/scratch /mnt/root
  # where the kernel and modprobe look for modules
  mkdir -p /mnt/root/lib/modules
  ln -sfn "$modules" "/mnt/root/lib/modules/$(uname -r)"
  cd /mnt/root
  mkdir -p old-root
  pivot_root . old-root
  exec chroot . /bin/sh "$NODEAGENT_JOB/init.sh" inside
fi

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount -t hostfs none "$NODEAGENT_JOB/results" -o "$NODEAGENT_JOB/results"
umount -l /old-root
rmdir /old-root
# this kernel's nf_tables has no IPv4 and IPv6 families: only the older kind of iptables works
for family in iptables ip6tables; do
  for part in '' -save -restore; do
    ln -sf "/usr/sbin/$family-legacy$part" "/etc/alternatives/$family$part"
  done
done
modprobe ipv6 # it is not loaded on demand
hostname guest
ip link set lo up
echo 'guest: up'
. "$NODEAGENT_JOB/environment"
sh "$NODEAGENT_JOB/command.sh" </dev/null
code=$?
echo "$code" >"$NODEAGENT_JOB/results/exit-code"
sync
echo "guest: done, exit code $code"
echo o >/proc/sysrq-trigger
sleep 60

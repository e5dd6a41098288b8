#!/bin/sh
# Becomes systemd in new namespaces: boot-systemd.sh NAME FOLDER REPOSITORY
# Its cgroups lie below NAME in each hierarchy, its root is an overlay of this machine's.
set -eu
name=$1 dir=$2 repository=$3

for hierarchy in /sys/fs/cgroup/*/; do
  own=$hierarchy$name
  mkdir "$own"
  for file in cpuset.cpus cpuset.mems; do
    [ ! -e "$own/$file" ] || cat "$hierarchy$file" >"$own/$file"
  done
  echo $$ >"$own/cgroup.procs"
done

export dir repository
exec unshare --pid --fork --mount --net --uts --ipc --cgroup --propagation private --kill-child sh -euc '
mkdir "$dir/root"
mount -t tmpfs tmpfs "$dir/root"
cd "$dir/root"
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
cd root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount --rbind /dev dev
mkdir -p "./$repository"
mount --rbind "$repository" "./$repository"
mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
for controller in cpu cpuacct cpuset memory devices freezer blkio pids; do
  mkdir sys/fs/cgroup/$controller
  mount -t cgroup -o $controller cgroup sys/fs/cgroup/$controller
done
mkdir sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
ln -sf /dev/null etc/systemd/system/systemd-udevd.service
printf "[Unit]\nRequires=dbus.service\nAfter=dbus.service\n" >etc/systemd/system/testbed.target
hostname testbed
exec chroot . env -i container=testbed PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --unit=testbed.target --log-target=console --show-status=0
'

#!/bin/sh
# Runs in the new root by chroot: turns a minimal Debian into a node that boots fast and has no
# agent yet.
set -eu
passwd -d root
: > /etc/machine-id
rm -f /etc/resolv.conf /etc/hostname /var/lib/dbus/machine-id
echo 'nameserver 127.0.0.1' > /etc/resolv.conf
echo '/dev/vda / ext4 defaults 0 1' > /etc/fstab
mkdir -p /opt/nodeagent

mkdir -p /etc/containerd
cat > /etc/containerd/config.toml << END
version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "$PAUSE_IMAGE"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = true
END
printf 'overlay\nbr_netfilter\n' > /etc/modules-load.d/node.conf
printf 'net.ipv4.ip_forward = 1\n' > /etc/sysctl.d/90-node.conf
# it logs every call, and tests make many
mkdir -p /etc/systemd/system/qemu-guest-agent.service.d
printf '[Service]\nStandardError=null\n' > /etc/systemd/system/qemu-guest-agent.service.d/quiet.conf
systemctl enable systemd-networkd containerd
systemctl disable nfs-server nfs-client.target nfs-blkmap rpcbind.service rpcbind.socket
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  e2scrub_reap.service fstrim.timer systemd-timesyncd.service getty@tty1.service
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/* /usr/share/doc/* /usr/share/man/* \
  /usr/share/locale/* /boot/initrd.img*

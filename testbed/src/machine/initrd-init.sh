#!/bin/busybox sh
# First process of the machine: it loads the drivers of the disks, mounts the root disk and that of
# the agents, leaves the machine's address for systemd-networkd, and hands over to systemd.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module.ko"; done < /modules/order

tries=0
until mount -t ext4 /dev/vda /root; do
  tries=$((tries + 1))
  [ "$tries" -lt 100 ] || { echo 'machine: no root disk'; poweroff -f; }
  sleep 0.1
done

if agents=$(findfs LABEL=nodeagent); then mount -t ext4 -o ro "$agents" /root/opt/nodeagent; fi

mount -t tmpfs -o mode=755 run /root/run
mkdir -p /root/run/systemd/network
for word in $(cat /proc/cmdline); do
  case $word in
    nodeagent.address=*) address=${word#*=} ;;
    nodeagent.gateway=*) gateway=${word#*=} ;;
  esac
done
if [ -n "${address:-}" ]; then
  printf '[Match]\nDriver=virtio_net\n[Network]\nAddress=%s\nGateway=%s\nIPv6AcceptRA=no\n' "$address" "$gateway" \
    > /root/run/systemd/network/10-lan.network
fi
umount /proc
mount --move /dev /root/dev
exec switch_root /root /sbin/init

#!/bin/sh
# Writes this node's redis.conf and sentinel.conf into /data, at every start of the pod: the leader is whom a sentinel names,
# and where no sentinel answers (the very first start) the first of NODES. Nothing is kept on disk: Redis holds what may be
# lost. Both files are rewritten by the servers themselves at a failover.
#   ME, NODES   this node's name and all nodes' names      SECRETS, DATA, BIND   for tests
set -eu
umask 077
secrets=${SECRETS:-/secrets} data=${DATA:-/data}

leader=
for node in $NODES; do
    leader=$(timeout 3 redis-cli -h "$node" -p 26379 --raw sentinel get-master-addr-by-name em 2>/dev/null | head -n 1) || leader=
    [ -z "$leader" ] || break
done
: "${leader:=${NODES%% *}}"

{
    echo "bind ${BIND:-* -::*}"
    echo "port 6379"
    echo "protected-mode no" # the users' passwords and the network policies protect it
    echo "dir $data"
    echo "aclfile $secrets/users.acl"
    echo "masteruser em_replica"
    echo "masterauth $(cat "$secrets/replica-password")"
    echo "replica-announce-ip $ME"
    echo 'save ""'
    echo "appendonly no"
    echo "maxmemory 256mb"
    echo "maxmemory-policy volatile-lru"
    [ "$leader" = "$ME" ] || echo "replicaof $leader 6379"
} >"$data/redis.conf"

{
    echo "bind ${BIND:-* -::*}"
    echo "port 26379"
    echo "protected-mode no"
    echo "dir $data"
    echo "sentinel resolve-hostnames yes"
    echo "sentinel announce-hostnames yes"
    echo "sentinel announce-ip $ME"
    echo "sentinel monitor em $leader 6379 2"
    echo "sentinel auth-user em em_sentinel"
    echo "sentinel auth-pass em $(cat "$secrets/sentinel-password")"
    echo "sentinel down-after-milliseconds em 5000"
    echo "sentinel failover-timeout em 20000"
    echo "sentinel parallel-syncs em 1"
} >"$data/sentinel.conf"

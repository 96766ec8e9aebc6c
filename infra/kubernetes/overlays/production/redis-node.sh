#!/bin/sh
# Writes this node's redis.conf and sentinel.conf into /data, at every start of the pod: the leader is whom a sentinel names,
# and where no sentinel answers (the very first start) the first of NODES. Nothing is kept on disk: Redis holds what may be
# lost. Both files are rewritten by the servers themselves at a failover.
#
# A leader that comes back is still the leader of those sentinels that have not agreed on another yet. It would be empty, and
# for some seconds one of two: it waits for their choice. Where they make none (no follower is left), it leads again.
#   ME, NODES   this node's name and all nodes' names      SECRETS, DATA, BIND, PATIENCE (seconds)   for tests
set -eu
umask 077
secrets=${SECRETS:-/secrets} data=${DATA:-/data}

find_leader() { # whom a sentinel names; another than this node if any does; nobody if none answers
    leader=
    for node in $NODES; do
        named=$(timeout 3 redis-cli -h "$node" -p 26379 --raw sentinel get-master-addr-by-name em 2>/dev/null | head -n 1) || named=
        leader=${named:-$leader}
        [ -z "$leader" ] || [ "$leader" = "$ME" ] || break
    done
}

waited=0
find_leader
while [ "$leader" = "$ME" ] && [ "$waited" -lt "${PATIENCE:-60}" ]; do
    sleep 1
    waited=$((waited + 1))
    find_leader
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

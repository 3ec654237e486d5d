#!/usr/bin/env bash
# Train on several GPUs of one machine or of several:
#   tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py]
# On each of several machines set NNODES, NODE_RANK, MASTER_ADDR and, if it is taken, PORT.
set -euo pipefail
if (($# < 2)); then
    echo "usage: $0 CONFIG GPUS [arguments of train.py]" >&2
    exit 2
fi
config=$1
gpus=$2
shift 2
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}" exec python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node-rank="${NODE_RANK:-0}" \
    --master-addr="${MASTER_ADDR:-127.0.0.1}" \
    --master-port="${PORT:-29500}" \
    --nproc-per-node="$gpus" \
    "$tools/train.py" "$config" --launcher pytorch "$@"

#!/usr/bin/env bash
# Makes the cluster's certificates, or keeps those that are valid, and prints one Secret per role:
#   deploy/kubernetes/make_secrets.sh certs | kubectl apply -f -
# The folder keeps the authority's key: store it where only you can read it.
set -euo pipefail
folder=${1:?usage: make_secrets.sh FOLDER}
pmoe=${PMOE:-$(dirname "$0")/../../pmoe}
"$pmoe" certs init --out "$folder" --cluster pmoe >&2
for role in learner replay actor admin; do
  echo ---
  kubectl create secret generic "pmoe-tls-$role" --namespace pmoe --dry-run=client -o yaml \
    --from-file="$folder/$role"
done

#!/usr/bin/env bash
# Makes the cluster's certificates, or keeps those that are valid, and gives the roles' to Swarm as
# secrets. A secret cannot be changed: to renew, remove the stack and the secrets first.
#   deploy/swarm/make_secrets.sh FOLDER
# The folder keeps the authority's key: store it where only you can read it.
set -euo pipefail
folder=${1:?usage: make_secrets.sh FOLDER}
docker=${DOCKER:-docker}
pmoe=${PMOE:-$(dirname "$0")/../../pmoe}
"$pmoe" certs init --out "$folder" --cluster pmoe
"$docker" secret create pmoe-ca "$folder/actor/ca.pem"
for role in learner replay actor; do
  for part in cert key; do
    "$docker" secret create "pmoe-$role-$part" "$folder/$role/$part.pem"
  done
done

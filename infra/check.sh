#!/bin/sh
# Prints what there is to say of the cloud assembly in the folder given: who may do
# what, what cdk-nag, cfn-lint and asl-validator minded, what moto could deploy.
# Ends with 1 when something was minded that has no reason. Run it at the top of the
# project, after `make synth`.
set -eu

assembly=${1:?usage: infra/check.sh ASSEMBLY}

test/e2e/setup
[ -x infra/node_modules/.bin/asl-validator ] || npm ci --silent --prefix infra

go run ./infra/template/check "$assembly"

printf '\n# cfn-lint\n\n'
.venv/bin/cfn-lint -t "$assembly"/*.template.json
echo "cfn-lint: nothing minded"

printf '\n# asl-validator\n\n'
infra/node_modules/.bin/asl-validator --json-path statemachine/triage.asl.json

printf '\n# moto: what was created, and which types it does not know\n\n'
.venv/bin/python infra/deployed.py "$assembly" events

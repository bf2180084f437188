"""Deploys the templates of a cloud assembly on moto, in this process, and prints
as JSON what came of it: for each stack how many resources of which type were
created and which types moto does not know, and for each sample event whether the
rule for findings matches it.

usage: deployed.py ASSEMBLY EVENTS
"""

import collections
import io
import json
import logging
import os
import pathlib
import sys
import warnings
import zipfile

REGION = "eu-west-1"
os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION=REGION)

import boto3  # noqa: E402  reads the environment
from moto import mock_aws  # noqa: E402
from moto.events.models import EventPattern  # noqa: E402

logging.disable(logging.WARNING)  # moto warns of each type that it does not know,
warnings.simplefilter("ignore")  # twice

PARAMETERS = {"HubAccount": "123456789012", "HubRegion": REGION, "RoleRegion": REGION}


def bootstrap():
    """Makes what `cdk bootstrap` leaves: a version and a bucket for assets."""
    account = boto3.client("sts").get_caller_identity()["Account"]
    boto3.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
    bucket = f"cdk-hnb659fds-assets-{account}-{REGION}"
    boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    return bucket


def upload(bucket, template):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("bootstrap", "")
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            key = resource["Properties"]["Code"]["S3Key"]
            boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=packed.getvalue())


def bend(template):
    """moto puts the bus itself, not its name, where a rule refers to it."""
    resources = template["Resources"]
    for resource in resources.values():
        bus = resource["Properties"].get("EventBusName")
        if resource["Type"] == "AWS::Events::Rule" and isinstance(bus, dict):
            resource["Properties"]["EventBusName"] = resources[bus["Ref"]]["Properties"]["Name"]


def deploy(name, template):
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in PARAMETERS.items() if k in template.get("Parameters", {})],
    )
    status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    if status != "CREATE_COMPLETE":
        sys.exit(f"{name}: {status}")
    known = {r["LogicalResourceId"] for r in cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"] if r["ResourceType"]}
    count = {"created": collections.Counter(), "unknown": collections.Counter()}
    for logical, resource in template["Resources"].items():
        count["created" if logical in known else "unknown"][resource["Type"]] += 1
    return {k: dict(sorted(v.items())) for k, v in count.items()}


def matches(pattern, folder):
    rule = EventPattern.load(json.dumps(pattern))
    events = {path.name: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    return {name: rule.matches_event(event) for name, event in events.items() if "detail-type" in event}


def main(assembly, events):
    read = {name: json.loads((pathlib.Path(assembly) / f"{name}.template.json").read_text()) for name in ("Diffy", "DiffyMember")}
    pattern = read["Diffy"]["Resources"]["FindingRule"]["Properties"]["EventPattern"]
    report = {}
    for name, template in read.items():
        with mock_aws():
            upload(bootstrap(), template)
            bend(template)
            report[name] = deploy(name, template)
    report["events"] = matches(pattern, pathlib.Path(events))
    print(json.dumps(report, indent=1))


main(*sys.argv[1:])

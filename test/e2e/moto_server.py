"""moto's server as the tests want it: what state machines wait for passes FASTER
times as fast, and the interpreter keeps its SDK clients.

The waits are those of Wait states and of retriers. TimeoutSeconds stays real time.
The interpreter calls services on MOTO_PORT, which is the front's port. DynamoDB
does one operation after the other: moto's threads would meet in the middle of a
conditional write, which the real one makes whole.
"""

import os
import sys
import threading
import time
import types

import boto3
from botocore.config import Config
from moto.dynamodb.responses import DynamoHandler
from moto.server import main
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.utils import boto_client

FASTER = float(os.environ["FASTER"])
FRONT = "http://127.0.0.1:" + os.environ["MOTO_PORT"]


def wait(_, env, wait_seconds):
    if wait_seconds > 0:
        env.program_state_event.wait(wait_seconds / FASTER)  # an execution that is stopped wakes up


class Clients:
    """One client for each service and region: making one costs more than its calls."""

    def __init__(self):
        self.lock = threading.Lock()
        self.kept = {}

    def client(self, service_name, region_name, **_):
        with self.lock:
            key = service_name, region_name
            if key not in self.kept:
                self.kept[key] = boto3.client(
                    service_name,
                    region_name=region_name,
                    endpoint_url=FRONT,
                    aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
                    config=Config(
                        parameter_validation=False,
                        retries={"total_max_attempts": 1},
                        read_timeout=900,
                        max_pool_connections=100,
                    ),
                )
            return self.kept[key]


def one_at_a_time(operation, lock=threading.Lock()):
    def held(self):
        with lock:
            return operation(self)

    return held


def end_with_the_tests():
    sys.stdin.read()  # ends when they do, however that is
    os._exit(0)


threading.Thread(target=end_with_the_tests, daemon=True).start()
WaitFunction._wait_interval = wait
retrier_decl.time = types.SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / FASTER))
boto_client.boto3 = Clients()
DynamoHandler.call_action = one_at_a_time(DynamoHandler.call_action)
main(sys.argv[1:])

"""A bucket in moto's server, and the credentials of somebody who may write there and nothing else."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

import boto3
from moto.server import ThreadedMotoServer

GIVEN = {"bucket": "clinic-events", "region": "eu-central-1", "key_prefix": "logs/", "access_key_id": "AK"}
GIVEN |= {"secret_access_key": "SK"}


class Store:
    """Made anew for each server."""

    def __init__(self, url: str) -> None:
        self.url = url
        root = {"aws_access_key_id": "root", "aws_secret_access_key": "root", "region_name": "eu-central-1"}
        self.s3 = boto3.client("s3", endpoint_url=url, **root)
        where = {"LocationConstraint": "eu-central-1"}
        self.s3.create_bucket(Bucket="clinic-events", CreateBucketConfiguration=where)
        iam = boto3.client("iam", endpoint_url=url, **root)
        iam.create_user(UserName="writer")
        allowed = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::clinic-events/*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName="writer", PolicyName="write", PolicyDocument=policy)
        self.key = iam.create_access_key(UserName="writer")["AccessKey"]

    def settings(self, **changes: str) -> dict[str, str]:
        credentials = {"access_key_id": self.key["AccessKeyId"], "secret_access_key": self.key["SecretAccessKey"]}
        return {**GIVEN, "key_prefix": "logs", "endpoint": self.url, **credentials, **changes}

    def objects(self) -> dict[str, list[Any]]:
        """Key to the events in it, of every object."""
        found = self.s3.list_objects_v2(Bucket="clinic-events").get("Contents", [])
        read = {each["Key"]: self.s3.get_object(Bucket="clinic-events", Key=each["Key"]) for each in found}
        return {
            key: [json.loads(line) for line in gzip.decompress(got["Body"].read()).splitlines()]
            for key, got in read.items()
        }


@contextmanager
def storing() -> Iterator[Store]:
    """A store that listens until the block ends."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    # Its state is this process's: another server's buckets would still be there.
    urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()
    try:
        yield Store(f"http://{host}:{port}")
    finally:
        server.stop()

"""A service of buckets for one test: S3 as moto has it, with a bucket named lake.

Usage: bucket_server.py FOLDER

It writes its port to FOLDER/port. It ends when its standard input does.
"""

import sys
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
server.start()
host, port = server.get_host_and_port()
client = boto3.client(
    "s3",
    endpoint_url=f"http://{host}:{port}",
    region_name="us-east-1",
    aws_access_key_id="lake-ak",
    aws_secret_access_key="lake-secret",
)
client.create_bucket(Bucket="lake")
unfinished = Path(sys.argv[1], "port.part")
unfinished.write_text(str(port))
unfinished.rename(Path(sys.argv[1], "port"))
sys.stdin.read()
server.stop()

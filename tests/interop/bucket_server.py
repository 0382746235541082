"""A service of buckets for one test, with a bucket named lake: S3 as moto has it, or as the program s3s-fs has it, which
checks every signature.

Usage: bucket_server.py FOLDER [S3S_FS]

It writes its port to FOLDER/port. It ends when its standard input does.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

ACCESS_KEY, SECRET_KEY = "lake-ak", "lake-secret"


def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()
    return port, server.stop


def s3s(program, root):
    root.mkdir()
    place, keys = ["--host", "127.0.0.1", "--port", "0"], ["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]
    told = os.environ | {"RUST_LOG": "s3s_fs=info"}
    server = subprocess.Popen([program, *place, *keys, root], env=told, stdout=subprocess.PIPE, text=True)
    for line in server.stdout:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
            return found[1], server.kill
    sys.exit("the service does not say where it is")


def main(folder, *programs):
    port, stop = s3s(programs[0], folder / "buckets") if programs else moto()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    client.create_bucket(Bucket="lake")
    (folder / "port.part").write_text(str(port))
    (folder / "port.part").rename(folder / "port")
    sys.stdin.read()
    stop()


main(Path(sys.argv[1]), *sys.argv[2:])

#!/usr/bin/env python3
"""Sends readings to Redshank with nothing but the standard library: in batches, again until they are taken, each batch once.

    REDSHANK_API_KEY=rsk_... python3 send_readings.py --url http://127.0.0.1:8080 --device pump-7 < readings.csv

The CSV has a column `ts` (RFC 3339 or Unix ms) and one for each channel. Without input from a file or a pipe it sends a sine wave.
"""

import argparse
import csv
import gzip
import json
import math
import os
import random
import sys
import time
import urllib.error
import urllib.request
import uuid

AGAIN = {408, 409, 425, 429, 500, 502, 503, 504}


def batches(readings, size):
    batch = []
    for reading in readings:
        batch.append(reading)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def send(url, key, batch, longest_pause=30.0):
    """Until the server has taken the batch. Raises RuntimeError when it never will. Returns the server's answer."""
    headers = {
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
        # The same over all attempts: what was taken and whose answer was lost is not taken again.
        "Idempotency-Key": str(uuid.uuid4()),
    }
    if key:
        headers["Authorization"] = f"Bearer {key}"
    body = gzip.compress(json.dumps({"readings": batch}).encode())
    pause = 0.25
    while True:
        request = urllib.request.Request(f"{url}/v1/readings", body, headers, method="POST")
        wait = random.random() * pause
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            if error.code not in AGAIN:
                raise RuntimeError(f"the server refused the batch: {error.code} {text}") from error
            after = error.headers.get("Retry-After", "")
            wait = float(after) if after.isdigit() else wait
        except OSError as error:
            print(f"{url} cannot be reached ({error}), trying again", file=sys.stderr)
        time.sleep(wait)
        pause = min(2 * pause, longest_pause)


def from_csv(lines, device):
    for row in csv.DictReader(lines):
        ts = row.pop("ts")
        values = {channel: float(cell) if cell else None for channel, cell in row.items()}
        yield {"device": device, "ts": int(ts) if ts.isdigit() else ts, "values": values}


def sine(device, count=600):
    start = int(time.time() * 1000) - count * 1000
    for i in range(count):
        yield {"device": device, "ts": start + i * 1000, "values": {"temp": 20 + math.sin(i / 20) + random.gauss(0, 0.1)}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--device", default="pump-7")
    parser.add_argument("--batch", type=int, default=500)
    options = parser.parse_args()
    key = os.environ.get("REDSHANK_API_KEY")
    readings = sine(options.device) if sys.stdin.isatty() else from_csv(sys.stdin, options.device)
    accepted = 0
    for batch in batches(readings, options.batch):
        answer = send(options.url.rstrip("/"), key, batch)
        accepted += answer["accepted"]
        for rejected in answer["rejected"]:
            print(f"refused: {batch[rejected['index']]}: {rejected['reason']}", file=sys.stderr)
    print(f"{accepted} readings are on disk")


if __name__ == "__main__":
    main()

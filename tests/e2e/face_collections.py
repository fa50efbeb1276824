"""A face service that knows collections alone, for deployments that no photo comes to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

from local.emulator import ACCOUNT, REGION


class Collections(BaseHTTPRequestHandler):
    """As much of a face service as the stack asks for: collections come and go."""

    ids: ClassVar[set[str]] = set()
    full: ClassVar[bool] = False

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer: dict[str, Any] = {"StatusCode": 200}
        match self.headers["X-Amz-Target"].rpartition(".")[2]:
            case "CreateCollection" if self.full:
                answer = {"__type": "ServiceQuotaExceededException", "Message": "no more collections"}
            case "CreateCollection":
                self.ids.add(request["CollectionId"])
                answer["CollectionArn"] = self.arn(request)
            case "DescribeCollection":
                answer["CollectionARN"] = self.arn(request)
            case "DeleteCollection":
                self.ids.discard(request["CollectionId"])
        body = json.dumps(answer).encode()
        self.send_response(400 if "__type" in answer else 200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @staticmethod
    def arn(request: Mapping[str, str]) -> str:
        return f"arn:aws:rekognition:{REGION}:{ACCOUNT}:collection/{request['CollectionId']}"

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

"""A price service: GET /price?cents=1000&code=TEN answers with the price after the discount."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

DISCOUNTS = {"TEN": 10, "HALF": 50}


def discounted(cents: int, code: str | None) -> int:
    """The price in cents after the discount of `code`, rounded down in the customer's favour. An unknown code changes nothing."""
    if cents < 0:
        raise ValueError("a price is not negative")
    return cents * (100 - DISCOUNTS.get(code or "", 0)) // 100


def answer(target: str) -> tuple[int, dict]:
    """The status and the JSON body for a request target."""
    url = urlparse(target)
    if url.path == "/health":
        return 200, {"status": "ok", "release": os.environ.get("RELEASE", "unknown")}
    if url.path != "/price":
        return 404, {"error": "try /price?cents=1000&code=TEN"}
    query = parse_qs(url.query)
    try:
        cents = int(query["cents"][0])
        return 200, {"cents": discounted(cents, query.get("code", [None])[0])}
    except (KeyError, ValueError) as error:
        return 400, {"error": f"cents must be a whole number: {error}"}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = answer(self.path)
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main():
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Handler)
    print(f"shop listens on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

"""What must hold of a release: it can be loaded, and, where URL names a running one, it answers the price."""

import json
import os
import sys
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import shop  # noqa: E402  (it is the test that it loads)

url = os.environ.get("URL")
if url:
    with urllib.request.urlopen(urllib.parse.urljoin(url, "/price?cents=1000&code=TEN"), timeout=5) as response:
        price = json.load(response)
    if price != {"cents": shop.discounted(1000, "TEN")}:
        sys.exit(f"the price is {price}")
print("smoke test passed", url or "without a server")

import threading
import unittest
import urllib.request
from http.server import ThreadingHTTPServer

import shop


class Discounts(unittest.TestCase):
    def test_ten_percent(self):
        self.assertEqual(shop.discounted(1000, "TEN"), 900)

    def test_rounds_down(self):
        self.assertEqual(shop.discounted(999, "HALF"), 499)

    def test_unknown_code_changes_nothing(self):
        self.assertEqual(shop.discounted(1000, "NOPE"), 1000)

    def test_negative_price_is_refused(self):
        with self.assertRaises(ValueError):
            shop.discounted(-1, None)


class Service(unittest.TestCase):
    def test_answers_over_http(self):
        server = ThreadingHTTPServer(("127.0.0.1", 0), shop.Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/price?cents=1000&code=TEN") as response:
            self.assertEqual(response.read(), b'{"cents": 900}')

    def test_a_bad_price_is_a_client_error(self):
        self.assertEqual(shop.answer("/price?cents=many")[0], 400)

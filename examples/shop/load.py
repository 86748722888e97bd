"""
A gentle load on the shop: some customers who look, buy and pay, and now and then meet a broken page.

``python -m examples.shop.load --url http://127.0.0.1:8100 --rate 5``
"""

from __future__ import annotations

import argparse
import random
import threading
import time
import urllib.error
import urllib.request

CUSTOMERS = 40
"""Distinct customers: a number that one can look for in the distinct users."""

JOURNEYS = (
    ("GET", "/", 50),
    ("GET", "/items/{item}", 25),
    ("POST", "/items/{item}/orders", 14),
    ("POST", "/pay?seconds={seconds:.2f}", 8),
    ("GET", "/items/999", 2),
    ("GET", "/broken", 1),
)
"""Method, path and weight of what customers do."""


def visit(url: str, chance: random.Random) -> None:
    """Send one request of one customer; answers of any status are fine."""
    method, path, _ = chance.choices(JOURNEYS, [weight for _, _, weight in JOURNEYS])[0]
    target = url + path.format(item=chance.randint(1, 8), seconds=min(9.0, chance.expovariate(1.5)))
    headers = {"X-Customer": f"customer-{chance.randint(1, CUSTOMERS)}"}
    request = urllib.request.Request(target, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        error.close()
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        pass  # the shop is starting or stopping; the next customer tries again


def main() -> None:
    """Send requests at a steady mean rate until the process is ended."""
    parser = argparse.ArgumentParser(prog="examples.shop.load", description="A gentle load on the shop.")
    parser.add_argument("--url", default="http://127.0.0.1:8100")
    parser.add_argument("--rate", type=float, default=5.0, help="requests a second, on average")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    while True:
        worker = random.Random(chance.random())
        threading.Thread(target=visit, args=(arguments.url, worker), daemon=True).start()
        time.sleep(chance.expovariate(arguments.rate))


if __name__ == "__main__":
    main()

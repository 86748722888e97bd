"""The shop's web application."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from flask import Flask, Response, abort, jsonify, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from examples.shop.catalogue import find_item, list_items, place_order

if TYPE_CHECKING:
    from sqlalchemy import Engine

SLOWEST_PAYMENT_S = 30.0
"""`/pay?seconds=` is capped here: a request that is held must end by itself."""


class ShopMetrics:
    """What the shop counts for itself, for any scraper to read."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.orders = Counter("shop_orders", "Orders placed.", ["item"], registry=self.registry)
        self.refusals = Counter("shop_refusals", "Orders refused.", registry=self.registry)
        self.payment_seconds = Histogram(
            "shop_payment_seconds",
            "Time that payments took.",
            buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5),
            registry=self.registry,
        )
        self.open_payments = Gauge("shop_open_payments", "Payments in progress.", registry=self.registry)


def make_application(engine: Engine, metrics: ShopMetrics) -> Flask:
    """Return the shop; the caller instruments it."""
    app = Flask("shop")

    @app.get("/")
    def catalogue() -> Response:
        return jsonify(list_items(engine))

    @app.get("/items/<int:item_id>")
    def item(item_id: int) -> Response:
        found = find_item(engine, item_id)
        if found is None:
            abort(404)
        return jsonify(found)

    @app.post("/items/<int:item_id>/orders")
    def order(item_id: int) -> Response:
        number = place_order(engine, item_id, request.headers.get("X-Customer", "nobody"))
        if number is None:
            metrics.refusals.inc()
            abort(409)
        metrics.orders.labels(item=str(item_id)).inc()
        return jsonify({"order": number})

    @app.post("/pay")
    def pay() -> Response:
        seconds = min(float(request.args.get("seconds", "0.1")), SLOWEST_PAYMENT_S)
        with metrics.open_payments.track_inprogress(), metrics.payment_seconds.time():
            time.sleep(seconds)
        return jsonify({"paid": True})

    @app.get("/broken")
    def broken() -> Response:
        raise RuntimeError("this page is broken on purpose: it shows what a failed transaction looks like")

    @app.get("/metrics")
    def exposition() -> Response:
        if "application/openmetrics-text" in request.headers.get("Accept", ""):
            text = generate_openmetrics(metrics.registry)  # type: ignore[no-untyped-call]
            return Response(text, content_type=CONTENT_TYPE_LATEST)
        text = generate_latest(metrics.registry)
        return Response(text, content_type="text/plain; version=0.0.4")

    return app

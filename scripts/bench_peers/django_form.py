"""The same order form the usual way: Django and REST framework, rows for the order, its request and its outbox.

Lean on purpose: no sessions, no accounts, no rate limit, no encryption, and only the middleware whose headers ours
sends too. Connections persist, and a request is one transaction.
"""

import os
import re
import secrets
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings

PATH = "/embassy/create-order/"
_parts = urlsplit(os.environ["BENCH_DATABASE_URL"])

settings.configure(
    DEBUG=False,
    SECRET_KEY=secrets.token_hex(32),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _parts.path.lstrip("/"),
            "USER": _parts.username,
            "PASSWORD": _parts.password or "",
            "HOST": parse_qs(_parts.query).get("host", [_parts.hostname or ""])[0],
            "PORT": str(_parts.port or ""),
            "CONN_MAX_AGE": None,
            "ATOMIC_REQUESTS": True,
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 - Django is set up before anything of it is used
from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import serializers  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

EFFECTS = (("zoho", "enter_contact"), ("zoho", "enter_order"), ("mail", "staff_notice"), ("mail", "welcome"))


class Order(models.Model):
    """What was ordered, and where it stands."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    tracking_id = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=120)
    email = models.EmailField(max_length=254, db_index=True)
    phone = models.CharField(max_length=40, db_index=True)
    company = models.CharField(max_length=120, blank=True)
    document_type = models.CharField(max_length=120)
    country = models.CharField(max_length=120)
    notarization = models.BooleanField(default=False)
    comments = models.TextField(max_length=2000, blank=True)
    stage = models.CharField(max_length=40, default="document_received")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "bench"


class IdempotencyKey(models.Model):
    """A request, and the order that it placed."""

    key = models.CharField(max_length=255, unique=True)
    order = models.ForeignKey(Order, on_delete=models.CASCADE)

    class Meta:
        app_label = "bench"


class Outbox(models.Model):
    """Something to be done for an order, by somebody else."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    channel = models.CharField(max_length=20)
    kind = models.CharField(max_length=40)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "bench"


class OrderForm(serializers.ModelSerializer[Order]):
    """What a body must hold."""

    class Meta:
        model = Order
        fields = ("name", "email", "phone", "company", "document_type", "country", "notarization", "comments")

    def validate_phone(self, value: str) -> str:
        """7 to 15 digits."""
        if not 7 <= len(re.sub(r"\D", "", value)) <= 15:
            raise serializers.ValidationError("Enter a phone number with 7 to 15 digits.")
        return value


class PlaceOrder(APIView):
    """Place an order once per Idempotency-Key."""

    def post(self, request: Request) -> Response:
        form = OrderForm(data=request.data)
        form.is_valid(raise_exception=True)
        key = request.headers["Idempotency-Key"]
        earlier = IdempotencyKey.objects.select_related("order").filter(key=key).first()
        if earlier is not None:
            return Response(answer(earlier.order), status=201)
        order = form.save(tracking_id=secrets.token_hex(6).upper())
        IdempotencyKey.objects.create(key=key, order=order)
        Outbox.objects.bulk_create(Outbox(order=order, channel=channel, kind=kind) for channel, kind in EFFECTS)
        return Response(answer(order), status=201)


def answer(order: Order) -> dict[str, Any]:
    """What ours answers too."""
    return {
        "order_id": str(order.id),
        "file_urls": [],
        "tracking_id": order.tracking_id,
        "tracking_url": f"http://127.0.0.1/tracking/{order.tracking_id}/",
    }


def create_tables() -> None:
    """Make the three tables."""
    with connection.schema_editor() as editor:
        for model in (Order, IdempotencyKey, Outbox):
            editor.create_model(model)


urlpatterns = [path(PATH.lstrip("/"), PlaceOrder.as_view())]
application = get_wsgi_application()

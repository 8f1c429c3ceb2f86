"""The Flask app: blueprints, error answers, security headers, limits."""

import re
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Flask, Response, g, request
from flask_bootstrap import Bootstrap5
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from redis.backoff import NoBackoff
from redis.retry import Retry
from structlog.contextvars import bind_contextvars
from werkzeug.middleware.proxy_fix import ProxyFix

from adapters.wiring import Services
from domain.documents.letters import company
from web import api, health, home, mail_hooks, sandbox, sandbox_checkout
from web.cors import install_cors
from web.counters import Counters
from web.documents import calls, checkout, crm_hooks, media, orders, tracking
from web.errors import install_errors
from web.metrics import install_observation

# A form waits for no Redis.
SHORT_WAITS: dict[str, Any] = {
    "socket_connect_timeout": 0.5,
    "socket_timeout": 0.5,
    "retry": Retry(NoBackoff(), 0),
}
CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; "
    "form-action 'self' https://checkout.stripe.com; base-uri 'none'; frame-ancestors 'none'"
)
ORDER_PAGE, CHECKOUT = "documents.show_order", "payments.create_session"
PRIVATE_PAGES = {"tracking.show", ORDER_PAGE}  # whoever has the address may look; nobody else is told
KEY = "Idempotency-Key"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def create_app(services: Services) -> Flask:
    """The web over these services; it starts no threads and opens no database of its own."""
    app = Flask("web", root_path=str(Path(__file__).parent))
    app.config.update(
        API_TITLE="Daybook",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    app.url_map.strict_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["daybook"] = services
    if services.settings.trusted_proxies:
        hops = services.settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    install_observation(app)
    Bootstrap5(app)
    _install_blueprints(app, services)
    install_errors(app)
    origins = services.settings.form_origins
    install_cors(app, origins=origins, blueprint=orders.bp.name, closed=ORDER_PAGE, also=CHECKOUT)
    _install_limits(app, services)
    _install_requests(app, services)
    _install_templates(app, services)
    return app


def _install_blueprints(app: Flask, services: Services) -> None:
    documented = api.Documented(app)
    app.extensions["daybook-api"] = documented
    documented.register_blueprint(orders.bp)
    documented.register_blueprint(tracking.bp)
    documented.register_blueprint(checkout.bp)
    documented.register_blueprint(crm_hooks.bp)
    documented.register_blueprint(calls.bp)
    documented.register_blueprint(mail_hooks.bp)
    plain = (home.bp, media.bp, health.bp, api.bp)
    for blueprint in plain:
        app.register_blueprint(blueprint)
    api.describe_plain(app, documented, blueprints={blueprint.name for blueprint in plain})
    if services.sandbox is not None:
        app.register_blueprint(sandbox.bp)
        app.register_blueprint(sandbox_checkout.bp)


def _key_of_form() -> str:
    """An Idempotency-Key counts for one form; a digest, as a key may hold what is personal."""
    return sha256(f"{request.path.rstrip('/')} {request.headers[KEY]}".encode()).hexdigest()


def _install_limits(app: Flask, services: Services) -> None:
    settings = services.settings
    limiter = Limiter(
        get_remote_address,
        storage_uri=settings.redis_url or f"{Counters.STORAGE_SCHEME[0]}://",
        storage_options=SHORT_WAITS if settings.redis_url else {},
        in_memory_fallback_enabled=True,
    )
    # It hooks itself into every request unless it is there already: only the views wrapped below have a limit.
    app.extensions["limiter"] = {limiter}
    limiter.init_app(app)
    forms, page = limiter.shared_limit(settings.form_rate, scope="forms"), limiter.limit(settings.tracking_rate)
    keys = limiter.shared_limit(
        settings.form_rate, scope="keys", key_func=_key_of_form, exempt_when=lambda: KEY not in request.headers
    )
    views: dict[str, Any] = app.view_functions
    for endpoint, view in list(views.items()):
        if endpoint.startswith("documents.place_"):
            views[endpoint] = keys(forms(view))
        elif endpoint == "tracking.show":
            views[endpoint] = page(view)

    @app.after_request
    def come_back(response: Response) -> Response:
        if response.status_code == 429 and (limit := limiter.current_limit):
            response.headers["Retry-After"] = str(max(1, limit.reset_at - int(time.time())))
        return response


def _install_requests(app: Flask, services: Services) -> None:
    production = services.settings.production

    @app.before_request
    def arrive() -> None:
        g.now = services.now()
        given = request.headers.get("X-Request-Id", "")
        g.correlation = given if REQUEST_ID.fullmatch(given) else uuid4().hex
        bind_contextvars(correlation=g.correlation)

    @app.after_request
    def leave(response: Response) -> Response:
        headers = response.headers
        if request.endpoint in PRIVATE_PAGES:
            headers["Cache-Control"], headers["Referrer-Policy"] = "no-store", "no-referrer"
            headers["X-Robots-Tag"] = "noindex"
        headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
        headers.setdefault("X-Frame-Options", "DENY")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Request-Id"] = g.correlation
        if production:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        return response


def _install_templates(app: Flask, services: Services) -> None:
    zone = services.office.zone

    def office_time(moment: datetime) -> str:
        return f"{moment.astimezone(zone):%b %-d, %Y, %-I:%M %p}"

    def iso(moment: datetime) -> str:
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

    app.jinja_env.filters.update(office_time=office_time, iso=iso, resolve=api.resolve)
    dialled = re.sub(r"[ ()-]", "", services.office.phone)
    app.jinja_env.globals["company"] = {**company(services.office), "dialled": dialled}

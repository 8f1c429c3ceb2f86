"""The Flask app: blueprints, error answers, security headers, limits."""

import re
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Flask, Response, g, request
from flask_bootstrap import Bootstrap5
from structlog.contextvars import bind_contextvars
from werkzeug.middleware.proxy_fix import ProxyFix

from adapters.wiring import Services
from domain.documents.letters import company
from web import api, health, home, mail_hooks, sandbox, sandbox_checkout
from web.answers import Json
from web.cors import install_cors
from web.documents import calls, checkout, crm_hooks, media, orders, tracking
from web.errors import install_errors
from web.limits import Limit, address, open_limits
from web.metrics import install_observation

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; "
    "form-action 'self' https://checkout.stripe.com; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {  # where an answer brings none of its own
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
ORDER_PAGE, CHECKOUT = "documents.show_order", "payments.create_session"
PRIVATE_PAGES = {"tracking.show", ORDER_PAGE}  # whoever has the address may look; nobody else is told
PRIVATE_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
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
    app.json = Json(app)
    # No view or hook of ours is async; Flask would ask each of them at every request.
    app.ensure_sync = lambda view: view  # type: ignore[assignment, method-assign]
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


def _key_of_form() -> str | None:
    """An Idempotency-Key counts for one form; a digest, as a key may hold what is personal."""
    key = request.headers.get(KEY)
    return None if key is None else sha256(f"{request.path.rstrip('/')} {key}".encode()).hexdigest()


def _install_limits(app: Flask, services: Services) -> None:
    settings = services.settings
    limits = app.extensions["daybook-limits"] = open_limits(settings.redis_url)
    forms = Limit(limits, settings.form_rate, scope="forms", caller=address)
    keys = Limit(limits, settings.form_rate, scope="keys", caller=_key_of_form)
    page = Limit(limits, settings.tracking_rate, scope="tracking", caller=address)
    views: dict[str, Any] = app.view_functions
    for endpoint, view in list(views.items()):
        if endpoint.startswith("documents.place_"):
            views[endpoint] = keys(forms(view))
        elif endpoint == "tracking.show":
            views[endpoint] = page(view)


def _install_requests(app: Flask, services: Services) -> None:
    lasting = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
    hosting = lasting if services.settings.production else {}

    @app.before_request
    def arrive() -> None:
        g.now = services.now()
        given = request.headers.get("X-Request-Id", "")
        g.correlation = given if REQUEST_ID.fullmatch(given) else uuid4().hex
        bind_contextvars(correlation=g.correlation)

    @app.after_request
    def leave(response: Response) -> Response:
        headers = response.headers
        given = set(headers.keys())
        private = PRIVATE_HEADERS if request.endpoint in PRIVATE_PAGES else {}
        ours = {**SECURITY_HEADERS, **private, **hosting, "X-Request-Id": g.correlation}
        headers.extend([(name, value) for name, value in ours.items() if name not in given])
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

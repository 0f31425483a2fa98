"""incidentbot: incident management from the first alarm to the published post-mortem."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from incidentbot.config import Settings


def create_app(settings: "Settings | None" = None) -> "Flask":
    """Build the Flask app: settings, extensions, doors. Raises SettingsError.

    Without `settings` they are read from the environment.
    """
    # Imported here so that `python -m incidentbot.sandbox` starts without any of it.
    from flask import Flask
    from werkzeug.middleware.proxy_fix import ProxyFix

    from incidentbot import cli, slack, web
    from incidentbot.config import ROOT, load_settings
    from incidentbot.database import prepare_engine
    from incidentbot.extensions import csrf, db, login, migrate
    from incidentbot.ops import health, logs, requests, tracing
    from incidentbot.ops.redaction import Redactor

    settings = settings or load_settings()
    logs.configure_logging(settings.log_level, settings.log_format, settings.secrets)
    tracing.start(settings, Redactor(settings.secrets))

    app = Flask(
        "incidentbot",
        root_path=str(ROOT),
        instance_path=str(ROOT / "instance"),
    )
    app.config.from_mapping(settings.flask_config())
    app.extensions["settings"] = settings
    if settings.proxy_hops:
        # Proxies add to X-Forwarded-For; X-Forwarded-Proto has one value, however many they are.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxy_hops, x_proto=1)  # type: ignore[method-assign]  # Flask's documented way

    requests.install(app)

    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    login.init_app(app)
    csrf.init_app(app)

    app.register_blueprint(health.blueprint)
    slack.register(app, settings)
    web.register(app)
    cli.register(app)
    return app

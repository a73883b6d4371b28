"""Settings, each from the environment with a default that is safe on the open internet.

Any value can also be read from a file by setting `NAME_FILE`. `SITE_URL` decides the most: an https address turns on
secure cookies, HSTS and the redirect to https; plain http is for this machine only (check segment_app.E001).
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import environ

from segment_app import secrets_file

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()

DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / ".data")))
DEBUG = env.bool("DEBUG", default=False)

PORT = env.int("PORT", default=8000)
SITE_URL = env.str("SITE_URL", default=f"http://localhost:{PORT}").strip().rstrip("/")
SITE_HOST = urlsplit(SITE_URL).hostname or "localhost"
SITE_IS_LOCAL = SITE_HOST in {"localhost", "127.0.0.1", "::1"}
HTTPS = SITE_URL.startswith("https://")

_generated = (
    {}
    if all({name, f"{name}_FILE"} & set(os.environ) for name in secrets_file.DRAW)
    else secrets_file.load_or_create(DATA_DIR)
)
# A value that starts with `$` would be read as a reference by django-environ, and files keep their last newline.
SECRET_KEY = env.str("SECRET_KEY", default=_generated.get("SECRET_KEY", "")).strip()
DATA_SEALING_KEYS = [
    key.strip() for key in env.list("DATA_SEALING_KEYS", default=[_generated.get("DATA_SEALING_KEYS", "")])
]

# Signs checkpoints of the audit log: base64 of 32 bytes. Public halves of keys used before stay listed.
AUDIT_SIGNING_KEY = env.str("AUDIT_SIGNING_KEY", default=_generated.get("AUDIT_SIGNING_KEY", "")).strip()
AUDIT_OLD_PUBLIC_KEYS = [key.strip() for key in env.list("AUDIT_OLD_PUBLIC_KEYS", default=[])]
# A folder outside the database's reach that checkpoints are copied to; empty for none.
AUDIT_CHECKPOINT_DIR = env.str("AUDIT_CHECKPOINT_DIR", default="")

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if SITE_IS_LOCAL else [SITE_HOST])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[SITE_URL] if HTTPS else [])

INSTALLED_APPS = [
    "segment_app",
    "destinations",
    "privacy",
    "workspaces",
    "audit",
    "segment_app.support_admin.SupportAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "django_tomselect",
    "lucide",
    "template_partials",
]

MIDDLEWARE = [
    "audit.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "workspaces.middleware.IdleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "workspaces.middleware.FreshMiddleware",
    "workspaces.middleware.SecondFactorMiddleware",
    "workspaces.middleware.WorkspaceMiddleware",
    "audit.middleware.AuditMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "segment_app.urls"
WSGI_APPLICATION = "segment_app.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "workspaces.context_processors.shell",
                "workspaces.context_processors.session",
            ],
            "builtins": [
                "lucide.templatetags.lucide",
                "django_htmx.templatetags.django_htmx",
                "segment_app.templatetags.ui",
            ],
        },
    }
]
FORM_RENDERER = "segment_app.forms.Renderer"

# Database: SQLite for one machine, PostgreSQL for production.
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'db.sqlite3'}")}
# How long a statement waits for a lock; wsgi.py says how long where a person waits for the answer. 0: 20 on SQLite, no
# end on PostgreSQL, since workers and commands have time.
DATABASE_LOCK_SECONDS = env.float("DATABASE_LOCK_SECONDS", default=0.0)
if "sqlite" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # a transaction that reads and then writes would otherwise fail with "locked"
        "timeout": DATABASE_LOCK_SECONDS or 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA cache_size=-32768;"
        # What is deleted is overwritten: it may be about a patient.
        "PRAGMA secure_delete=ON;",
    }
    DATABASES["default"]["CONN_MAX_AGE"] = None
else:
    if DATABASE_LOCK_SECONDS:
        of_url = DATABASES["default"].setdefault("OPTIONS", {})
        lock = f"-c lock_timeout={round(DATABASE_LOCK_SECONDS * 1000)}"
        of_url["options"] = f"{of_url.get('options', '')} {lock}".strip()
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=600)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Shared by every process: sign-in limits in local memory would count per process.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}

# Events
EVENT_LOG_URL = env.str("EVENT_LOG_URL", default="database")
EVENT_LOG_DIR = DATA_DIR / "events"
EVENT_RETENTION_DAYS = env.int("EVENT_RETENTION_DAYS", default=30)
# Events a second that one workspace may send to each web process; 0 sets no limit.
TRACKING_RATE_LIMIT = env.int("TRACKING_RATE_LIMIT", default=0)
DELIVERY_ALLOWED_NETWORKS = env.list("DELIVERY_ALLOWED_NETWORKS", default=[])

# People
AUTH_USER_MODEL = "workspaces.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "workspaces.passwords.GuessablePasswordValidator"},
    {"NAME": "workspaces.passwords.MaximumLengthValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "workspaces.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_FORMS = {"change_password": "workspaces.account_forms.ChangePasswordForm"}
# `login_failed` stands behind axes' lock and is wider: it counts in one step, so that guesses sent all at once do not
# slip past. What counts by address leaves room for a clinic behind one.
ACCOUNT_RATE_LIMITS = {
    "login": "300/m/ip",
    "login_failed": "10/5m/key",
    "reset_password": "100/m/ip,5/m/key",
    "reset_password_from_key": "100/m/ip",
}
ACCOUNT_REAUTHENTICATION_TIMEOUT = 5 * 60
PASSWORD_RESET_TIMEOUT = 60 * 60  # Django's three days are long for a mailbox that others may read
MFA_ADAPTER = "workspaces.mfa.MfaAdapter"
MFA_FORMS = {
    "authenticate": "workspaces.account_forms.AuthenticateForm",
    "reauthenticate": "workspaces.account_forms.ReauthenticateForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Lifeline"
MFA_TOTP_TOLERANCE = 1  # a phone's clock half a minute off
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"  # a passkey alone stands for both factors
# Browsers treat localhost as secure without TLS; the library wants to be told.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = SITE_IS_LOCAL and not HTTPS
AXES_HANDLER = "workspaces.lockout.LockoutHandler"
AXES_FAILURE_LIMIT = 5  # of one account, wherever the tries come from
FAILURES_PER_ADDRESS = 100  # of all accounts together: a clinic behind one address has many who mistype
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]  # each by itself
# Warns that limits by cookie or browser can be dodged; ours adds up an account's failures whatever they come with.
SILENCED_SYSTEM_CHECKS = ["axes.W006"]
AXES_CLIENT_IP_CALLABLE = "workspaces.accounts.lock_address"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True  # the audit log keeps it
AXES_USERNAME_CALLABLE = "workspaces.accounts.login_name"
AXES_SENSITIVE_PARAMETERS = [
    "login",
    "password",
    "oldpassword",
    "password1",
    "password2",
    "code",
    "credential",
    "csrfmiddlewaretoken",
]
AXES_LOCKOUT_TEMPLATE = "account/locked.html"
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False  # workspaces.admin registers an audited one

SESSION_COOKIE_AGE = 7 * 24 * 60 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "workspaces.views.errors.csrf_failure"

# Transport and headers
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 63_072_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# How many reverse proxies of our own stand in front; their X-Forwarded-For and X-Forwarded-Proto are believed.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}

EMAIL_CONFIG = env.email_url("EMAIL_URL", default=f"filemail:///{DATA_DIR / 'mail'}")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10  # seconds: a person or a worker waits meanwhile
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"no-reply@{SITE_HOST}")

LANGUAGE_CODE = "en-us"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / ".static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": env.str("STATIC_STORAGE", default="whitenoise.storage.CompressedManifestStaticFilesStorage")
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "segment_app.logs.LineFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    # Django's own handler would mail settings, cookies and posted values to ADMINS.
    # axes names accounts in its lines; what it has to tell stands in the audit log.
    "loggers": {"django": {"handlers": [], "level": "INFO", "propagate": True}, "axes": {"level": "CRITICAL"}},
}

# Uploads (lists of user ids) stay in memory: Django would put large ones into a temporary file, in clear.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

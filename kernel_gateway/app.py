"""The route table; no logic."""

from __future__ import annotations

import logging

from tornado.web import Application, RequestHandler

from kernel_gateway.api import admin, conversations, files, health, paths, turns, users
from kernel_gateway.api.json_handler import UnknownAddressHandler
from kernel_gateway.jupyter import contents, kernels, sessions
from kernel_gateway.jupyter.channels import ChannelsSocket
from kernel_gateway.services import Services
from kernel_gateway.stream import EventsSocket

access = logging.getLogger("tallybook.access")
# A 1 MB request gets a typed answer; only what is far beyond closes the socket.
WEBSOCKET_MESSAGE_BYTES = 8_000_000

CONVERSATION = r"/api/v1/conversations/([^/]+)"
PATH = CONVERSATION + r"/paths/([^/]+)"


def _log_request(handler: RequestHandler) -> None:
    """Log method, path and status; never the query, where a token could stand."""
    request = handler.request
    access.info(
        "%s %s %s %.1f ms",
        request.method,
        request.path,
        handler.get_status(),
        1000 * request.request_time(),
    )


def make_app(services: Services) -> Application:
    """Return the tornado application."""
    return Application(
        [
            (r"/api/v1/health", health.HealthHandler),
            (r"/api/v1/conversations", conversations.ConversationsHandler),
            (CONVERSATION, conversations.ConversationHandler),
            (CONVERSATION + "/paths", paths.PathsHandler),
            (PATH, paths.PathHandler),
            (PATH + "/merge", paths.MergeHandler),
            (PATH + "/context", paths.ContextHandler),
            (PATH + "/files", files.FilesHandler),
            (PATH + "/files/(.+)", files.FileHandler),
            (PATH + "/notebook", files.NotebookHandler),
            (PATH + "/events", EventsSocket),
            (PATH + "/turns", turns.PathTurnsHandler),
            (PATH + "/cancel", turns.PathCancelHandler),
            (r"/api/v1/turns/([^/]+)", turns.TurnHandler),
            (r"/api/v1/turns/([^/]+)/rating", turns.RatingHandler),
            (r"/api/v1/permissions/([^/]+)", turns.PermissionHandler),
            (r"/api/v1/execute", turns.ExecuteHandler),
            (r"/api/v1/execute-task", turns.ExecuteTaskHandler),
            (r"/api/v1/grants", turns.GrantsHandler),
            (r"/api/v1/grants/([^/]+)", turns.GrantHandler),
            (r"/api/v1/audit", turns.AuditHandler),
            (r"/api/v1/users/([^/]+)", users.UserHandler),
            (r"/api/v1/users/([^/]+)/export", users.UserExportHandler),
            (r"/api/v1/admin/cleanup", admin.CleanupHandler),
            (r"/api/?", contents.VersionHandler),
            (r"/api/status", contents.StatusHandler),
            (r"/api/me", contents.MeHandler),
            (r"/api/kernelspecs", kernels.KernelSpecsHandler),
            (r"/api/kernelspecs/([^/]+)", kernels.KernelSpecHandler),
            (r"/api/kernels", kernels.KernelsHandler),
            (r"/api/kernels/([^/]+)", kernels.KernelHandler),
            (r"/api/kernels/([^/]+)/(interrupt|restart)", kernels.KernelActionHandler),
            (r"/api/kernels/([^/]+)/channels", ChannelsSocket),
            (r"/api/sessions", sessions.SessionsHandler),
            (r"/api/sessions/([^/]+)", sessions.SessionHandler),
            (r"/api/contents/(.+)/checkpoints", contents.CheckpointsHandler),
            (r"/api/contents/?(.*)", contents.ContentsHandler),
            (r"/(|app\.js|app\.css)", health.PageHandler),
        ],
        default_handler_class=UnknownAddressHandler,
        log_function=_log_request,
        services=services,
        websocket_max_message_size=WEBSOCKET_MESSAGE_BYTES,
        websocket_ping_interval=20,
    )

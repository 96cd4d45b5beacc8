"""The route table; no logic."""

from __future__ import annotations

import functools
import logging
from typing import Any

from tornado.web import Application, RequestHandler

from kernel_gateway.http.handlers import (
    admin,
    batches,
    chat,
    conversations,
    demo,
    exports,
    file_comparisons,
    file_profiles,
    file_versions,
    files,
    health,
    history,
    ledger,
    lineage,
    modes,
    page,
    paths,
    preferences,
    range_history,
    reruns,
    resumable_uploads,
    turns,
    users,
)
from kernel_gateway.http.handlers.stream import EventsSocket
from kernel_gateway.http.json_handler import JsonHandler, UnknownAddressHandler
from kernel_gateway.http.openapi import METHODS, Route, make_document, make_page
from kernel_gateway.jupyter import contents, kernels, sessions
from kernel_gateway.jupyter.channels import ChannelsSocket
from kernel_gateway.services import Services

access = logging.getLogger("tallybook.access")
# Well above the 1 MB request limit, so that such a request gets a typed error, not a closed socket.
WEBSOCKET_MESSAGE_BYTES = 8_000_000

CONVERSATION = "/api/v1/conversations/{conversation}"
PATH = CONVERSATION + "/paths/{path}"
ROUTES = (
    Route("/api/v1/health", health.HealthHandler),
    Route("/health", health.HealthHandler),
    Route("/ready", health.ReadyHandler),
    Route("/metrics", health.MetricsHandler),
    Route("/api/v1/demo", demo.DemoHandler),
    Route("/api/v1/conversations", conversations.ConversationsHandler),
    Route(CONVERSATION, conversations.ConversationHandler),
    Route(CONVERSATION + "/mode", modes.ModeHandler),
    Route(CONVERSATION + "/paths", paths.PathsHandler),
    Route(PATH, paths.PathHandler),
    Route(PATH + "/merge", paths.MergeHandler),
    Route(PATH + "/context", paths.ContextHandler),
    Route(PATH + "/files", files.FilesHandler),
    Route(PATH + "/files/{name*}/profile", file_profiles.FileProfileHandler),
    Route(PATH + "/files/{name*}/preview", file_profiles.FilePreviewHandler),
    Route(PATH + "/files/{name*}/compare", file_comparisons.FileComparisonHandler),
    Route(PATH + "/files/{name*}", files.FileHandler),
    Route(PATH + "/uploads", resumable_uploads.UploadsHandler),
    Route(PATH + "/uploads/{upload}", resumable_uploads.UploadHandler),
    Route(PATH + "/versions/{name*}", file_versions.FileVersionsHandler),
    Route(PATH + "/history", history.HistoryHandler),
    Route(PATH + "/history/undo", history.UndoHandler),
    Route(PATH + "/history/ranges", range_history.RangesHandler),
    Route(PATH + "/history/ranges/{checkpoint}", range_history.RangeHandler),
    Route(PATH + "/history/{checkpoint}", history.CheckpointHandler),
    Route(PATH + "/history/{checkpoint}/restore", history.RestoreHandler),
    Route(PATH + "/notebook", files.NotebookHandler),
    Route(PATH + "/notebook/export", exports.NotebookExportHandler),
    Route(PATH + "/notebook/parameters", reruns.ParametersHandler),
    Route(PATH + "/notebook/reruns", reruns.RerunsHandler),
    Route(PATH + "/notebook/reruns/{rerun}", reruns.RerunHandler),
    Route(PATH + "/notebook/trace", lineage.TraceHandler),
    Route(PATH + "/notebook/staleness", lineage.StalenessHandler),
    Route(PATH + "/notebook/verification", ledger.VerificationHandler),
    Route(PATH + "/notebook/sign-off", ledger.SignOffHandler),
    Route(PATH + "/events", EventsSocket, websocket=True),
    Route(PATH + "/turns", turns.PathTurnsHandler),
    Route(PATH + "/batches", batches.BatchesHandler),
    Route(PATH + "/cancel", turns.PathCancelHandler),
    Route("/api/v1/turns/{turn}", turns.TurnHandler),
    Route("/api/v1/turns/{turn}/rating", turns.RatingHandler),
    Route("/api/v1/permissions/{permission}", turns.PermissionHandler),
    Route("/api/v1/execute", turns.ExecuteHandler),
    Route("/api/v1/chat/completion", chat.ChatCompletionHandler),
    Route("/api/v1/execute-task", turns.ExecuteTaskHandler),
    Route("/api/v1/keys", ledger.KeysHandler),
    Route("/api/v1/preferences", preferences.PreferencesHandler),
    Route("/api/v1/preferences/{preference}", preferences.PreferenceHandler),
    Route("/api/v1/grants", turns.GrantsHandler),
    Route("/api/v1/grants/{grant}", turns.GrantHandler),
    Route("/api/v1/audit", turns.AuditHandler),
    Route("/api/v1/me", users.MeHandler),
    Route("/api/v1/users/{user}", users.UserHandler),
    Route("/api/v1/users/{user}/export", users.UserExportHandler),
    Route("/api/v1/admin/cleanup", admin.CleanupHandler),
    Route("/api", contents.VersionHandler),
    Route("/api/status", contents.StatusHandler),
    Route("/api/me", contents.MeHandler),
    Route("/api/kernelspecs", kernels.KernelSpecsHandler),
    Route("/api/kernelspecs/{name}", kernels.KernelSpecHandler),
    Route("/api/kernels", kernels.KernelsHandler),
    Route("/api/kernels/{kernel}", kernels.KernelHandler),
    Route("/api/kernels/{kernel}/interrupt", kernels.InterruptHandler),
    Route("/api/kernels/{kernel}/restart", kernels.RestartHandler),
    Route("/api/kernels/{kernel}/channels", ChannelsSocket, websocket=True),
    Route("/api/sessions", sessions.SessionsHandler),
    Route("/api/sessions/{session}", sessions.SessionHandler),
    Route("/api/contents/{name*}/checkpoints", contents.CheckpointsHandler),
    Route("/api/contents", contents.ContentsHandler),
    Route("/api/contents/{name*}", contents.ContentsHandler),
)


def _log_request(handler: RequestHandler) -> None:
    """Log method, path and status; never the query, which may hold a token."""
    request = handler.request
    seconds, method = request.request_time(), request.method or "?"
    telemetry = handler.application.settings["services"].telemetry
    if handler.get_status() != 101:  # a websocket's request time is its whole lifetime
        known = method if method in METHODS else "other"
        telemetry.requests.labels(known, str(handler.get_status())).inc()
        telemetry.request_seconds.labels(known).observe(seconds)
    access.info(
        "%s %s %s %.1f ms",
        method,
        request.path,
        handler.get_status(),
        1000 * seconds,
    )


@functools.cache
def _document() -> dict[str, Any]:
    return make_document(ROUTES)


class DocumentHandler(JsonHandler):
    """``/api/v1/openapi.json``, and ``/api/v1/docs``, the same as a web page."""

    public = True

    async def get(self, name: str) -> None:
        document = _document()
        if name == "openapi.json":
            self.write_json(200, document)
            return
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(make_page(document))


def make_app(services: Services) -> Application:
    """Return the tornado application."""
    return Application(
        [
            *((route.pattern, route.handler) for route in ROUTES),
            (r"/api/v1/(openapi\.json|docs)", DocumentHandler),
            (r"/api/()", contents.VersionHandler),
            (r"/api/contents/()", contents.ContentsHandler),
            (r"/(?:addin/)?", page.PageHandler),
            (r"/addin/manifest\.xml", page.ManifestHandler),
            (r"/addin/([\w./-]+)", page.AssetHandler),
        ],
        default_handler_class=UnknownAddressHandler,
        log_function=_log_request,
        services=services,
        websocket_max_message_size=WEBSOCKET_MESSAGE_BYTES,
        websocket_ping_interval=20,
    )

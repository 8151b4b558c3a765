"""The page of this node and its assets, built from sdk/ into static/."""

from pathlib import Path

from starlette.datastructures import URL
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

DIRECTORY = Path(__file__).parent / "static"

NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>VPaaS</title>
<body style="font: 1.1rem/1.6 system-ui; max-width: 40rem; margin: 4rem auto; padding: 0 1rem">
<h1>The page is not built yet</h1>
<p>The API is running. To build the page and start the node, run <code>scripts/serve</code> in the source
tree.</p>"""

HEADERS = {
    # 'self' does not cover ws: in every browser; blob: is recorded media and workers the bundler inlines.
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'self'",
            "connect-src 'self' ws: wss:",
            "img-src 'self' data: blob:",
            "media-src 'self' blob: mediastream:",
            "worker-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
            "object-src 'none'",
        ]
    ),
    "Access-Control-Allow-Origin": "*",  # an app's own page may import the SDK from here
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self)",
    "Referrer-Policy": "no-referrer",  # a room may be in the address
    "X-Content-Type-Options": "nosniff",
}
IMMUTABLE = "public, max-age=31536000, immutable"  # the name of an asset carries the hash of its content
REVALIDATE = "no-cache"


class Page(StaticFiles):
    def __init__(self, directory: Path = DIRECTORY) -> None:
        super().__init__(directory=directory, html=True, check_dir=False)
        self.config_checked = True  # it may be built while the node runs
        self._index = directory / "index.html"

    async def get_response(self, path: str, scope: Scope) -> Response:
        if URL(scope=scope).path == "/" and not self._index.exists():
            response: Response = HTMLResponse(NOT_BUILT, 503, headers={"Retry-After": "10"})
        else:
            response = await super().get_response(path, scope)
        hashed = path.replace("\\", "/").startswith("assets/")
        response.headers["Cache-Control"] = IMMUTABLE if hashed else REVALIDATE
        response.headers.update(HEADERS)
        return response

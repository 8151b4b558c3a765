from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from vpaas_api.page import Page


@pytest.fixture
def static(tmp_path: Path) -> Path:
    directory = tmp_path / "static"
    (directory / "assets").mkdir(parents=True)
    (directory / "index.html").write_text("<!doctype html>page")
    (directory / "assets" / "page-1a2b3c4d.js").write_text("code")
    (tmp_path / "secret").write_text("secret")
    return directory


def page(directory: Path) -> httpx.AsyncClient:
    app = Starlette(routes=[Mount("/", Page(directory))])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node")


async def test_the_page_is_revalidated_and_its_assets_are_kept(static: Path) -> None:
    async with page(static) as client:
        response = await client.get("/")
        assert (response.status_code, response.text) == (200, "<!doctype html>page")
        assert response.headers["cache-control"] == "no-cache"
        etag = {"If-None-Match": response.headers["etag"]}
        assert (await client.get("/", headers=etag)).status_code == 304
        asset = await client.get("/assets/page-1a2b3c4d.js")
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert asset.headers["content-type"].startswith("text/javascript")


async def test_the_page_may_use_camera_and_sockets_but_no_foreign_code(static: Path) -> None:
    async with page(static) as client:
        headers = (await client.get("/")).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert "script-src" not in policy
    assert "ws:" in policy["connect-src"]
    assert "camera=(self)" in headers["permissions-policy"]
    assert headers["x-content-type-options"] == "nosniff"


async def test_the_page_of_an_app_may_import_the_sdk(static: Path) -> None:
    (static / "vpaas.js").write_text("export class WebRTC {}")
    async with page(static) as client:
        response = await client.get("/vpaas.js", headers={"Origin": "https://app.example"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/assets/none.js", "/../secret", "/%2e%2e/secret", "/assets", "/assets/%00"]
)
async def test_nothing_else_is_served(static: Path, path: str) -> None:
    async with page(static) as client:
        response = await client.get(path)
    assert response.status_code == 404
    assert "immutable" not in response.headers.get("cache-control", "")


async def test_a_missing_page_says_how_to_build_it(tmp_path: Path) -> None:
    async with page(tmp_path / "none") as client:
        response = await client.get("/")
        assert response.status_code == 503
        assert "scripts/serve" in response.text
        (tmp_path / "none").mkdir()
        (tmp_path / "none" / "index.html").write_text("built")
        assert (await client.get("/")).text == "built"

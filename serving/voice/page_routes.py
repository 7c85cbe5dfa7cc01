"""`/live`: the page on which an agent sees a call as it is said. Nothing of it comes from elsewhere."""

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

FOLDER = Path(__file__).with_name("live_page")
_SCRIPT = "text/javascript; charset=utf-8"
FILES = {
    "/live": ("live.html", "text/html; charset=utf-8"),
    "/live/live.css": ("live.css", "text/css; charset=utf-8"),
    **{f"/live/{name}": (name, _SCRIPT) for name in sorted(path.name for path in FOLDER.glob("*.js"))},
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "microphone=(self), display-capture=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}

router = APIRouter()


def _serve(path: str, name: str, media_type: str) -> None:
    @router.get(path, include_in_schema=False)
    async def file() -> Response:
        return FileResponse(FOLDER / name, media_type=media_type, headers=HEADERS)


for _path, (_name, _media_type) in FILES.items():
    _serve(_path, _name, _media_type)

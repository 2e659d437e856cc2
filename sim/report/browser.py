"""A headless browser of this machine, driven over its own debugging pipe: pages are loaded, asked, clicked, pictured.

No driver and no port is needed: Chromium speaks the DevTools protocol over two file descriptors.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sim.errors import StorageError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""Commands under which the browser is known."""

PATIENCE = 120.0
"""Longest wait for the browser [s]: a machine at work is slow."""

STARTER = """
import fcntl, os, sys
high = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for low, number in zip((3, 4), high):
    os.dup2(number, low)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Moves a pair of descriptors, first out of the way, to 3 and 4, where the protocol wants them."""

KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35}
"""Keys that can be pressed, with their codes."""


def find_browser() -> str | None:
    """Path of a browser of this machine, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """A page of the browser, by the DevTools protocol.

    Parameters
    ----------
    to_browser, from_browser : int
        File descriptors.

    Attributes
    ----------
    events : list of dict
        What the browser told since the page was opened.
    """

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._rest, self._number, self._session = b"", 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol and wait for its answer; events that come before it are kept.

        Raises
        ------
        StorageError
            If the browser does not answer, or refuses.
        """
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise StorageError(f"the browser refuses {method}: {answer['error'].get('message')}")
                return answer.get("result", {})
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], PATIENCE)
            part = os.read(self._from, 1 << 20) if ready else b""
            if not part:
                raise StorageError("the browser does not answer")
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def open(self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Load a page of the report in a window of this size, and wait until it is ready."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.call("Page.navigate", url=path.absolute().as_uri())
        self.wait("Boolean(document.documentElement) && document.documentElement.dataset.ready === '1'")

    def ask(self, expression: str) -> Any:
        """Value of a JavaScript expression; promises are waited for.

        Raises
        ------
        StorageError
            If the expression throws.
        """
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            detail = answer["exceptionDetails"]
            raise StorageError(f"the page failed: {detail.get('exception', {}).get('description', detail['text'])}")
        return answer["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until an expression is true.

        Raises
        ------
        StorageError
            If it never is.
        """
        limit = time.monotonic() + PATIENCE
        while not self.ask(expression):
            if time.monotonic() > limit:
                raise StorageError(f"the page never got so far: {expression}")
            time.sleep(0.05)

    def click(self, selector: str) -> None:
        """Click into the middle of an element with the mouse."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.ask(f"{element}.scrollIntoView({{block: 'center'}})")
        x, y = self.ask(
            f"(() => {{ const b = {element}.getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        self.click_at(x, y)

    def click_at(self, x: float, y: float) -> None:
        """Click a place of the window."""
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def hover(self, x: float, y: float) -> None:
        """Move the mouse to a place of the window."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key of ``KEYS``."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=KEYS[key],
                modifiers=8 if shift else 0,
            )

    def picture(self, path: Path) -> None:
        """Save what the window shows."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def said(self) -> list[str]:
        """What the page wrote to the console, and errors that nobody caught."""
        self.ask("1")  # whatever is on its way has come
        told = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(event["params"])[:600] for event in self.events if event.get("method") in told]

    def requests(self) -> list[str]:
        """Addresses that were asked for, beside data inside the page."""
        self.ask("1")
        sent = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith(("data:", "blob:"))]


@contextmanager
def browser_page(profile: Path) -> Iterator[Page]:
    """Start the browser with a profile of its own, and end it.

    Parameters
    ----------
    profile : Path
        Empty folder for what the browser writes.

    Raises
    ------
    StorageError
        If this machine has no browser.
    """
    browser = find_browser()
    if browser is None:
        raise StorageError(f"no browser is found on this machine; install one of {', '.join(NAMES)}")
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run"]
    options += ["--disable-background-networking", f"--user-data-dir={profile}", "about:blank"]
    command = [sys.executable, "-c", STARTER, str(to_read), str(from_write), browser, *options]
    with (profile / "browser.log").open("w") as log:
        process = subprocess.Popen(command, pass_fds=(to_read, from_write), stdout=log, stderr=log)
        os.close(to_read)
        os.close(from_write)  # where the browser dies, reading ends
        try:
            yield Page(to_write, from_read)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)
            os.close(to_write)
            os.close(from_read)

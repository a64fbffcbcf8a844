"""A headless Chromium, driven through chromedriver's HTTP interface (W3C WebDriver)."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

__all__ = ["Browser", "find_chromium"]

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "ArrowRight": "\ue014", "ArrowUp": "\ue013"}


def find_chromium() -> tuple[str, str] | None:
    """The programs of the browser and of its driver, if both are installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next((path for name in names if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


class Browser:
    """One window. Use as a context manager."""

    def __init__(self, programs: tuple[str, str], profile: Path) -> None:
        self.programs, self.profile = programs, profile

    def __enter__(self) -> Browser:
        browser, driver = self.programs
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.driver = subprocess.Popen(
            [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.address = f"http://127.0.0.1:{port}"
        arguments = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--window-size=1200,800", f"--user-data-dir={self.profile}",
        ]  # fmt: skip
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": browser, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        try:
            self._await_driver()
            session = self._call(
                "POST", "/session", {"capabilities": {"alwaysMatch": capabilities}}
            )
        except BaseException:
            self.driver.kill()
            self.driver.wait()
            raise
        self.session = f"/session/{session['sessionId']}"
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._call("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait(timeout=10)

    def _await_driver(self) -> None:
        for _ in range(100):
            try:
                self._call("GET", "/status")
                return
            except URLError:
                time.sleep(0.1)
        raise TimeoutError("chromedriver does not answer")

    def _call(self, method: str, path: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, address: str) -> None:
        self._call("POST", f"{self.session}/url", {"url": address})

    def command(self, name: str, parameters: dict) -> dict:
        """What Chromium's own protocol answers."""
        body = {"cmd": name, "params": parameters}
        return self._call("POST", f"{self.session}/goog/cdp/execute", body)

    def run(self, script: str, *arguments: object):
        """The value of a function body."""
        body = {"script": script, "args": list(arguments)}
        return self._call("POST", f"{self.session}/execute/sync", body)

    def comes_true(self, script: str) -> bool:
        """Whether a script returns something true within seconds: some events wait for a frame."""
        for _ in range(100):
            if self.run(script):
                return True
            time.sleep(0.05)
        return False

    def text(self, selector: str) -> str:
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def move(self, x: float, y: float, *, click: bool = False) -> None:
        """Move the pointer to a place in the window, and click there perhaps."""
        steps = [{"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)}]
        if click:
            steps += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        action = {"type": "pointer", "id": "mouse", "actions": steps}
        self._call("POST", f"{self.session}/actions", {"actions": [action]})

    def press(self, *keys: str) -> None:
        steps = []
        for key in keys:
            value = KEYS.get(key, key)
            steps += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        action = {"type": "key", "id": "keys", "actions": steps}
        self._call("POST", f"{self.session}/actions", {"actions": [action]})

    def click(self, selector: str) -> None:
        found = self._call(
            "POST", f"{self.session}/element", {"using": "css selector", "value": selector}
        )
        self._call("POST", f"{self.session}/element/{found[ELEMENT]}/click", {})

    def console(self) -> list[str]:
        """What the console was told since the last call."""
        log = self._call("POST", f"{self.session}/se/log", {"type": "browser"})
        return [f"{entry['level']}: {entry['message']}" for entry in log]

    def screenshot(self) -> bytes:
        picture = self._call("GET", f"{self.session}/screenshot")
        return base64.b64decode(picture)

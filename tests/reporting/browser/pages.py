"""Pages of a report in Chromium, and what is done to all of them."""

import shutil

PAGES = ("index.html", "cases/PH0001.html", "cases/PH0021.html", "plan.html")
READY = "#viewer[data-ready]"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 180_000  # ms; software draws slowly on a busy machine


def launch(driver, flags):
    """A browser without a window."""
    return driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *flags])


class Watched:
    """A page, and all that it asked for and complained about."""

    def __init__(self, page):
        self.page, self.requests, self.complaints = page, [], []
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._said)

    def _said(self, message):
        if message.type in ("error", "warning") and "GPU stall" not in message.text:
            self.complaints.append(message.text)

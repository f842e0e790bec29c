"""The page of lshreport as a browser shows it."""
import shutil
import subprocess

import numpy as np
import pytest

import joins
from reporting import SLICE, report

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
STAGES = {"plan": (203, 213, 225), "verify": (129, 140, 248), "candidates": (52, 211, 153), "cluster": (192, 132, 252)}


@pytest.mark.skipif(not BROWSER, reason="the page of lshreport in a browser: no chromium here")
def test_screenshot(tmp_path):
    import matplotlib.image
    out = tmp_path / "out"
    joins.run(["--threshold", 0.7, "--clusters", "--cluster-method", "star", "-o", out, SLICE], 3).ok()
    assert report(out).rc == 0
    browse = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1200,2900",
              f"--user-data-dir={tmp_path / 'profile'}"]
    shown = subprocess.run([*browse, f"--screenshot={tmp_path / 'page.png'}", f"file://{out}/report.html"],
                           capture_output=True, text=True, timeout=300)
    assert (tmp_path / "page.png").exists(), shown.stderr
    picture = (matplotlib.image.imread(tmp_path / "page.png")[..., :3] * 255).round().astype(int)
    assert picture.shape == (2900, 1200, 3)

    def rows_of(color):
        return np.flatnonzero((picture == color).all(2).sum(1) > 3)

    assert len(rows_of((37, 99, 235))) > 400, "the charts' bars and curve"
    tile = rows_of((29, 78, 216))
    assert len(tile) > 60 and tile[0] < 400, "the first tile, near the top"
    for stage, color in STAGES.items():
        rows = rows_of(color)
        assert len(rows) > 3 * 15, f"{stage}: a bar for each of three ranks"
        assert rows[0] > tile[-1] and len(np.flatnonzero(np.diff(rows) > 4)) >= 2, f"{stage}: the bars lie apart"
    white = (picture == 255).all(2).mean()
    assert 0.5 < white < 0.95, "cards, mostly"
    margins = (picture[400:2500, :20] == (241, 245, 249)).all()
    assert margins and (picture[400:2500, -20:] == (241, 245, 249)).all(), "nothing sticks out at the sides"

"""Colours by role, for light and dark grounds, as CSS. Text keeps a contrast of at least 4.5 on its ground."""

from __future__ import annotations

__all__ = ["BORDERS", "FILLS", "INKS", "stylesheet"]

FILLS = {
    "leaf": ("#e3f0fd", "#12304d"),
    "op": ("#ffffff", "#26262b"),
    "output": ("#fff4d6", "#3d3010"),
    "constant": ("#f0f0f0", "#33333a"),
    "module": ("#eef6ee", "#1b2f1d"),
    "group": ("#f7faf7", "#17211a"),
    "bad": ("#fde3e3", "#4a1a1a"),
    "marked": ("#fff0b8", "#4a3d0c"),
    "heat0": ("#f4f4f4", "#202024"),
    "heat1": ("#fdf1e7", "#2b2018"),
    "heat2": ("#fce2cd", "#3a2818"),
    "heat3": ("#fad0ae", "#4a3018"),
    "heat4": ("#f7ba8b", "#5c3818"),
    "heat5": ("#f4a469", "#703f14"),
}
BORDERS = {
    "leaf": ("#2b6cb0", "#7ab8f5"),
    "op": ("#444444", "#b5b5bd"),
    "output": ("#9a6700", "#e0b252"),
    "constant": ("#777777", "#9a9aa3"),
    "module": ("#2e7d32", "#81c784"),
    "backward": ("#c62828", "#ff8a80"),
}
INKS = {
    "title": ("#1a1a1a", "#f1f1f3"),
    "value": ("#1b1b1b", "#f0f0f2"),
    "note": ("#555555", "#bdbdc6"),
    "gradient": ("#b71c1c", "#ff9a91"),
    "warning": ("#b01010", "#ffa59d"),
    "back": ("#c62828", "#ff8a80"),
}


def stylesheet(scope: str) -> str:
    """The picture's CSS, all of it below the element `scope`: two pictures on one page don't meet.

    Dark follows the system, or the theme of JupyterLab or VS Code where the picture stands in their page; paper is
    always light.
    """
    light = _rules(scope, 0)
    dark = _rules(scope, 1)
    fonts = f"{scope} text{{font-family:Helvetica,Arial,'Liberation Sans',sans-serif}}"
    focus = f"{scope} g.node:focus{{outline:2px solid #1a73e8;outline-offset:2px}}"
    themed = "".join(
        _rules(f"{page} {scope}", 1)
        for page in ("body[data-jp-theme-light=false]", "body.vscode-dark", "[data-theme=dark]")
    )
    light_pages = "".join(
        _rules(f"{page} {scope}", 0) for page in ("body[data-jp-theme-light=true]", "[data-theme=light]")
    )
    return (
        f"{fonts}\n{focus}\n{light}\n@media (prefers-color-scheme:dark){{{dark}}}\n{light_pages}\n{themed}\n"
        f"@media print{{{_rules('svg' + scope, 0)}}}"
    )


def _rules(scope: str, theme: int) -> str:
    fills = [f"{scope} .f-{role}{{fill:{colors[theme]}}}" for role, colors in FILLS.items()]
    borders = [f"{scope} .s-{role}{{stroke:{colors[theme]}}}" for role, colors in BORDERS.items()]
    heads = [f"{scope} .h-{role}{{fill:{colors[theme]}}}" for role, colors in BORDERS.items()]
    inks = [f"{scope} .t-{role}{{fill:{colors[theme]}}}" for role, colors in INKS.items()]
    return "".join(fills + borders + heads + inks)

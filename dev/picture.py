"""`python -m dev.picture`: the README's picture, recorded from rollouts on a running cluster (`make demo KEEP=1`).

It asks for one version after the other, as a pipeline would, runs `kubectl modelrollout status` every second until the
run is over, and keeps the last thing it printed before phase, step or weight changed. Nothing is drawn by hand: the SVG
holds what the terminal showed, one frame after the other.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from xml.sax.saxutils import escape

import click
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

COLUMNS = 112
FRAME_SECONDS = 4.0
RUN_SECONDS = 600.0
OVER = ("Completed", "Watching", "RolledBack", "Withdrawn", "Invalid")

_DULL = ("454a54", "f07178", "86cd82", "ebc36e", "6eaaf0", "c896e6", "64c8c8", "d6d9de")
_BRIGHT = ("6e7480", "fa878c", "a0e196", "fad782", "8cbefa", "d7aff0", "82dcdc", "ffffff")


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour)
    return red, green, blue


_THEME = TerminalTheme(_rgb("181a1f"), _rgb("d6d9de"), [_rgb(one) for one in _DULL], [_rgb(one) for one in _BRIGHT])

_SIZE, _CELL, _LINE = 14.0, 8.43, 18.2
"""Pixels: of a letter, of the width of a column and of the height of a line."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What the terminal showed: the command, its output with colours, and the first line, which names the moment."""

    command: str
    output: str

    @property
    def moment(self) -> str:
        """The first line as plain text; it changes with phase, step and weight."""
        return Text.from_ansi(self.output).plain.partition("\n")[0].strip()


@click.command()
@click.option("--namespace", default="digits", show_default=True)
@click.option("--rollout", default="digits", show_default=True)
@click.option("--to", "targets", multiple=True, default=("v2", "v3"), show_default=True, help="Versions to ask for.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/images/rollout.svg"), show_default=True)
def picture(namespace: str, rollout: str, targets: Sequence[str], out: Path) -> None:
    """Ask for versions, record what `kubectl modelrollout status` shows, and write it as one SVG."""
    frames: list[Frame] = []
    for target in targets:
        patch = json.dumps({"spec": {"target": target}})
        command = ["kubectl", "patch", "modelrollout", rollout, "-n", namespace, "--type=merge", f"--patch={patch}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        frames += _record(namespace, rollout, target)
    out.write_text(draw(frames))
    click.echo(f"{out}: {len(frames)} frames")


def _record(namespace: str, rollout: str, target: str) -> list[Frame]:
    """Frames of one run, from its first weight to its end."""
    command = ["kubectl-modelrollout", "status", rollout, "-n", namespace]
    settings = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    frames: list[Frame] = []
    deadline = time.monotonic() + RUN_SECONDS
    while time.monotonic() < deadline:
        shown = subprocess.run(command, env=settings, check=True, capture_output=True, text=True).stdout
        frame = Frame(" ".join(["kubectl modelrollout", *command[1:]]), shown)
        if "RolledBack" in frame.moment and not frames:  # rejected before: it is not tried again unless asked for
            retry = ["kubectl-modelrollout", "retry", rollout, "-n", namespace]
            subprocess.run(retry, check=True, stdout=subprocess.DEVNULL)
        elif target in frame.moment or frames:
            if frames and frames[-1].moment == frame.moment:
                frames.pop()
            frames.append(frame)
            if any(word in frame.moment for word in OVER) and len(frames) > 1:
                return frames
        time.sleep(1.0)
    sys.exit(f"the run to {target} was not over within {RUN_SECONDS:g} s")


def draw(frames: Sequence[Frame]) -> str:
    """One SVG that shows the frames in turn; a viewer without animation shows the last one before the end."""
    screens = [_screen(frame) for frame in frames]
    width, height = (COLUMNS + 3) * _CELL, (max(map(len, screens)) + 2) * _LINE
    still = max((i for i, frame in enumerate(frames) if " step " in frame.moment), default=0)
    groups, rules, styles = [], [], dict[Style, str]()
    for number, screen in enumerate(screens):
        lines = "\n".join(_line(row, segments, styles) for row, segments in enumerate(screen))
        groups.append(f'<g class="frame{number}" opacity="{int(number == still)}">\n{lines}\n</g>')
        start, end = 100 * number / len(frames), 100 * (number + 1) / len(frames)
        rules.append(
            f".frame{number} {{ animation: show{number} {FRAME_SECONDS * len(frames):g}s step-end infinite }}\n"
            f"@keyframes show{number} {{ 0% {{ opacity: {int(number == 0)} }} {start:.3f}% {{ opacity: 1 }} "
            f"{end:.3f}% {{ opacity: {int(end >= 100)} }} }}"  # the last frame stays until the first one returns
        )
    rules.append("@media (prefers-reduced-motion: reduce) { g { animation: none !important } }")
    font = f"{_SIZE:g}px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
    rules.append(f"text {{ font: {font}; color: {_THEME.foreground_color.hex} }}")
    rules += [f".{name} {{ {style.get_html_style(_THEME)} }}" for style, name in styles.items()]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
            "<title>kubectl modelrollout status: one rollout is promoted, the next is taken back</title>",
            "<style>",
            *(rule.replace("color:", "fill:") for rule in rules),
            "</style>",
            f'<rect width="100%" height="100%" rx="8" fill="{_THEME.background_color.hex}"/>',
            *groups,
            "</svg>\n",
        ]
    )


def _screen(frame: Frame) -> list[list[Segment]]:
    """The lines of a frame, each as segments of one style."""
    console = Console(width=COLUMNS, file=StringIO(), color_system="truecolor")
    text = Text.assemble(("$ ", "bold green"), (frame.command, "bold"), "\n\n", Text.from_ansi(frame.output.rstrip()))
    return console.render_lines(text, console.options.update(no_wrap=True), pad=False)


def _line(row: int, segments: Sequence[Segment], styles: dict[Style, str]) -> str:
    """One line; whatever stands apart is placed by its column, as fonts differ in width and viewers eat spaces."""
    drawn, column = [], 0
    for segment in segments:
        name = styles.setdefault(segment.style or Style(), f"s{len(styles)}")
        for found in re.finditer(r"\S+(?: \S+)*", segment.text):
            left = (column + cell_len(segment.text[: found.start()]) + 1.5) * _CELL
            length = cell_len(found[0]) * _CELL
            drawn.append(
                f'<text class="{name}" x="{left:.1f}" y="{(row + 1.7) * _LINE:.1f}" textLength="{length:.1f}" '
                f'lengthAdjust="spacingAndGlyphs">{escape(found[0])}</text>'
            )
        column += cell_len(segment.text)
    return "".join(drawn)


if __name__ == "__main__":
    picture()

"""The look of a call's picture: names, colors that stay apart for everybody (Okabe-Ito, viridis), and their styles."""

from __future__ import annotations

MARK_SIGNS = {
    "interruption": "✂",
    "voice": "◦",
    "keys": "#",
    "media": "⇄",
    "machine": "✆",
    "failure": "✗",
    "end": "■",
}
"""What happened, by shape as well as by color."""

STAGE_FILLS = {
    "transcript": "s1",
    "token": "s2",
    "clause": "s3",
    "audio": "s4",
    "frame": "s5",
    "heard": "s6",
}

LEGEND = (
    ("caller", "caller"),
    ("we, heard", "reply"),
    ("filler", "filler"),
    ("apology", "apology"),
    ("sent, not heard", "reply unheard"),
    ("nobody measured", "reply estimated"),
    ("interruption", "interruption"),
    ("keys", "keys"),
    ("wait for the transcript", "s1"),
    ("for the first token", "s2"),
    ("first clause", "s3"),
    ("first audio", "s4"),
    ("first frame", "s5"),
    ("until heard", "s6"),
)
"""Words and the class of their swatch."""


def fill_of(purpose: str) -> tuple[str, str]:
    """The class of a stretch of speech, and that of writing on it."""
    match purpose:
        case "caller":
            return "caller", "on-dark"
        case "filler":
            return "filler", "on-light"
        case "apology":
            return "apology", "on-light"
        case _:
            return "reply", "on-dark"


STYLE = """
.ground{fill:#f7f7f5}
text{fill:#1b1b1b;font-size:11px}
.title{font-size:16px;font-weight:600}
.lane{font-size:12px;font-weight:600}
.quiet{fill:#575757}
.grid{stroke:#dededa;stroke-width:1}
rect.caller,path.caller{fill:#0072b2}
rect.reply,path.reply{fill:#00735a}
rect.filler{fill:#e69f00}
rect.apology{fill:#d55e00}
rect.unheard{fill-opacity:.25;stroke:#777;stroke-dasharray:2 2}
rect.estimated{fill-opacity:.75;stroke:#777;stroke-dasharray:6 3}
.wave{fill-opacity:.7}
.on-dark{fill:#fff}
.on-light{fill:#111}
.stage{stroke:#777;stroke-width:.5}
.s1{fill:#440154}.s2{fill:#3b528b}.s3{fill:#21918c}.s4{fill:#5ec962}.s5{fill:#fde725}.s6{fill:#9a9a9a}
.line{stroke:#777;stroke-width:1;stroke-dasharray:1 4}
.line.interruption,.line.failure{stroke:#d55e00;stroke-width:1.5;stroke-dasharray:5 3}
text.interruption,text.failure{fill:#a63c00;font-weight:600}
@media(prefers-color-scheme:dark){
.ground{fill:#1d1f21}
text{fill:#ececec}
.quiet{fill:#b0b0b0}
.grid{stroke:#3a3d40}
.on-dark{fill:#fff}
.on-light{fill:#111}
text.interruption,text.failure{fill:#ff9a57}
}
"""
"""Without variables, which not everything that shows an SVG knows."""

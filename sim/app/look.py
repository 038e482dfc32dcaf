"""The look of the desk: a calm light page in the colours of the charts."""

from typing import Any

from sim.charts.style import BLOC_HUE, FAINT, INK, PAPER, SOFT

THEME = {
    "theme.base": "light",
    "theme.primaryColor": BLOC_HUE["US"],
    "theme.backgroundColor": PAPER,
    "theme.secondaryBackgroundColor": "#F5F5F3",
    "theme.textColor": INK,
    "theme.borderColor": "#D8D8D4",
    "theme.baseRadius": "4px",
    "theme.baseFontSize": 15,
}
"""Streamlit's own settings; `darkhorse app` starts it with them."""

STYLE = f"""
<style>
[data-testid="stHeader"] {{ background: transparent; height: 2.2rem; }}
[data-testid="stToolbar"] [data-testid="stAppDeployButton"], #MainMenu, footer {{ display: none; }}
[data-testid="stMainBlockContainer"] {{ padding: 1.2rem 2.2rem 3rem; max-width: 1500px; }}
[data-testid="stSidebarHeader"] {{ height: 1.6rem; padding: 0.3rem 0.6rem 0; margin: 0; min-height: 0; }}
[data-testid="stSidebarUserContent"] {{ padding: 0 1rem 2rem; }}
[data-testid="stSidebar"] [data-testid="stVerticalBlock"] {{ gap: 0.35rem; }}
[data-testid="stSidebar"] [data-testid="stMarkdownContainer"] p {{ font-size: 0.86rem; }}
[data-testid="stSidebar"] [data-testid="stButtonGroup"] button[data-variant="segmented_control"] {{
  padding: 0; min-height: 1.45rem; min-width: 0; flex: 1 1 auto; }}
[data-testid="stSidebar"] [data-testid="stButtonGroup"] button p {{ font-size: 0.74rem; }}
[data-testid="stSidebar"] [data-testid="stButtonGroup"] button[data-variant="pills"] {{
  padding: 0 0.5rem; min-height: 1.4rem; }}
[data-testid="stSidebar"] [data-testid="stSlider"] {{ padding: 0.15rem 0.5rem 0; }}
.desk-heading {{ font-weight: 650; font-size: 1.05rem; padding-top: 0.5rem; }}
.st-key-question [data-testid="stHorizontalBlock"], .st-key-view [data-testid="stHorizontalBlock"] {{
  flex-wrap: wrap; row-gap: 0.5rem; }}
.st-key-question [data-testid="stColumn"] {{ min-width: 5.6rem; }}
.st-key-question [data-testid="stColumn"]:nth-child(-n+2) {{ min-width: 10rem; }}
.st-key-view [data-testid="stColumn"] {{ min-width: 11rem; }}
.st-key-view button {{ padding: 0.2rem 0.5rem; }}
[data-testid="stVegaLiteChart"] {{ overflow-x: auto; max-width: 100%; }}
@media (min-width: 700px) {{
  [data-testid="stVegaLiteChart"] svg.marks {{ max-width: 100%; height: auto; }}
  .st-key-panel_chain [data-testid="stVegaLiteChart"] svg.marks {{ max-width: max(100%, 46rem); }}
}}
[data-testid="stSidebar"] [data-testid="stExpanderDetails"] {{ padding: 0.4rem 0.8rem 0.7rem; }}
[data-testid="stSidebar"] [data-testid="stCaptionContainer"] {{ margin-bottom: 0.2rem; }}
[data-stale="true"] {{ opacity: 1 !important; transition: none !important; }}
h1 {{ font-size: 1.55rem !important; padding: 0 !important; font-weight: 650 !important; }}
h2 {{ font-size: 1.15rem !important; padding: 0.4rem 0 0 !important; font-weight: 650 !important; }}
.desk-line {{ color: {SOFT}; font-size: 0.86rem; margin: 0.1rem 0 0.4rem; }}
.desk-cards {{ display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 0.8rem; margin: 0.3rem 0; }}
.desk-card {{ border: 1px solid {FAINT}; border-top: 3px solid {BLOC_HUE["CN"]}; border-radius: 4px;
  padding: 0.6rem 0.8rem 0.7rem; background: {PAPER}; }}
.desk-card .title {{ color: {SOFT}; font-size: 0.82rem; line-height: 1.25; min-height: 2.05em; }}
.desk-card .month {{ white-space: nowrap; }}
.desk-card .value {{ font-size: 1.75rem; font-weight: 650; line-height: 1.25; color: {INK}; }}
.desk-card .interval {{ color: {SOFT}; font-size: 0.8rem; }}
.desk-card .range {{ color: {SOFT}; font-size: 0.8rem; line-height: 1.3; }}
.desk-card .change {{ color: {INK}; font-size: 0.82rem; line-height: 1.3; margin-top: 0.4rem;
  padding-top: 0.4rem; border-top: 1px solid {FAINT}; }}
.desk-title {{ font-weight: 650; font-size: 1.02rem; line-height: 1.3; margin: 0.3rem 0 0; color: {INK}; }}
.desk-reading {{ color: {SOFT}; font-size: 0.82rem; margin: 0.15rem 0 0.2rem; }}
.desk-notes {{ color: {SOFT}; font-size: 0.78rem; line-height: 1.4; margin: 0; }}
.desk-cautions {{ border-left: 3px solid #B58900; background: #FBF7EA; padding: 0.5rem 0.9rem; margin: 0.4rem 0;
  font-size: 0.86rem; color: {INK}; border-radius: 0 4px 4px 0; }}
.desk-cautions ul {{ margin: 0; padding-left: 1.1rem; }}
.desk-cautions li {{ font-size: 0.86rem; margin: 0.1rem 0; }}
.desk-memo {{ width: 100%; border-collapse: collapse; font-size: 0.84rem; }}
.desk-memo th {{ text-align: left; color: {SOFT}; font-weight: 500; border-bottom: 1px solid {FAINT}; }}
.desk-memo td, .desk-memo th {{ padding: 0.35rem 0.6rem 0.35rem 0; vertical-align: top; }}
.desk-memo td {{ border-bottom: 1px solid {FAINT}; }}
.desk-memo .bar {{ width: 90px; height: 9px; margin-top: 0.3rem; background: {FAINT}; border-radius: 2px; }}
.desk-memo .bar div {{ height: 9px; background: {BLOC_HUE["US"]}; border-radius: 2px; }}
@media (max-width: 1150px) {{ .desk-cards {{ grid-template-columns: repeat(2, minmax(0, 1fr)); }} }}
@media (max-width: 520px) {{
  .desk-cards {{ grid-template-columns: minmax(0, 1fr); }}
  [data-testid="stMainBlockContainer"] {{ padding: 1.2rem 0.9rem 3rem; }}
  .desk-memo td:nth-child(3), .desk-memo th:nth-child(3), .desk-memo td:nth-child(5), .desk-memo th:nth-child(5)
    {{ display: none; }}
}}
</style>
"""
"""Rules for the parts that Streamlit's settings do not reach, and for the cards."""


def icon() -> Any:
    """Return the icon of the tab, 32 by 32 pixels: three sliders. A named one would be fetched from the network."""
    import numpy as np
    from PIL import Image

    picture = np.full((32, 32, 3), 255, dtype=np.uint8)
    for row, (hue, knob) in zip((6, 15, 24), ((BLOC_HUE["US"], 20), (BLOC_HUE["CN"], 8), (SOFT, 15)), strict=True):
        colour = [int(hue[place : place + 2], 16) for place in (1, 3, 5)]
        picture[row : row + 2, 2:30] = colour
        picture[row - 3 : row + 5, knob : knob + 6] = colour
    return Image.fromarray(picture)
